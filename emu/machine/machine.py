"""`Machine`: boot, spawn, run, report. The supervisor's half of everything.

    with Machine(cpus=4, policy="inko", seed=7) as machine:
        job = machine.spawn("primes.elf", "1000000")
        report = machine.run()
    print(job.exit_status, report.migrations)

The supervisor is the user's own process.  It makes the segments, starts the CPUs and
the system server, watches them, and waits for the signal of the last scheduler to
exit, looking again in a loop (rust-3); it makes no scheduling decision.
"""

import contextlib
import os
import time
from multiprocessing import connection

import msgpack
import zmq

from ..cpu_worker import process as cpu_process
from ..cpu_worker.mail import Mail, address
from ..kernel.failures import FAIL_CPU_DIED, FAIL_SERVER_DIED, explain
from ..kernel.ipi import ASLEEP, INTERRUPTED, begin_park, count_call, end_park, post, take_pending
from ..kernel.states import LIFE_CREATED
from ..limits import (
    IPI_CALL,
    IPI_STOP,
    MAX_QUEUES,
    SERVER,
    SUPERVISOR,
)
from ..shm.segment import Window
from . import server as server_process
from .children import Descriptor, start, start_forkserver, uninterrupted
from .config import Config, MachineError
from .directory import make_directory, remove_directory
from .loader import read_program
from .report import make_report
from .warmup import ensure_warm

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


class Machine:
    """A symmetric multiprocessor of `cpus` processes. Options: machine/config.py.

    stdin, stdout, stderr are the guest's host descriptors.  MachineError for everything
    that the user can mend.
    """

    def __init__(self, cpus=None, policy="inko", *, stdin=0, stdout=1, stderr=2, quiet=False, **options):
        self.config = Config.make(cpus, policy, **options)
        self._stdio = (stdin, stdout, stderr)
        self._quiet = quiet
        self._base_environment = {
            "PATH": "/bin", "HOME": "/root",
            **{k: os.environ[k] for k in ENVIRONMENT if k in os.environ},
        }  # fmt: skip
        self.jobs = []
        self.window = None
        self._processes = {}
        self._mail = None
        self._interrupted = False

    # --- boot and shut-down -------------------------------------------------------------------

    def __enter__(self):
        ensure_warm(self._quiet)
        start_forkserver()
        try:
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
        self._directory = make_directory()
        self.window = Window.create(config.memory_bytes)
        self._fill(self.window.machine)
        self._mail = Mail(self._directory, SUPERVISOR)
        self._control = self._mail.context.socket(zmq.DEALER)
        self._control.setsockopt(zmq.RCVTIMEO, REPLY_TIMEOUT_MS)
        self._control.connect(address(self._directory, "control"))
        shared = {
            "address": self.window.address,
            "memory_bytes": config.memory_bytes,
            "directory": str(self._directory),
            "policy": config.policy,
            "seed": config.seed,
            "cpus": config.cpus,
            "pin": config.pin,
            "mounts": [tuple(m) for m in config.mounts],
        }
        segments = [Descriptor(d) for d in self.window.descriptors]
        stdio = [Descriptor(d) for d in self._stdio]
        self._processes[SERVER] = start("emu-server", server_process.main, shared, segments, stdio)
        for cpu in range(config.cpus):
            self._processes[cpu] = start(f"emu-cpu-{cpu}", cpu_process.main, shared, cpu, segments)

    def _fill(self, m):
        config = self.config
        m["nr_cpus"] = config.cpus
        m["nr_frames"] = m["nr_free_frames"] = config.memory_bytes >> 12
        m["seed"] = config.seed
        m["boot_ns"] = time.monotonic_ns()
        m["slice_ns"] = config.slice_ns
        m["poll_ns"] = config.poll_ns
        m["free_thread"] = m["free_task"] = m["free_frame"] = -1
        m["active"] = (1 << config.cpus) - 1
        for queue in range(MAX_QUEUES):
            q = m["queues"][queue]
            q["head"] = q["tail"] = -1
            q["life"] = LIFE_CREATED
        m["buckets"]["head"] = m["buckets"]["tail"] = -1
        for actor in (SUPERVISOR, SERVER):
            m["cpus"][actor]["current"] = -1

    def _shut_down(self):
        """End everything, by the ordinary path if possible; nothing is left behind."""
        if self.window and self._mail:
            with contextlib.suppress(MachineError, OSError):
                if self._is_active() and not self._failed():
                    self._ask("kill", SIGKILL, -1)
                    self._ask("close")
                    self._wait_for_schedulers(time.monotonic() + PATIENCE_S)
            if self._is_active() and not self._failed():
                self._fail(FAIL_CPU_DIED, SUPERVISOR)
            self._stop_all()
        self._collect()
        for process in self._processes.values():
            process.join(PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()
        self._processes.clear()
        if self._mail:
            self._control.close(0)
            self._mail.context.destroy(linger=0)
            self._mail = None
        if self.window:
            self.window.destroy()
            self.window = None
            remove_directory(self._directory)

    def _stop_all(self):
        for actor in self._processes:
            self._mail.wake(post(self.window.address, SUPERVISOR, actor, IPI_STOP))

    # --- what users do ------------------------------------------------------------------------

    def spawn(self, program, *arguments, env=None):
        """Start a program (a path, or the name of one of emu's guests); returns its Job.

        `env` adds to the guest's environment.  MachineError when the program is not one
        that this machine can run.
        """
        image = read_program(program)
        argv = [os.fsencode(str(a)) for a in (program, *arguments)]
        environment = {**self._base_environment, **(env or {})}
        encoded = {os.fsencode(k): os.fsencode(v) for k, v in environment.items()}
        if not self.jobs:
            self.window.machine["boot_ns"] = time.monotonic_ns()  # wall time is the guests'
        job = Job(self, self._ask("spawn", image, argv, encoded))
        self.jobs.append(job)
        return job

    def run(self):
        """Until the last scheduler exits; returns the Report. Ctrl-C ends the guests first."""
        try:
            self._ask("close")
            self._wait_for_schedulers()
        except KeyboardInterrupt:
            self._interrupted = True
            self._ask("kill", SIGINT, -1)
            self._ask("close")
            self._wait_for_schedulers()
        self._collect()
        return self.report()

    def kill(self, job, signal=SIGKILL):
        """End a job as by a fatal signal."""
        self._ask("kill", signal, job.index)

    def report(self):
        """The figures so far."""
        unknown = {} if self._failed() else self._ask("figures")["unknown_calls"]
        return make_report(
            self.window.machine, self.config, time.monotonic_ns(), unknown, self._interrupted
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

    # --- waiting and watching -----------------------------------------------------------------

    def _wait_for_schedulers(self, deadline=None):
        """Until no scheduler is active: a wake-up is a hint, never a fact (rust-3)."""
        while self._is_active():
            if self._failed():
                m = self.window.machine
                self._stop_all()
                raise MachineError(
                    f"the machine failed: {explain(int(m['failed']), int(m['failed_value']))}"
                )
            if deadline is not None and time.monotonic() > deadline:
                return
            self._sleep(deadline)

    def _sleep(self, deadline):
        base = self.window.address
        take_pending(base, SUPERVISOR)
        if not self._is_active() or self._failed():
            return
        parked = begin_park(base, SUPERVISOR)
        if parked == INTERRUPTED:
            return
        try:
            if parked == ASLEEP:
                self._poll(None if deadline is None else max(0, deadline - time.monotonic()))
        finally:
            consumed = self._mail.take()
            if end_park(base, SUPERVISOR, int(consumed)):
                self._mail.sleep()
                end_park(base, SUPERVISOR, 1)

    def _poll(self, timeout):
        """Sleep until a wake-up or until a child dies that should not."""
        if not self._mail.pending():
            sentinels = {p.sentinel: actor for actor, p in self._processes.items()}
            watched = [self._mail.descriptor, *(s for s, a in sentinels.items() if self._needed(a))]
            ready = connection.wait(watched, timeout)
            for actor in (sentinels[r] for r in ready if r in sentinels):
                if self._needed(actor):
                    self._fail(FAIL_SERVER_DIED if actor == SERVER else FAIL_CPU_DIED, actor)

    def _needed(self, actor):
        return actor == SERVER or bool(int(self.window.machine["active"]) >> actor & 1)

    def _fail(self, code, value):
        m = self.window.machine
        if not m["failed"]:
            m["failed_value"] = value
            m["failed"] = code

    def _failed(self):
        return self.window is None or bool(self.window.machine["failed"])

    def _is_active(self):
        return bool(self.window.machine["active"])

    def _collect(self):
        """Take over the final statuses of jobs."""
        if self.window:
            for job in self.jobs:
                record = self.window.machine["jobs"][job.index]
                if record["done"]:
                    job._status = int(record["status"])

    def _ask(self, name, *arguments):
        """A request to the system server and its answer."""
        self._control.send(msgpack.packb([name, *arguments]))
        return self._reply(self._control, "the system server")

    def _reply(self, socket, who):
        waited = 0
        while not socket.poll(200):
            waited += 200
            if SERVER not in self._processes or not self._processes[SERVER].is_alive() or self._failed():
                raise MachineError(f"{who} does not answer: the machine failed")
            if waited >= REPLY_TIMEOUT_MS:
                raise MachineError(f"{who} did not answer within {REPLY_TIMEOUT_MS // 1000} s")
        reply = msgpack.unpackb(socket.recv(), strict_map_key=False)
        if "error" in reply:
            raise MachineError(reply["error"])
        return reply["result"]
