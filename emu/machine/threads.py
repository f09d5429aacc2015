"""The living threads of a machine, as seen from the supervisor: read from shared memory, without a lock."""

from dataclasses import dataclass

import numpy as np

from ..kernel.states import BLOCKED, NEW, STATE_NAMES, SUSPENDED
from ..limits import GLOBAL_QUEUE


@dataclass(frozen=True)
class ThreadInfo:
    """A living thread, as it was when looked at."""

    handle: int  # names it for suspend and resume; stale once it has left
    job: int
    name: str  # as prctl set it; at first its creator's
    state: str  # runnable, running, blocked…
    cpu: int  # whose queue it is on; -1: the global queue
    suspended: bool
    instructions: int
    runtime_ns: int


def name_of(thread):
    """A thread's name from its record."""
    return bytes(thread["name"]).split(b"\0")[0].decode(errors="replace")


def living_threads(machine, job=None):
    """The ThreadInfo of each living thread, of one job (by index) or of all."""
    threads, found = machine["threads"], []
    for i in np.flatnonzero(threads["where"][: int(machine["fresh_thread"])] & 0xFF > NEW):
        t = threads[i]
        of_job = int(machine["tasks"][int(t["task"])]["job"])
        if job is None or of_job == job:
            where = int(t["where"])
            queue = where >> 8 & 0xFF
            found.append(
                ThreadInfo(
                    handle=int(i) | (int(t["generation"]) << 32),
                    job=of_job,
                    name=name_of(t),
                    state=STATE_NAMES[where & 0xFF],
                    cpu=-1 if queue == GLOBAL_QUEUE else queue,
                    suspended=int(t["suspend"]) == SUSPENDED,
                    instructions=int(t["instructions"]),
                    runtime_ns=int(t["runtime_ns"]),
                )
            )
    return found


def suspension(machine, handle):
    """1 when the thread is suspended and off its CPU, 0 when not yet, -1 when it has left or is leaving."""
    t = machine["threads"][handle & 0xFFFFFFFF]
    if int(t["generation"]) != handle >> 32 or machine["tasks"][int(t["task"])]["exiting"]:
        return -1
    return int(t["suspend"] == SUSPENDED and t["where"] & 0xFF == BLOCKED)
