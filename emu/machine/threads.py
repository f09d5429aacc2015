"""The living threads of a machine, as seen from the supervisor: read from shared memory, each held meanwhile.

So what is told of a thread is of one thread, though threads come and go (kernel/thread/reaping.py).
"""

from dataclasses import dataclass

import numpy as np

from ..kernel.thread.handles import HANDLE
from ..kernel.thread.reaping import drop, retain
from ..kernel.thread.states import DEAD, NEW, STATE_NAMES, SUSPENDED, WHERE
from ..limits import GLOBAL_QUEUE, SUPERVISOR


@dataclass(frozen=True)
class ThreadInfo:
    """A living thread, as it was when looked at."""

    handle: int  # names it for suspend and resume; stale once it has left
    job: int  # its number
    name: str  # as prctl set it; at first its creator's
    state: str  # runnable, running, blocked…
    cpu: int  # whose queue it is on; -1: the global queue
    suspended: bool
    instructions: int
    runtime_ns: int


def name_of(thread):
    """A thread's name from its record."""
    return bytes(thread["name"]).split(b"\0")[0].decode(errors="replace")


def living_threads(window, job=None):
    """The ThreadInfo of each living thread, of one job (by its number) or of all. Afterwards a message may be owed."""
    machine, found = window.machine, []
    threads = machine["threads"]
    for i in np.flatnonzero(WHERE.get(threads["where"][: int(machine["fresh_thread"])], "state") > NEW):
        held = retain(window.address, SUPERVISOR, HANDLE.pack(index=int(i), generation=int(threads[i]["generation"])))
        if held >= 0:
            info = _info(machine, held)
            drop(window.address, SUPERVISOR, held)
            if info and job in (None, info.job):
                found.append(info)
    return found


def _info(machine, i):
    """What there is to tell of thread i, which is held; None when it has left meanwhile: its task may be another."""
    t = machine["threads"][i]
    job = int(machine["jobs"][int(machine["tasks"][int(t["task"])]["job"])]["number"])
    where = int(t["where"])
    if WHERE.get(where, "state") == DEAD:
        return None
    queue = WHERE.get(where, "queue")
    return ThreadInfo(
        handle=HANDLE.pack(index=int(i), generation=int(t["generation"])),
        job=job,
        name=name_of(t),
        state=STATE_NAMES[WHERE.get(where, "state")],
        cpu=-1 if queue == GLOBAL_QUEUE else queue,
        suspended=int(t["suspend"]) == SUSPENDED,
        instructions=int(t["instructions"]),
        runtime_ns=int(t["runtime_ns"]),
    )
