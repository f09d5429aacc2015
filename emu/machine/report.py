"""What a run was: figures read from shared memory when it is over."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from ..errors import MachineError
from ..kernel.failures import explain
from ..kernel.thread.states import FREE, NEW, WHERE
from ..shm.cpumask import to_int
from ..shm.regions import TRANSLATE_OFF
from ..shm.tags import alive
from ..tables import as_json
from .profile import Profile
from .report_tables import report_page
from .report_threads import ThreadReport, thread_reports


@dataclass(frozen=True)
class CpuReport:
    cpu: int
    process: int  # host process id
    busy_share: float  # of the machine's wall time
    switches: int
    steals: int
    migrations_in: int
    migrations_out: int
    ipis_bit: int  # sent, no message needed
    ipis_message: int  # sent, through ZeroMQ
    instructions: int
    mips: float  # while busy
    system_calls: int
    parks: int
    involuntary: int  # switches by preemption
    run_delay_ns: int  # that threads waited, runnable, before they ran here
    user_ns: int = 0  # of its busy time
    system_ns: int = 0  # in system calls that needed no server
    blocking: bool = False  # of the blocking pool (inko-6)


@dataclass(frozen=True)
class JobReport:
    """Sums over a job's threads, those that have exited and those that have not."""

    job: int  # its number; -1: a sum over several
    threads: int
    runtime_ns: int  # on CPUs
    run_delay_ns: int  # runnable, waiting
    slices: int  # times one of them was picked
    involuntary: int  # times one of them was preempted
    migrations: int
    instructions: int


@dataclass(frozen=True)
class ProcessReport:
    """A process of the host's, from the first spawn on. CPUs that were removed are not among them."""

    name: str  # emu-cpu-0, …, emu-server, emu-timekeeper, supervisor
    process: int  # host process id
    cpu_s: float  # host CPU time of all its threads
    waited_s: float  # that its first thread wanted to run and the host had no core for it
    involuntary: int  # times the host took the core from that thread


@dataclass(frozen=True)
class TranslationReport:
    """What the translator did (isa/translator/)."""

    compiled: int  # regions that LLVM made
    loaded: int  # regions that were kept from earlier runs, or are another task's
    guest_instructions: int  # in those that were compiled; one that is in several counts in each
    translating_s: float  # host CPU time of the translator
    share: float  # of all retired instructions, those that translated code retired


@dataclass(frozen=True)
class Report:
    cpus: list[CpuReport]
    policy: str
    seed: int
    wall_s: float
    threads_created: int
    threads_exited: int
    page_faults: int
    migrations: int
    instructions: int
    involuntary: int
    run_delay_mean_ns: float  # from runnable to running, over all threads
    jobs: list[JobReport] = field(default_factory=list)  # that run, and the last 1000 that ended
    earlier_jobs: int = 0  # how many ended before those
    earlier: JobReport | None = None  # their sum
    threads: list[ThreadReport] = field(default_factory=list)  # those that have left, then those that are there
    threads_left_out: int = 0  # that have left and of which only the sums of jobs know
    unknown_calls: dict[str, int] = field(default_factory=dict)
    failed_calls: dict[str, int] = field(default_factory=dict)  # mistakes of emu's: call and exception, how often
    interrupted: bool = False
    waits: list[str] = field(default_factory=list)  # lines: who waited for what when it was interrupted
    max_threads: int = 0  # that a task may have at a time
    thread_limit_hits: int = 0  # threads refused for that (kse-5)
    proc_limit_hits: int = 0  # the same by max_threads_per_proc, so that a user thread blocked with its upcall
    group_limit_hits: int = 0  # groups refused because of max_groups_per_proc
    upcalls: int = 0  # made
    contexts: int = 0  # of user threads, handed out when their calls were completed (kse-3)
    leaks: dict[str, tuple[int, int]] = field(default_factory=dict)  # tag: count, bytes still allocated (rust-12)
    files_left: tuple[int, int] = (0, 0)  # files that guests left in the machine's file system, pages of data in them
    processes: list[ProcessReport] = field(default_factory=list)
    translation: TranslationReport | None = None  # None: with translator="off", or where the host does not allow it
    failure: str = ""  # why the machine itself failed, "" when it did not
    profile: Profile | None = None  # with Machine(profile=True)

    @property
    def host_s(self) -> float:
        """Host CPU seconds of all processes together."""
        return sum(each.cpu_s for each in self.processes)

    @property
    def withheld_share(self) -> float:
        """The share of the CPU processes' time in which they wanted to run and the host had no core for them."""
        waited = [each.waited_s for each in self.processes if each.name.startswith("emu-cpu-")]
        return min(sum(waited) / (len(waited) * self.wall_s), 1.0) if waited else 0.0

    def to_dict(self) -> dict[str, Any]:
        """All figures, as what JSON knows: dictionaries, lists, text and numbers."""
        return as_json(asdict(self))

    def to_dataframe(self, what: str = "threads") -> Any:
        """A pandas.DataFrame, a row for each of `threads`, `cpus`, `jobs` or `processes`; needs the extra `frames`."""
        if what not in FRAMES:
            raise MachineError(f"to_dataframe({what!r}): expected one of {', '.join(FRAMES)}")
        try:
            import pandas
        except ImportError:
            raise MachineError("to_dataframe needs pandas: pip install 'emu[frames]'") from None
        rows = [asdict(row) for row in getattr(self, what)]
        return pandas.DataFrame(rows, columns=[each.name for each in fields(FRAMES[what])])

    def _repr_html_(self) -> str:
        return report_page(self)


FRAMES = {"threads": ThreadReport, "cpus": CpuReport, "jobs": JobReport, "processes": ProcessReport}
ACCOUNTS = ("runtime_ns", "run_delay_ns", "slices", "involuntary", "migrations", "instructions")


def job_report(machine, index):
    """The accounts of the job in a record; those of threads that run right now may be a moment old."""
    record, mine = machine["jobs"][index], machine["threads"][:0]
    if not record["done"]:
        state = WHERE.get(machine["threads"]["where"], "state")
        living = machine["threads"][(state != FREE) & (state != NEW)]
        tasks = np.flatnonzero(machine["tasks"]["state"] & (machine["tasks"]["job"] == index))
        mine = living[np.isin(living["task"], tasks)]
    sums = {name: int(record[name] + mine[name].sum()) for name in ACCOUNTS}
    return JobReport(job=int(record["number"]), threads=int(record["threads"]) + len(mine), **sums)


def _translation(machine):
    if machine["translating"] == TRANSLATE_OFF and not machine["regions_compiled"]:
        return None
    instructions = int(machine["cpus"]["instructions"].sum())
    return TranslationReport(
        compiled=int(machine["regions_compiled"]),
        loaded=int(machine["regions_loaded"]),
        guest_instructions=int(machine["guest_instructions"]),
        translating_s=int(machine["translating_ns"]) / 1e9,
        share=int(machine["cpus"]["translated"].sum()) / max(instructions, 1),
    )


def make_report(machine, config, now_ns, counted, jobs, interrupted, waits=(), processes=(), profile=None):
    """Read the figures of a machine record; `counted` are those of the system server, `jobs` the machine's Jobs."""
    wall_ns = max(now_ns - int(machine["boot_ns"]), 1)
    cpus, blocking = [], to_int(machine["blocking_pool"])
    for k in range(int(machine["nr_cpus"])):
        c = machine["cpus"][k]
        busy_ns = int(c["busy_ns"])
        cpus.append(
            CpuReport(
                cpu=k,
                process=int(c["process"]),
                busy_share=min(busy_ns / wall_ns, 1.0),
                switches=int(c["switches"]),
                steals=int(c["steals"]),
                migrations_in=int(c["migrations_in"]),
                migrations_out=int(c["migrations_out"]),
                ipis_bit=int(c["ipis_bit"]),
                ipis_message=int(c["ipis_message"]),
                instructions=int(c["instructions"]),
                mips=int(c["instructions"]) / busy_ns * 1000 if busy_ns else 0.0,
                system_calls=int(c["syscalls"]),
                parks=int(c["parks"]),
                involuntary=int(c["involuntary"]),
                run_delay_ns=int(c["run_delay_ns"]),
                user_ns=max(busy_ns - int(c["system_ns"]), 0),
                system_ns=int(c["system_ns"]),
                blocking=bool(blocking >> k & 1),
            )
        )
    actors = machine["cpus"]
    jobs, earlier, nr_earlier = jobs.reports(machine)
    threads, threads_left_out = thread_reports(machine)
    everybody = (*jobs, earlier)
    failed = int(machine["failed"])
    return Report(
        cpus=cpus,
        policy=config.policy,
        seed=config.seed,
        wall_s=wall_ns / 1e9,
        threads_created=int(actors["spawned"].sum()),
        threads_exited=int(actors["exited"].sum()),
        page_faults=int(actors["page_faults"].sum()),
        migrations=sum(c.migrations_in for c in cpus),
        instructions=sum(c.instructions for c in cpus),
        involuntary=sum(c.involuntary for c in cpus),
        run_delay_mean_ns=sum(j.run_delay_ns for j in everybody) / max(sum(j.slices for j in everybody), 1),
        jobs=jobs,
        earlier_jobs=nr_earlier,
        earlier=earlier if nr_earlier else None,
        threads=threads,
        threads_left_out=threads_left_out,
        unknown_calls=counted.get("unknown_calls", {}),
        failed_calls=counted.get("failed_calls", {}),
        interrupted=interrupted,
        waits=list(waits),
        max_threads=int(machine["max_threads_per_task"]),
        thread_limit_hits=int(machine["thread_limit_hits"]),
        proc_limit_hits=int(machine["proc_limit_hits"]),
        group_limit_hits=int(machine["group_limit_hits"]),
        upcalls=int(actors["upcalls"].sum()),
        contexts=int(actors["exports"].sum()),
        leaks=alive(machine),
        files_left=tuple(counted.get("files_left", (0, 0))),
        processes=list(processes),
        profile=profile,
        translation=_translation(machine),
        failure=explain(failed, int(machine["failed_value"]), config.policy) if failed else "",
    )
