"""Who is who in an exported trace: numbers of processes and threads that are unique in it, and their names.

A thread of emu is a record's index and generation: both come back in other threads, so neither is a number that a
viewer could tell threads by.  Thread 17#2, the third in record 17, is tid 300017: (generation + 1) * 100,000 + index.
Where that does not fit in 31 bits (records used more than 21,000 times), threads are numbered in the order of index
and generation from 100,000 on; their names tell which they are in any case.

A task is a process; its pid is the tid of its first thread, since numbers of tasks come back too. Threads whose start
is not in the trace are in a process of their own.  Whatever else acts, such as the timekeeper, is a thread
of the process "emu", and so is each cause of a wake-up that no thread is behind. 0 is nobody: the idle CPU.
"""

import numpy as np

from ..file import NO_THREAD

FIRST_TID = 100_000  # of guests' threads, and between two generations of a record
LARGEST_TID = (1 << 31) - 1
EMU_PID, UNKNOWN_PID = 10, 11
FIRST_ACTOR_TID = 20
CHUNK = 1 << 18  # events looked at together


class Identities:
    """tid_of(events), pids, names; made from a whole trace."""

    def __init__(self, trace):
        self.trace = trace
        self.keys = _all_keys(trace.events)  # of all threads, ascending
        generations, indices = self.keys // (NO_THREAD + 1), self.keys % (NO_THREAD + 1)
        tids = (generations + 1) * FIRST_TID + indices
        self._direct = not len(self.keys) or bool(indices.max() < FIRST_TID and tids.max() <= LARGEST_TID)
        self.tids = tids if self._direct else np.arange(FIRST_TID, FIRST_TID + len(self.keys))
        self.processes = {EMU_PID: "emu"}
        self.pids = self._find_processes()  # of each key
        if (self.pids == UNKNOWN_PID).any():
            self.processes[UNKNOWN_PID] = "from-before-the-trace"
        self._acting = {}  # name -> tid

    def tid_of(self, events):
        """Of the thread that each event is about, 0 where it is about none."""
        return np.where(events["thread"] < 0, 0, self.tid_of_keys(keys_of(events)))

    def tid_of_keys(self, keys):
        if self._direct:
            return (keys // (NO_THREAD + 1) + 1) * FIRST_TID + keys % (NO_THREAD + 1)
        return FIRST_TID + np.searchsorted(self.keys, keys)

    def acting(self, name):
        """The tid of what acts and is no thread of a guest."""
        return self._acting.setdefault(name, FIRST_ACTOR_TID + len(self._acting))

    def actors(self):
        """[(tid, name)] of those that `acting` was asked for."""
        return [(tid, name) for name, tid in self._acting.items()]

    def thread_rows(self):
        """(tid, pid, name) of each guest's thread."""
        for key, tid, pid in zip(self.keys.tolist(), self.tids.tolist(), self.pids.tolist()):
            yield tid, pid, self.trace.label(key % (NO_THREAD + 1), key // (NO_THREAD + 1))

    def _find_processes(self):
        trace = self.trace
        pids = np.full(len(self.keys), UNKNOWN_PID)
        at = np.flatnonzero(np.isin(trace.events["kind"], [trace.kind_number("spawn"), trace.kind_number("reap")]))
        events = trace.events[at]
        spawned = events["kind"] == trace.kind_number("spawn")
        if not spawned.any():
            return pids
        tasks = np.empty(len(events), dtype=np.int64)
        for name, chosen in (("spawn", spawned), ("reap", ~spawned)):
            tasks[chosen] = trace.values(events[chosen], name, "task")
        order = np.argsort(tasks, kind="stable")
        tasks, spawned, events = tasks[order], spawned[order], events[order]
        new = np.append(True, (tasks[1:] != tasks[:-1]) | ~spawned[:-1])  # another task, or the number's next one
        process = np.cumsum(new) - 1
        keys, process, tasks = keys_of(events)[spawned], process[spawned], tasks[spawned]
        first_of, first = np.unique(process, return_index=True)
        leaders = self.tid_of_keys(keys[first])
        places = np.searchsorted(self.keys, keys)
        pids[places] = leaders[np.searchsorted(first_of, process)]
        for pid, key, task in zip(leaders.tolist(), keys[first].tolist(), tasks[first].tolist()):
            name = trace.thread_names.get((key % (NO_THREAD + 1), key // (NO_THREAD + 1)), "")
            self.processes[pid] = f"task-{task}:{name}".rstrip(":")  # a viewer takes what follows a space for arguments
        return pids


def keys_of(events):
    """A number for each thread: generation above, index below."""
    generations = events["generation"].astype(np.int64) & 0xFFFFFFFF
    return generations * (NO_THREAD + 1) + events["thread"]


def _all_keys(events):
    found = np.empty(0, dtype=np.int64)
    for start in range(0, len(events), CHUNK):
        chunk = events[start : start + CHUNK]
        found = np.union1d(found, keys_of(chunk[chunk["thread"] >= 0]))
    return found
