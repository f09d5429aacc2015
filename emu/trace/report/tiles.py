"""The timeline from near: every run of a CPU, why it began and ended, in tiles that a page opens when it shows them.

Columns of a run (times in ns; threads by the report's number + 1, actors and queues + 1; 0 where nothing is known):

gap, ns, thread, how            since the end of the run before; how long; who; index of ENDINGS
host                            of it, the host did not run the CPU's process
wait, wait_host, queue          how long the thread was runnable before, the host's part, the queue it was taken from
act, actor, waker               how it became runnable (ACTS), where that was recorded, who did it
place, cause, waker_call, from  why that queue; what woke it; the waker's system call; the queue it slept in
slept, reason, object, call     before it was woken: how long, on what, in which call
moved_ago, moved_from, moved_why, moved_by     its last migration before it ran
stolen                          1: this CPU took it from another one's queue
why, by, slice                  of a preemption; slice 0: it was not timed
end_reason, end_object, end_call     of a sleep that begins, and the call of a yield
"""

import numpy as np

from ..history import ENDINGS, pick
from .subject import ABSENT

RUNS = 4096  # of a tile
AT_ONCE = 16  # tiles, which takes as long as a few by themselves


class Tiles:
    """`of(cpu)` gives the (first run, last run) of each tile of a CPU, `columns(cpu)` the columns of each."""

    def __init__(self, subject):
        self._subject = subject
        h = subject.history
        self._slices = h.slices
        self._wait_of = _Finder(h.waits.end_event)
        last = np.append(h.moved[1:] != h.moved[:-1], True)[: len(h.moved)]  # of the moves of one wait
        self._last_moves = np.flatnonzero(last)
        self._move_of = _Finder(h.waits.end_event[h.moved[self._last_moves]])
        self._sleep_of = _Finder(h.sleeps.wake_event)

    def of(self, cpu):
        first, last = (int(k) for k in np.searchsorted(self._slices.cpu, [cpu, cpu + 1]))
        return [(k, min(k + RUNS, last)) for k in range(first, last, RUNS)]

    def span(self, first, last):
        """[start, end] of a tile, ns since the start of the trace."""
        begin = self._subject.history.start_ns
        return [int(self._slices.start_ns[first] - begin), int(self._slices.end_ns[last - 1] - begin)]

    def columns(self, cpu):
        tiles = self.of(cpu)
        for k in range(0, len(tiles), AT_ONCE):
            some = tiles[k : k + AT_ONCE]
            found = self._columns(some[0][0], some[-1][1])
            for first, last in some:
                part = {name: values[first - some[0][0] : last - some[0][0]] for name, values in found.items()}
                part["gap"] = np.append(0, part["gap"][1:])  # a tile's span says where it begins
                yield part

    def _columns(self, first, last):
        rows, s = slice(first, last), self._subject
        runs = self._slices
        start, end = runs.start_ns[rows], runs.end_ns[rows]
        before = np.concatenate([start[:1], end[:-1]])
        found = {
            "gap": start - before, "ns": end - start, "thread": s.slice_id[rows] + 1, "how": runs.how[rows],
            "host": s.slice_stall_ns[rows],
        }  # fmt: skip
        switch = runs.start_event[rows]
        found |= self._waited(switch) | self._moves(switch, start)
        return found | self._ends(runs.end_event[rows], runs.how[rows])

    def _waited(self, switch):
        """The wait that each run's switch ended, and the sleep before."""
        s, waits, sleeps = self._subject, self._subject.history.waits, self._subject.history.sleeps
        wait = self._wait_of(switch)
        known = wait >= 0
        begin = np.where(known, waits.begin_event[wait] if len(waits.thread) else -1, -1)
        begun = s.begun(begin)
        sleep = self._sleep_of(begin)
        asleep = sleep >= 0
        block = np.where(asleep, sleeps.block_event[sleep] if len(sleeps.thread) else -1, -1)

        def of(mask, values, index):
            return np.where(mask, values[index] if len(values) else 0, 0)

        return {
            "wait": of(known, waits.end_ns - waits.start_ns, wait), "wait_host": of(known, s.wait_stall_ns, wait),
            "queue": of(known, waits.queue + 1, wait), "act": begun["act"], "actor": begun["actor"] + 1,
            "waker": begun["who"] + 1, "place": begun["place"], "cause": begun["cause"], "waker_call": begun["call"],
            "from": begun["from"] + 1,
            "slept": of(asleep, sleeps.end_ns - sleeps.start_ns, sleep), "reason": of(asleep, sleeps.reason, sleep),
            "object": of(asleep, sleeps.object, sleep), "call": pick(s.trace, block, "block", "call"),
        }  # fmt: skip

    def _moves(self, switch, start):
        s, h = self._subject, self._subject.history
        k = self._move_of(switch)
        moved = k >= 0
        at = np.where(moved, h.moves[self._last_moves[k]] if len(self._last_moves) else -1, -1)
        time = np.where(moved, s.events["time_ns"][at], start)
        queue = pick(s.trace, switch, "switch", "queue")
        foreign = (queue != s.events["actor"][switch]) & (queue != s.machine["global_queue"]) & (switch >= 0)
        return {
            "moved_ago": start - time, "moved_from": np.where(moved, pick(s.trace, at, "migrate", "old_queue") + 1, 0),
            "moved_why": pick(s.trace, at, "migrate", "why"), "stolen": foreign,
            "moved_by": s.who("migrate", at) + 1,
        }  # fmt: skip

    def _ends(self, stop, how):
        s = self._subject
        at = {name: np.where(how == ENDINGS.index(name), stop, -1) for name in ("preempt", "yield", "block")}
        return {
            "why": pick(s.trace, at["preempt"], "preempt", "why"), "by": s.who("preempt", at["preempt"]) + 1,
            "slice": pick(s.trace, at["preempt"], "preempt", "slice_ns"),
            "end_reason": pick(s.trace, at["block"], "block", "reason"),
            "end_object": pick(s.trace, at["block"], "block", "object"),
            "end_call": pick(s.trace, at["block"], "block", "call") + pick(s.trace, at["yield"], "yield", "call"),
        }  # fmt: skip


class _Finder:
    """Positions of events -> rows of a table in which each occurs once; ABSENT for the others."""

    def __init__(self, events):
        self._order = np.argsort(events, kind="stable").astype(np.int32)
        self._sorted = events[self._order]

    def __call__(self, asked):
        if not len(self._sorted):
            return np.full(len(asked), ABSENT)
        slot = np.minimum(np.searchsorted(self._sorted, asked.astype(self._sorted.dtype)), len(self._sorted) - 1)
        return np.where((self._sorted[slot] == asked) & (asked >= 0), self._order[slot], ABSENT)
