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
    if not len(found.ns):
        return []
    objects, inverse = np.unique(found.object, return_inverse=True)
    tasks, task = np.unique(found.task, return_inverse=True)
    inverse = inverse * len(tasks) + task
    total = np.bincount(inverse, found.ns.astype(float))
    count = min(count, np.count_nonzero(np.bincount(inverse)))
    rows = []
    for k in np.argsort(-total, kind="stable")[:count]:
        mine = inverse == k
        rows.append({
            "task": int(tasks[k % len(tasks)]), "object": int(objects[k // len(tasks)]), "sleeps": int(mine.sum()),
            "total_ns": int(found.ns[mine].sum()), "max_ns": int(found.ns[mine].max()),
            "threads": len(np.unique(found.thread[mine])), "wakers": _most(found.waker[mine], found.ns[mine]),
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
    return [found.chain(int(k)) for k in np.argsort(-found.ns, kind="stable")[:count]]


class FutexSleeps:
    """The sleeps with reason futex, as columns."""

    def __init__(self, subject):
        sleeps, trace = subject.history.sleeps, subject.trace
        reasons = trace.header["values"].get("reason", {})
        futex = [number for number, name in reasons.items() if name == "futex"]
        timed = 0x80  # flag of a sleep that a time-out may end
        mine = np.isin(sleeps.reason & ~timed, futex)
        self._subject, self._of_thread = subject, {}
        self.start, self.end, self.object = sleeps.start_ns[mine], sleeps.end_ns[mine], sleeps.object[mine]
        self.ns = self.end - self.start
        self.thread = subject.ids(sleeps.thread[mine], sleeps.generation[mine])
        self.task = self._tasks(sleeps.thread[mine], sleeps.generation[mine])
        wake = sleeps.wake_event[mine]
        self.waker = subject.who("wake", wake)

    def _tasks(self, thread, generation):
        spawned = self._subject.trace.of_kind("spawn")
        tasks = np.full(len(self._subject.threads) + 1, -1, dtype=np.int64)  # the last entry is of nobody
        ids = self._subject.ids(spawned["thread"], spawned["generation"])
        tasks[ids] = self._subject.trace.values(spawned, "spawn", "task")
        tasks[-1] = -1
        return tasks[self._subject.ids(thread, generation)]

    def chain(self, k):
        links, seen = [], set()
        while k is not None and k not in seen and len(links) < LONGEST_CHAIN:
            seen.add(k)
            links.append({
                "thread": int(self.thread[k]), "task": int(self.task[k]), "object": int(self.object[k]),
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
