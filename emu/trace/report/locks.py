"""Contention by lock: which futex objects threads slept on, for how long, who woke them, and what those waited for.

Who wakes a sleeper of a mutex is who held it.  The chain of a long sleep follows that: while A slept on a lock, its
waker B slept for the longest time on another one, which C released, and so on.

    sleeps = FutexSleeps(subject)
    contention(sleeps), chains(sleeps)

An object is an address in a task's memory.  A trace that does not say addresses has one row for each task.
"""

import numpy as np

from .subject import ABSENT

LOCKS, WAKERS, CHAINS, LONGEST_CHAIN = 50, 3, 10, 8


def contention(found, count=LOCKS):
    """Rows {task, object, sleeps, total_ns, max_ns, threads, wakers: [[thread, times, ns], …]}, the most time first."""
    total = np.bincount(found.lock, found.end - found.start, len(found.locks))
    rows = []
    for k in np.argsort(-total, kind="stable")[:count]:
        mine = np.flatnonzero(found.lock == k)
        ns = found.end[mine] - found.start[mine]
        task, address = found.locks[k]
        rows.append({
            "task": task, "object": address, "sleeps": len(mine), "total_ns": int(ns.sum()), "max_ns": int(ns.max()),
            "threads": len(np.unique(found.thread[mine])), "wakers": _most(found.waker[mine], ns),
        })  # fmt: skip
    return rows


def _most(waker, ns):
    """[[thread, how often, for how long], …] of those that ended most of the waiting."""
    who, inverse, times = np.unique(waker, return_inverse=True, return_counts=True)
    total = np.bincount(inverse, ns.astype(float))
    order = np.argsort(-total, kind="stable")[:WAKERS]
    return [[int(who[k]), int(times[k]), int(total[k])] for k in order]


def chains(found, count=CHAINS):
    """The longest sleeps on locks: [[{thread, task, object, start, end, waker}, …]]: each woke the one before."""
    return [found.chain(int(k)) for k in np.argsort(found.start - found.end, kind="stable")[:count]]


class FutexSleeps:
    """The sleeps with reason futex, as columns."""

    def __init__(self, subject):
        sleeps, trace = subject.history.sleeps, subject.trace
        reasons = trace.header["values"].get("reason", {})
        futex = [number for number, name in reasons.items() if name == "futex"]
        timed = 0x80  # flag of a sleep that a time-out may end
        mine = np.isin(sleeps.reason & ~timed, futex)
        self._subject, self._of_thread = subject, {}
        self.start, self.end = sleeps.start_ns[mine], sleeps.end_ns[mine]
        self.thread = subject.ids(sleeps.thread[mine], sleeps.generation[mine])
        self.waker = subject.who("wake", sleeps.wake_event[mine])
        self.lock, self.locks = self._numbered(sleeps.object[mine])

    def _numbered(self, addresses):
        """(index of each sleep's lock, [(task, address) of each lock])."""
        spawned = self._subject.trace.of_kind("spawn")
        tasks = np.full(len(self._subject.threads) + 1, -1, dtype=np.int32)  # the last entry is of nobody
        tasks[self._subject.ids(spawned["thread"], spawned["generation"])] = self._subject.trace.values(
            spawned, "spawn", "task"
        )
        tasks[-1] = -1
        known = np.unique(addresses)
        pair = np.searchsorted(known, addresses).astype(np.int64)
        pair += tasks[self.thread].astype(np.int64) * len(known)
        pairs = np.unique(pair)
        locks = [(int(one // len(known)), int(known[one % len(known)])) for one in pairs]
        return np.searchsorted(pairs, pair).astype(np.int32), locks

    def chain(self, k):
        links, seen = [], set()
        while k is not None and k not in seen and len(links) < LONGEST_CHAIN:
            seen.add(k)
            links.append({
                "thread": int(self.thread[k]), "task": self.locks[self.lock[k]][0],
                "object": self.locks[self.lock[k]][1],
                "start": int(self._subject.since_boot(self.start[k])),
                "end": int(self._subject.since_boot(self.end[k])), "waker": int(self.waker[k]),
            })  # fmt: skip
            k = self._during(k)
        return links

    def _during(self, k):
        """The waker's longest sleep on a lock while sleeper k slept, None where it had none."""
        if self.waker[k] == ABSENT:
            return None
        who = int(self.waker[k])
        if who not in self._of_thread:
            self._of_thread[who] = np.flatnonzero(self.thread == who)
        mine = self._of_thread[who]
        overlap = np.minimum(self.end[mine], self.end[k]) - np.maximum(self.start[mine], self.start[k])
        return int(mine[np.argmax(overlap)]) if len(mine) and overlap.max() > 0 else None
