"""`Machine`: boot, spawn, run, report. The supervisor's half of everything.

    with Machine(cpus=4, policy="inko", seed=7) as machine:
        job = machine.spawn("primes.elf", "1000000")
        report = machine.run()
    print(job.exit_status, report.migrations)

The supervisor is the user's own process.  It makes the segments, starts the CPUs, the system server
and the timekeeper, adds and removes CPUs (cpus.py), looks at threads (thread_calls.py), watches all of its
processes (watching.py), and waits for the signal of the last scheduler to exit; it makes no scheduling decision.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any, Self

import zmq

from ..abi.signals import SIGINT, SIGKILL, SIGRTMAX
from ..actor.mail import RECONNECT_MS, Mail, address
from ..errors import MachineError, refusals_of_the_host, say
from ..kernel.failures import FAIL_STUCK
from ..kernel.ipi import owed, post
from ..kernel.task import kill_reasons
from ..limits import (
    DEFAULT_MEMORY_BYTES,
    IPI_STOP,
    MAX_CPUS,
    MAX_THREADS,
    POLL_NS,
    SERVER,
    SLICE_NS,
    SUPERVISOR,
    TIMEKEEPER,
    TRANSLATOR,
)
from ..shm.regions import TRANSLATE_OFF, can_translate
from ..shm.segment import Window
from ..shm.tags import alive
from ..trace.recorder import TRACE_LIMIT_BYTES, Recorder
from .arguments import integer, packed, seconds
from .asking import Asking
from .children import Descriptor, end_all, start, start_forkserver
from .config import Config, Parameters, check_limit, parse_size
from .control import ControlServer
from .cpus import HotPlug
from .description import Description
from .directory import make_directory, remove_directory
from .filling import fill
from .host_process import HostTimes, host_times
from .jobs import Job, Jobs
from .ownership import BOOTING, RUNNING, Owned, in_use
from .pausing import Pausing
from .profile import Profiler
from .programs import Programs
from .report import ProcessReport, Report, make_report
from .standard import STANDARD, is_closed, need_descriptors, take_closed_standard_descriptors
from .thread_calls import ThreadCalls
from .warmup import ensure_warm
from .watchdog import PATIENCE_S as PATIENCE_OF_WATCHDOG_S
from .watchdog import Watchdog
from .watching import SERVANTS, Watching

ZMQ_DESCRIPTORS, CHILD_DESCRIPTORS = 14, 2  # what a supervisor keeps open, or for a call of a CPU
PATIENCE_S = 5.0  # for what ends by the ordinary path
FAILED_PATIENCE_S = 0.5  # for what is left of a machine that has failed
ENVIRONMENT = ("TERM", "COLORTERM", "LANG")  # of the host's, captured once at boot (rust-9)
CALLS = ("ping", "where")  # what a CPU executes for `call`


class Machine(HotPlug, ThreadCalls, Programs, Pausing, Asking, Watching, Owned):
    """A symmetric multiprocessor of `cpus` processes. Options: machine/config.py.

    stdin, stdout, stderr are the guest's host descriptors; one of 0, 1, 2 that is closed is closed
    for the guest, too.  `trace` is the file that gets all events (trace/recorder.py), with
    `trace_wait` even where CPUs have to wait for the recorder;
    with `profile` the report says which functions retired how many instructions (profile.py).
    `snapshot_on_failure` is the file that gets a snapshot of the machine when it fails (last_snapshot.py).
    MachineError for everything that the user can mend.  Who may use a machine, and when: machine/ownership.py.
    """

    def __init__(
        self,
        cpus: int | str | None = None,
        policy: str = "inko",
        *,
        seed: int | str | None = None,
        topology: str | None = None,
        memory: int | str = DEFAULT_MEMORY_BYTES,
        mounts: Iterable[str] = (),
        parameters: Parameters = (),
        max_threads: int | str = MAX_THREADS,
        limits: Mapping[str, int] | Iterable[tuple[str, int]] = (),
        blocking_cpus: int | str = 0,
        translator: str = "on",
        patience_s: float | str = PATIENCE_OF_WATCHDOG_S,
        pin: bool = True,
        poll_ns: int = POLL_NS,
        slice_ns: int = SLICE_NS,
        stdin: int = 0,
        stdout: int = 1,
        stderr: int = 2,
        quiet: bool = False,
        trace: str | os.PathLike[str] | None = None,
        trace_limit: int | str = TRACE_LIMIT_BYTES,
        trace_wait: bool = False,
        profile: bool = False,
        snapshot_on_failure: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        take_closed_standard_descriptors()
        self.config = Config.make(
            cpus, policy, seed, topology, memory, mounts, pin, poll_ns, slice_ns, max_threads, patience_s, parameters,
            quiet, blocking_cpus, limits, translator,
        )  # fmt: skip
        self._stdio = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        self._quiet = quiet
        self.snapshot_on_failure = snapshot_on_failure
        self.trace, self._trace_limit_bytes = trace, parse_size(trace_limit, "limit of traces")
        self._trace_wait = trace_wait
        self._recorder: Recorder | None = None
        self._profiler = Profiler() if profile else None
        self._base_environment = {
            "PATH": "/bin", "HOME": "/root",
            **{k: os.environ[k] for k in ENVIRONMENT if k in os.environ},
        }  # fmt: skip
        self._jobs = Jobs()
        self.window: Any = None
        self._processes: dict[int, Any] = {}
        self._started: dict[int, HostTimes] = {}  # process id -> what it had had when the first job was spawned
        self._mail: Any = None
        self._failure = ""  # what `fail` was told
        self._symbols: dict[str, Any] = {}  # program -> its names
        self._last_waits: list[str] = []  # what `waits` said when the run was interrupted
        self._watchdog = None
        self.leaks: dict[str, tuple[int, int]] = {}  # after exit: what was never freed, as in Report (rust-12)

    # --- boot and shut-down -------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._begin()
        try:
            if self.trace is not None:
                self._recorder = Recorder(self.trace, self._trace_limit_bytes, self._trace_wait)
                self._remains.callback(self._recorder.finish)
            self._check_stdio()
            ensure_warm(self._quiet)
            with refusals_of_the_host(), self._signals:
                start_forkserver()
                self._boot()
                self._state = RUNNING
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if self._state in (BOOTING, RUNNING) and self._owner == os.getpid():
            with self._left():
                self._shut_down()

    def _check_stdio(self):
        for name, descriptor in self._stdio.items():
            try:
                wrong = descriptor not in STANDARD and is_closed(descriptor)
            except (TypeError, ValueError, OverflowError):
                wrong = True
            if wrong:
                raise MachineError(f"{name}={descriptor!r}: not an open descriptor")

    def _boot(self):
        config = self.config
        self._directory = make_directory()
        self._remains.callback(remove_directory, self._directory)
        self.window = Window.create(config.memory_bytes)
        self._remains.callback(self.window.destroy)
        self.window.keep_from_forks()
        fill(self.window.machine, config)
        if not (self.window.may_execute and can_translate()):
            self.window.machine["translating"] = TRANSLATE_OFF
        self.window.machine["profiling"] = int(self._profiler is not None)
        self._description = Description(self._directory, self.window, config)
        self._watchdog = Watchdog(self.window.machine, config.patience_s)
        if self._recorder:
            self._recorder.begin(self.window, config)
            self._remains.callback(self._recorder.finish)
        need_descriptors(ZMQ_DESCRIPTORS + CHILD_DESCRIPTORS * (config.cpus + len(SERVANTS)))
        self._mail = Mail(self._directory, SUPERVISOR, self.window.machine)
        self._remains.callback(self._mail.close, 0)
        self._control = self._mail.context.socket(zmq.DEALER)
        self._control.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        self._control.connect(address(self._directory, "control"))
        self._remains.callback(self._control.close, 0)
        from_outside = ControlServer(self, self._mail.context, self._directory)
        self._attend_to(from_outside)
        self._remains.callback(from_outside.close, 0)
        self._remains.callback(end_all, self._processes)
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
        self._processes[SERVER] = start("emu-server", "emu.server.process", self._shared, self._segments(), stdio)
        self._processes[TIMEKEEPER] = start("emu-timekeeper", "emu.actor.timekeeper", self._shared, self._segments())
        if self.window.machine["translating"]:
            self._processes[TRANSLATOR] = start(
                "emu-translator", "emu.actor.translator", self._shared, self._segments()
            )
        for cpu in range(config.cpus):
            self._start_cpu(cpu)

    def _segments(self):
        return [Descriptor(d) for d in self.window.descriptors]

    def _start_cpu(self, cpu):
        self._processes[cpu] = start(f"emu-cpu-{cpu}", "emu.cpu_worker.process", self._shared, cpu, self._segments())

    def _shut_down(self):
        """End everything, by the ordinary path if possible; nothing is left behind."""
        if self._state == RUNNING:
            with contextlib.suppress(MachineError, OSError):
                if self._is_active() and not self._failed():
                    self._ask("kill", SIGKILL, -1)
                    self._go_on_for_good()
                    self._ask("close")
                    self._wait_until(lambda: not self._is_active(), self._running_s() + PATIENCE_S)
                if not self._is_active() and not self._failed():
                    self._ask("figures")
                    self.leaks = alive(self.window.machine)
            if self._is_active() and not self._failed():
                self._fail(FAIL_STUCK, SUPERVISOR)
            self._stop_all()
            self._collect()
            end_all(self._processes, FAILED_PATIENCE_S if self._failed() else PATIENCE_S)
        with self._jobs.lock:  # nobody looks at the window
            self._mail = self._watchdog = self._recorder = self._control = None
            window, self.window = self.window, None
        del window
        self._remains.close()

    def _forsake(self):
        """In a forked child: let go of what it inherited."""
        if self.window:
            self.window.abandon()
        self.window = self._mail = self._watchdog = self._recorder = self._control = None
        self._processes = {}

    def _stop_all(self):
        for actor in self._processes:
            self._mail.wake(post(self.window.address, SUPERVISOR, actor, IPI_STOP))

    # --- what users do ------------------------------------------------------------------------

    @in_use
    def run(self, limit_s: float | None = None) -> Report:
        """Wait until the last scheduler exits; returns the Report.

        Ctrl-C ends the guests first, and then is a KeyboardInterrupt as everywhere.  MachineError when the guests
        take longer than `limit_s`; they end with the machine.
        """
        if not any(getattr(each, "may_continue", True) for each in self._attendants):
            self._need_running("run")
        deadline = None if limit_s is None else self._running_s() + seconds(limit_s)
        try:
            if not self._interrupted:
                self._ask("close")
                self._wait_for_schedulers(deadline)
                if self._is_active() and not self._interrupted:
                    say("emu: who waits for what:", *self.waits())
                    raise MachineError(f"the guests did not end within {limit_s:g} s")
        except KeyboardInterrupt:
            self._interrupted = True
            self._end_guests()
            raise
        if self._is_active():
            self._end_guests()
        self._collect()
        return self.report()

    def _end_guests(self):
        """After an interrupt: note who waits for what, kill the guests, and wait for the schedulers."""
        self._last_waits = self.waits()
        self._ask("kill", SIGINT, -1)
        self._go_on_for_good()
        self._ask("close")
        self._wait_until(lambda: not self._is_active())

    @in_use
    def kill(self, job: Job, signal: int = SIGKILL) -> None:
        """End a job as by a fatal signal; does nothing when it has ended."""
        self._ask("kill", integer(signal, "signal", 1, SIGRTMAX), self._own(job)._handle)

    @in_use
    def fail(self, reason: str) -> None:
        """The kernel fails (rust-6): every task is killed, the schedulers stop by the ordinary path.

        `run` then raises MachineError with the reason.
        """
        if not self._failure:
            self._failure = str(reason) or "no reason was given"
            self._ask("kill", SIGKILL, -1, kill_reasons.KILL_MACHINE_FAILED)
            self._ask("close")

    @in_use
    def set_limit(self, name: str, value: int) -> None:
        """Change a limit while guests run (kse-5): one of `LIMITS` (machine/config.py)."""
        self.window.machine[name] = check_limit(name, value)

    @in_use
    def report(self) -> Report:
        """The figures so far."""
        self._collect()
        counted = {} if self._failed() else self._ask("figures")
        now_ns, m = time.monotonic_ns(), self.window.machine
        processes = [
            ProcessReport(name, pid, *times.since(self._started.get(pid)))
            for name, pid, times in self._host_processes()
        ]
        interrupted, waited = self._interrupted, self._last_waits
        profile = self._profiler.profile(m, counted.get("programs", ())) if self._profiler else None
        return make_report(m, self.config, now_ns, counted, self._jobs, interrupted, waited, processes, profile)

    @in_use
    def call(self, cpu: int, name: str, *arguments: object) -> Any:
        """Execute a function on a CPU by a CALL interrupt and return its reply ("ping", "where")."""
        running = [k for k in self._processes if k < MAX_CPUS and self._needed(k)]
        if cpu not in running:
            raise MachineError(f"CPU {cpu!r} cannot be called: the machine's CPUs are {', '.join(map(str, running))}")
        if name not in CALLS:
            raise MachineError(f"CPUs do not know the call {name!r}, expected {' or '.join(CALLS)}")
        return self._call_cpu(cpu, packed([name, *arguments]))

    # --- inside -------------------------------------------------------------------------------

    def _host_processes(self):
        """(name, process id, HostTimes) of the machine's processes, the supervisor last."""
        children = [(p.name, p.pid, p.host_times()) for p in self._processes.values()]
        return [*children, ("supervisor", os.getpid(), host_times(os.getpid()))]

    def _own(self, job):
        if not isinstance(job, Job) or job._machine is not self:
            raise MachineError(f"{job!r} is no job of this machine")
        return job

    def _send_kicks(self):
        """Send the messages (kicks) that are owed after compiled code was called."""
        self._mail.wake(owed(self.window.address, SUPERVISOR))

    def _collect(self):
        """Take over the final statuses and accounts of jobs. From any thread, at any time."""
        if self._owner:
            self._check_process("job")
        if self.window:
            self._jobs.collect(self)
