"""`Machine`: boot, spawn, run, report. The supervisor's half of everything.

    with Machine(cpus=4, policy="inko", seed=7) as machine:
        job = machine.spawn("primes.elf", "1000000")
        report = machine.run()
    print(job.exit_status, report.migrations)

The supervisor is the user's own process.  It makes the segments, starts the CPUs, the system server
and the timekeeper, adds and removes CPUs (cpus.py), watches all of them (watching.py), and waits for the
signal of the last scheduler to exit; it makes no scheduling decision.
"""

import contextlib
import os
import time

import msgpack
import psutil
import zmq

from ..cpu_worker.mail import Mail, address
from ..kernel import kill_reasons
from ..kernel.failures import FAIL_STUCK
from ..kernel.ipi import count_call, owed, post
from ..kernel.states import LIFE_CREATED
from ..kernel.suspend import suspended
from ..limits import (
    COMPACT_PERCENT,
    IPI_CALL,
    IPI_STOP,
    KEEPER_SPIN_NS,
    MAX_CPUS,
    MAX_QUEUES,
    MAX_THREADS,
    SERVER,
    SLACK_NS,
    SUPERVISOR,
    TIMEKEEPER,
)
from ..shm.clock import calibrate, read_clock
from ..shm.segment import Window
from . import waits
from .children import Descriptor, start, start_forkserver, uninterrupted
from .config import Config, MachineError, parse_size
from .cpus import free_slot, prepare_slot, tell_to_leave
from .directory import make_directory, remove_directory
from .loader import read_program
from .report import make_report
from .say import say
from .standard import STANDARD, is_closed, take_closed_standard_descriptors
from .symbols import symbols_of
from .threads import living_threads
from .tracing import TRACE_LIMIT_BYTES, Recorder
from .warmup import ensure_warm
from .watchdog import Watchdog
from .watching import Watching

SIGINT, SIGKILL = 2, 9
REPLY_TIMEOUT_MS = 60_000
PATIENCE_S = 5.0
ENVIRONMENT = ("TERM", "COLORTERM", "LANG")  # of the host's, captured once at boot (rust-9)


class Job:
    """A program running on a machine."""

    def __init__(self, machine, index):
        self._machine = machine
        self.index = index
        self._status = None
        self._kill_reason = 0
        self.root = ""  # its name, where its death is the machine's
        self.program = None  # its path

    @property
    def wait_status(self):
        """As from wait(2), None while it runs."""
        self._machine._collect()
        return self._status

    @property
    def done(self):
        return self.wait_status is not None

    @property
    def exit_status(self):
        """The exit code, 128 + n for a fatal signal n, None while it runs."""
        status = self.wait_status
        if status is None:
            return None
        return 128 + (status & 0x7F) if status & 0x7F else status >> 8

    @property
    def kill_reason(self):
        """Why it ended, in words (alux-8): "exited", "unhandled fault", "unowned memory"…; "" while it runs."""
        self._machine._collect()
        return kill_reasons.NAMES[self._kill_reason]


class Machine(Watching):
    """A symmetric multiprocessor of `cpus` processes. Options: machine/config.py.

    stdin, stdout, stderr are the guest's host descriptors; one of 0, 1, 2 that is closed is closed
    for the guest, too.  `trace` is the file that gets all events (machine/tracing.py).
    MachineError for everything that the user can mend.  One thread uses
    a machine: towards the CPUs it is one actor, and its records take no lock.
    """

    def __init__(self, cpus=None, policy="inko", *, stdin=0, stdout=1, stderr=2, quiet=False, trace=None,
                 trace_limit=TRACE_LIMIT_BYTES, **options):
        take_closed_standard_descriptors()
        self.config = Config.make(cpus, policy, quiet=quiet, **options)
        self._stdio = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        self._quiet = quiet
        self.trace, self._trace_limit_bytes = trace, parse_size(trace_limit, "limit of traces")
        self._recorder = None
        self._base_environment = {
            "PATH": "/bin", "HOME": "/root",
            **{k: os.environ[k] for k in ENVIRONMENT if k in os.environ},
        }  # fmt: skip
        self.jobs = []
        self.window = None
        self._processes = {}
        self._mail = None
        self._interrupted = False
        self._failure = ""  # what `fail` was told
        self._symbols = {}  # program -> its names
        self._last_waits = []  # what `waits` said when the run was interrupted
        self._watchdog = None

    # --- boot and shut-down -------------------------------------------------------------------

    def __enter__(self):
        try:
            if self.trace is not None:
                self._recorder = Recorder(self.trace, self._trace_limit_bytes)
            ensure_warm(self._quiet)
            start_forkserver()
            with uninterrupted():
                self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        with uninterrupted():
            self._shut_down()

    def _boot(self):
        config = self.config
        for name, descriptor in self._stdio.items():
            if descriptor not in STANDARD and is_closed(descriptor):
                raise MachineError(f"{name}={descriptor}: not an open descriptor")
        self._directory = make_directory()
        self.window = Window.create(config.memory_bytes)
        self._fill(self.window.machine)
        self._watchdog = Watchdog(self.window.machine, config.patience_s)
        if self._recorder:
            self._recorder.begin(self.window, config)
        self._mail = Mail(self._directory, SUPERVISOR, self.window.machine)
        self._control = self._mail.context.socket(zmq.DEALER)
        self._control.setsockopt(zmq.RCVTIMEO, REPLY_TIMEOUT_MS)
        self._control.connect(address(self._directory, "control"))
        self._shared = {
            "address": self.window.address,
            "memory_bytes": config.memory_bytes,
            "directory": str(self._directory),
            "policy": config.policy,
            "seed": config.seed,
            "cpus": config.cpus,
            "pin": config.pin,
            "mounts": [tuple(m) for m in config.mounts],
        }
        stdio = [None if is_closed(d) else Descriptor(d) for d in self._stdio.values()]
        self._processes[SERVER] = start("emu-server", "emu.machine.server", self._shared, self._segments(), stdio)
        self._processes[TIMEKEEPER] = start("emu-timekeeper", "emu.machine.timekeeper", self._shared, self._segments())
        for cpu in range(config.cpus):
            self._start_cpu(cpu)

    def _segments(self):
        return [Descriptor(d) for d in self.window.descriptors]

    def _start_cpu(self, cpu):
        self._processes[cpu] = start(f"emu-cpu-{cpu}", "emu.cpu_worker.process", self._shared, cpu, self._segments())

    def _fill(self, m):
        config = self.config
        m["nr_cpus"] = config.cpus
        m["nr_frames"] = m["nr_free_frames"] = config.memory_bytes >> 12
        m["seed"] = config.seed
        m["boot_ns"] = time.monotonic_ns()
        calibrate(m)
        m["one_queue"] = config.one_queue
        m["lock_free"] = config.lock_free
        m["nr_cores"] = config.topology.cores
        m["host_cores"] = len(psutil.Process().cpu_affinity())
        m["cores_per_package"] = config.topology.cores_per_package
        m["parameters"][: len(config.parameters)] = config.parameters
        m["slice_ns"] = config.slice_ns
        m["max_threads_per_task"] = config.max_threads
        m["poll_ns"] = config.poll_ns
        m["slack_ns"] = SLACK_NS
        m["keeper_spin_ns"] = KEEPER_SPIN_NS
        m["compact_percent"] = COMPACT_PERCENT
        m["free_thread"] = m["free_task"] = m["free_frame"] = -1
        m["active"] = (1 << config.cpus) - 1
        for queue in range(MAX_QUEUES):
            m["queues"][queue]["life"] = LIFE_CREATED
        m["buckets"]["head"] = m["buckets"]["tail"] = -1
        for actor in (SUPERVISOR, SERVER, TIMEKEEPER):
            m["cpus"][actor]["current"] = -1

    def _shut_down(self):
        """End everything, by the ordinary path if possible; nothing is left behind."""
        if self.window and self._mail:
            with contextlib.suppress(MachineError, OSError):
                if self._is_active() and not self._failed():
                    self._ask("kill", SIGKILL, -1)
                    self._ask("close")
                    self._wait_until(lambda: not self._is_active(), time.monotonic() + PATIENCE_S)
            if self._is_active() and not self._failed():
                self._fail(FAIL_STUCK, SUPERVISOR)
            self._stop_all()
        self._collect()
        for process in self._processes.values():
            process.join(PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()
        self._processes.clear()
        if self._recorder:
            self._recorder.finish()
            self._recorder = None
        if self._mail:
            self._control.close(0)
            self._mail.context.destroy(linger=0)
            self._mail = None
        if self.window:
            self._watchdog = None  # its views of the machine record
            self.window.destroy()
            self.window = None
            remove_directory(self._directory)

    def _stop_all(self):
        for actor in self._processes:
            self._mail.wake(post(self.window.address, SUPERVISOR, actor, IPI_STOP))

    # --- what users do ------------------------------------------------------------------------

    def spawn(self, program, *arguments, env=None, root=False):
        """Start a program (a path, or the name of one of emu's guests); returns its Job.

        `env` adds to the guest's environment.  If a root program is killed, the machine fails
        (rust-6).  MachineError when the program is not one that this machine can run.
        """
        image = read_program(program)
        argv = [os.fsencode(str(a)) for a in (program, *arguments)]
        environment = {**self._base_environment, **(env or {})}
        encoded = {os.fsencode(k): os.fsencode(v) for k, v in environment.items()}
        if not self.jobs:
            self.window.machine["boot_ns"] = time.monotonic_ns()  # wall time is the guests'
        job = Job(self, self._ask("spawn", image, argv, encoded))
        job.root = str(program) if root else ""
        job.program = os.fsdecode(image["path"])
        self.jobs.append(job)
        return job

    def run(self, limit_s=None):
        """Until the last scheduler exits; returns the Report. Ctrl-C ends the guests first.

        MachineError when that takes longer than `limit_s`; the guests end with the machine.
        """
        try:
            self._ask("close")
            self._wait_for_schedulers(None if limit_s is None else time.monotonic() + limit_s)
            if self._is_active():
                say("emu: who waits for what:", *self.waits())
                raise MachineError(f"the guests did not end within {limit_s:g} s")
        except KeyboardInterrupt:
            self._interrupted = True
            self._last_waits = self.waits()
            self._ask("kill", SIGINT, -1)
            self._ask("close")
            self._wait_for_schedulers()
        self._collect()
        return self.report()

    def kill(self, job, signal=SIGKILL):
        """End a job as by a fatal signal."""
        self._ask("kill", signal, job.index)

    def fail(self, reason):
        """The kernel fails (rust-6): every task is killed, the schedulers stop by the ordinary path.

        `run` then raises MachineError with the reason.
        """
        if not self._failure:
            self._failure = str(reason)
            self._ask("kill", SIGKILL, -1, kill_reasons.KILL_MACHINE_FAILED)
            self._ask("close")

    def add_cpu(self):
        """Start one more CPU on the running machine; its number (rust-4)."""
        self._need_running()
        self._reap_cpus()
        cpu = free_slot(self)
        prepare_slot(self, cpu)
        with uninterrupted():
            self._start_cpu(cpu)
        self.call(cpu, "ping", 0)
        return cpu

    def remove_cpu(self, cpu, wait=True):
        """Take a CPU from the running machine: what can move moves, what is pinned to it is waited for (rust-4)."""
        self._need_running()
        tell_to_leave(self, cpu)
        if wait:
            self._wait_until(lambda: not int(self.window.machine["active"]) >> cpu & 1)
        self._reap_cpus()

    def threads(self, job=None):
        """The living threads, of one job or all: a list of ThreadInfo."""
        found = living_threads(self.window, None if job is None else job.index)
        self._send_kicks()
        return found

    def waits(self):
        """Who waits for what: the lines of a table, one for each living thread (waits.py)."""
        m, now_ns = self.window.machine, read_clock(self.window.address)
        found = waits.waits(m, now_ns, time.monotonic_ns(), self._symbol)
        return waits.table(found) if found else []

    def _symbol(self, job, pc):
        """The name of a place in a job's program, "" without."""
        program = next((j.program for j in self.jobs if j.index == job), None)
        if program is None:
            return ""
        if program not in self._symbols:
            self._symbols[program] = symbols_of(program)
        return self._symbols[program].at(pc)

    def suspend(self, thread, wait=True):
        """Stop a thread (a ThreadInfo or its handle) at its next safe point (cz-5); False when it was stopped already.

        With `wait` returns when it has stopped, has left, or was resumed by somebody else meanwhile (cz-18).
        MachineError for a thread that has left.
        """
        handle = getattr(thread, "handle", thread)
        asked = self._ask("suspend", handle, SUPERVISOR + 1 if wait else 0)
        if asked < 0:
            raise MachineError(f"thread {handle:#x} has left")
        if wait:
            self._wait_until(lambda: self._suspension(handle) != 0)
        return bool(asked)

    def _suspension(self, handle):
        """0 while a suspend has not taken effect yet."""
        state = suspended(self.window.address, SUPERVISOR, handle)
        self._send_kicks()
        return state

    def _send_kicks(self):
        """The messages that are owed after compiled code was called."""
        self._mail.wake(owed(self.window.address, SUPERVISOR))

    def resume(self, thread):
        """Let a suspended thread go on; False when it was not suspended."""
        handle = getattr(thread, "handle", thread)
        asked = self._ask("resume", handle)
        if asked < 0:
            raise MachineError(f"thread {handle:#x} has left")
        return bool(asked)

    def set_limit(self, name, value):
        """Change a limit while guests run (kse-5): "max_threads_per_task"."""
        if name != "max_threads_per_task" or not 1 <= int(value) <= MAX_THREADS:
            raise MachineError(f"limit {name}={value}: expected max_threads_per_task=1 to {MAX_THREADS}")
        self.window.machine[name] = int(value)

    def _need_running(self):
        if not self._is_active():
            raise MachineError("the machine has stopped: its last scheduler has exited")

    def _reap_cpus(self):
        """Forget the processes of CPUs that have left."""
        for cpu in [a for a in self._processes if a < MAX_CPUS and not self._needed(a)]:
            self._processes.pop(cpu).join(PATIENCE_S)

    def report(self):
        """The figures so far."""
        counted = {} if self._failed() else self._ask("figures")
        return make_report(
            self.window.machine, self.config, time.monotonic_ns(), counted, self._interrupted, self._last_waits
        )

    def call(self, cpu, name, *arguments):
        """Execute a function on a CPU by a CALL interrupt and return its reply ("ping", "where")."""
        with self._mail.context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.RCVTIMEO, REPLY_TIMEOUT_MS)
            socket.connect(address(self._directory, f"call-{cpu}"))
            socket.send(msgpack.packb([name, *arguments]))
            count_call(self.window.address, cpu)
            self._mail.wake(post(self.window.address, SUPERVISOR, cpu, IPI_CALL))
            return self._reply(socket, f"CPU {cpu}")

    def _collect(self):
        """Take over the final statuses of jobs."""
        if self.window:
            for job in self.jobs:
                record = self.window.machine["jobs"][job.index]
                if record["done"]:
                    job._status = int(record["status"])
                    job._kill_reason = int(record["kill_reason"])

    def _ask(self, name, *arguments):
        """A request to the system server and its answer."""
        self._control.send(msgpack.packb([name, *arguments]))
        return self._reply(self._control, "the system server")

    def _reply(self, socket, who):
        waited = 0
        while not socket.poll(200):
            waited += 200
            if self.window is not None:
                self._check()  # says why
            if SERVER not in self._processes or not self._processes[SERVER].is_alive():
                raise MachineError(f"{who} does not answer: the machine failed")
            if waited >= REPLY_TIMEOUT_MS:
                raise MachineError(f"{who} did not answer within {REPLY_TIMEOUT_MS // 1000} s")
        reply = msgpack.unpackb(socket.recv(), strict_map_key=False)
        if "error" in reply:
            raise MachineError(reply["error"])
        return reply["result"]
