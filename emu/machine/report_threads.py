"""The accounts of a machine's threads, one by one: those that are there, and those that have left.

Of those that have left the first MAX_LEFT_THREADS are known (kernel/task/booking.py), in the order in which they left;
the sums of jobs (report.py) have all of them.  Figures of a thread that runs right now may be a moment old.
"""

from dataclasses import dataclass

from ..kernel.thread.states import STATE_NAMES, WHERE
from ..limits import MAX_LEFT_THREADS
from .threads import name_of
from .waits import living, tid_of


@dataclass(frozen=True)
class ThreadReport:
    thread: str  # index#generation, as in traces
    tid: int
    task: int  # process id
    job: int  # its number
    name: str
    state: str  # left, running, runnable, blocked …
    runtime_ns: int  # on CPUs
    user_ns: int
    system_ns: int  # in system calls, also while the system server worked on one
    served_ns: int  # of that, the server's part, in which the thread was on no CPU
    run_delay_ns: int  # runnable, waiting
    slices: int  # times it was picked
    voluntary: int  # times it fell asleep, gave way or left
    involuntary: int  # times it was preempted
    migrations: int
    instructions: int
    page_faults: int


def thread_reports(machine):
    """([ThreadReport], how many more have left)."""
    left = int(machine["nr_left_threads"])
    kept = machine["left_threads"][: min(left, MAX_LEFT_THREADS)]
    found = [
        _report(t, int(t["index"]), "left", int(t["pid"]), int(t["job"]) - 1, _name(t), 0)
        for t in kept[kept["job"] > 0]
    ]
    for i in living(machine):
        t = machine["threads"][i]
        state = WHERE.get(int(t["where"]), "state")
        task = machine["tasks"][int(t["task"])]
        job = int(machine["jobs"]["number"][int(task["job"])])
        running = STATE_NAMES[state] == "running"
        found.append(_report(t, int(i), STATE_NAMES[state], int(task["pid"]), job, name_of(t), int(running)))
    return found, max(left - MAX_LEFT_THREADS, 0)


def _name(left):
    return left["name"].tobytes().split(b"\0")[0].decode(errors="replace")


def _report(t, i, state, pid, job, name, open_slices):
    """Of a record with accounts; open_slices: 1 where its last slice has not ended."""
    runtime_ns, system_ns, served_ns = (int(t[name]) for name in ("runtime_ns", "system_ns", "served_ns"))
    slices, involuntary = int(t["slices"]), int(t["involuntary"])
    return ThreadReport(
        thread=f"{i}#{int(t['generation'])}",
        tid=tid_of(t, i),
        task=pid,
        job=job,
        name=name,
        state=state,
        runtime_ns=runtime_ns,
        user_ns=max(runtime_ns - (system_ns - served_ns), 0),
        system_ns=system_ns,
        served_ns=served_ns,
        run_delay_ns=int(t["run_delay_ns"]),
        slices=slices,
        voluntary=max(slices - involuntary - open_slices, 0),
        involuntary=involuntary,
        migrations=int(t["migrations"]),
        instructions=int(t["instructions"]),
        page_faults=int(t["faults"]),
    )
