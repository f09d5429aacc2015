"""What threads did, from the events of a trace: times run, waits for a CPU, sleeps, and the host's stalls.

    history = read_history(trace)
    history.slices.start_ns, history.waits.thread, …    # NumPy arrays, one entry each
    trace.events[history.waits.begin_event]             # what made those threads runnable; -1: not in the trace

slices  a thread ran on a CPU; in order of CPU, then time; `how` it ended is an index of ENDINGS
waits   a thread was runnable and did not run, whole, over all queues; in order of thread, then time
stays   the same in pieces, one for each queue that it stood in
sleeps  from the block to the wake-up, in order of thread, then time
stalls  the host did not run a CPU's process, which wanted to run; in order of actor, then time

Events are 32 bytes in the file and may be ten million, so all of this is arrays, and no event is an object.

A trace may begin or end in the middle, and events may be lost.  What an end says about its beginning counts: a
stop says how long the thread ran, a switch how long it waited.  What lasts until the end of the trace ends there,
its end event -1.  A sleep that spans lost events is left out: nobody knows what else happened.
"""

from dataclasses import dataclass

import numpy as np

ENDINGS = ("preempt", "yield", "block", "exit", "open")
OPEN = ENDINGS.index("open")  # it ran when the trace ended, or its end was lost
STARTS = ("spawn", "wake", "preempt", "yield")  # of a wait
LIFE = ("switch", *STARTS, "block", "exit", "migrate")
CODES = {name: code for code, name in enumerate(LIFE, 1)}
NONE = np.int32(-1)
CHUNK = 1 << 18  # events copied at a time


@dataclass(frozen=True)
class Slices:
    cpu: np.ndarray
    thread: np.ndarray
    generation: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray
    how: np.ndarray
    start_event: np.ndarray  # the switch
    end_event: np.ndarray


@dataclass(frozen=True)
class Waits:
    thread: np.ndarray
    generation: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray
    queue: np.ndarray  # the one that it left at the end
    begin_event: np.ndarray  # wake, spawn, preempt or yield; of a stay also migrate
    end_event: np.ndarray  # the switch; of a stay also migrate


@dataclass(frozen=True)
class Sleeps:
    thread: np.ndarray
    generation: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray
    reason: np.ndarray
    object: np.ndarray  # what it slept on: a futex's address, a descriptor …; 0 where the trace does not say
    block_event: np.ndarray
    wake_event: np.ndarray


@dataclass(frozen=True)
class Stalls:
    cpu: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray

    def within(self, cpu, start_ns, end_ns):
        """How much of each span [start, end] of a CPU the host took, in ns; arrays of one length."""
        found = np.zeros(len(start_ns), dtype=np.int64)
        for one in np.unique(self.cpu):
            mine, asked = self.cpu == one, np.flatnonzero(cpu == one)
            starts, ends = self.start_ns[mine], self.end_ns[mine]
            taken = np.concatenate([[0], np.cumsum(ends - starts)])

            def until(time, starts=starts, ends=ends, taken=taken):
                k = np.searchsorted(starts, time, side="right")
                last = np.maximum(k - 1, 0)
                return taken[k] - np.where(k > 0, np.maximum(ends[last] - time, 0), 0)

            found[asked] = until(end_ns[asked]) - until(start_ns[asked])
        return found


@dataclass(frozen=True)
class History:
    slices: Slices
    waits: Waits
    stays: Waits
    sleeps: Sleeps
    stalls: Stalls
    start_ns: int
    end_ns: int


def read_history(trace) -> History:
    """Everything above. About 100 bytes for each event beside the trace's own, while it works."""
    times = trace.events["time_ns"]
    start_ns, end_ns = (int(times[0]), int(times[-1])) if len(times) else (0, 0)
    reader = _Reader(trace, start_ns, end_ns)
    slices = reader.slices()
    return History(slices, *reader.chains(), reader.stalls(), start_ns, end_ns)


def pick(trace, index, kind, name):
    """Argument or field `name` of the events at some positions, all of one kind; 0 at position -1."""
    found = np.zeros(len(index), dtype=np.int64)
    for at in range(0, len(index), CHUNK):
        part = index[at : at + CHUNK]
        known = part >= 0
        found[at : at + CHUNK][known] = trace.values(trace.events[part[known]], kind, name)
    return found


class _Reader:
    def __init__(self, trace, start_ns, end_ns):
        self.trace, self.events = trace, trace.events
        self.start_ns, self.end_ns = start_ns, end_ns
        self.machine = trace.header["machine"]
        codes = np.zeros(256, dtype=np.int8)
        for name, code in CODES.items():
            if (number := trace.kind_number(name)) >= 0:
                codes[number] = code
        self.codes = codes[self.events["kind"]]
        self.codes[self.events["thread"] < 0] = 0

    def _code(self, index):
        return self.codes[index]

    def _column(self, name, index):
        return self.events[name][index]

    def _same_thread(self, one, two):
        same = self._column("thread", one) == self._column("thread", two)
        return same & (self._column("generation", one) == self._column("generation", two))

    def slices(self):
        stops = [CODES[name] for name in ENDINGS[:OPEN]]
        actors = self.events["actor"]
        chosen = np.isin(self.codes, [CODES["switch"], *stops]) & (actors < self.machine["cpus"])
        index = np.flatnonzero(chosen).astype(np.int32)
        index = index[np.argsort(actors[index], kind="stable")]
        cpu, time, begins = actors[index], self._column("time_ns", index), self._code(index) == CODES["switch"]
        ran_ns = np.zeros(len(index), dtype=np.int64)
        for name in ENDINGS[:OPEN]:
            mine = self._code(index) == CODES[name]
            ran_ns[mine] = pick(self.trace, index[mine], name, "ran_ns")
        first = np.append(True, cpu[1:] != cpu[:-1])[: len(cpu)]
        before = np.where(first, self.start_ns, np.append(0, time[:-1])[: len(time)])
        start = np.where(begins, time, np.maximum(time - np.maximum(ran_ns, 0), np.minimum(before, time)))

        paired = np.zeros(len(index), dtype=bool)  # switches that the next event of their CPU ends
        paired[:-1] = begins[:-1] & ~begins[1:] & ~first[1:] & self._same_thread(index[:-1], index[1:])
        ended = np.append(False, paired)[: len(index)]  # stops whose switch is in the trace
        rows = np.flatnonzero(~ended)  # one slice each: a switch, or a stop whose switch is missing
        after = np.minimum(rows + 1, len(index) - 1)
        last = (after == rows) | first[after]
        stop_at = np.where(begins[rows], after, rows)
        whole = np.where(begins[rows], paired[rows], True)
        how = np.full(len(rows), OPEN, dtype=np.int8)
        for number, code in enumerate(stops):
            how[whole & (self._code(index[stop_at]) == code)] = number
        end = np.where(whole, time[stop_at], np.where(last, self.end_ns, start[after]))
        start = np.where(begins[rows], time[rows], start[rows])
        return Slices(
            cpu[rows], self._column("thread", index[rows]), self._column("generation", index[rows]),
            start, np.maximum(end, start), how,
            np.where(begins[rows], index[rows], NONE), np.where(whole, index[stop_at], NONE),
        )  # fmt: skip

    def chains(self):
        """Waits, stays and sleeps: from the events of each thread, one after the other."""
        index = np.flatnonzero(self.codes).astype(np.int32)
        thread = self._column("thread", index)
        if len(thread) and thread.max() < 1 << 16:
            thread = thread.astype(np.uint16)  # NumPy sorts those many times faster
        index = index[np.argsort(thread, kind="stable")]
        del thread
        moves = self._code(index) == CODES["migrate"]
        life = self._pairs(index[~moves])  # without migrations, which change no state
        return self._waits(*life), self._stays(index, moves), self._sleeps(*life)

    def _pairs(self, index):
        """(events, the next one of each one's thread, the one before; -1 where there is none)."""
        following, preceding = np.full(len(index), -1, dtype=np.int32), np.full(len(index), -1, dtype=np.int32)
        if len(index):
            same = self._same_thread(index[:-1], index[1:])
            following[:-1][same], preceding[1:][same] = index[1:][same], index[:-1][same]
        return index, following, preceding

    def _is(self, index, *names):
        return np.isin(self._code(index), [CODES[name] for name in names]) & (index >= 0)

    def _waits(self, index, following, preceding):
        ends = self._is(index, "switch")
        begin, end = preceding[ends], index[ends]
        begin[~self._is(begin, *STARTS)] = -1
        start = self._column("time_ns", end) - np.maximum(pick(self.trace, end, "switch", "run_delay_ns"), 0)
        start = np.maximum(start, self.start_ns)
        begin[(begin >= 0) & (self._column("time_ns", begin) != start)] = -1  # what really began it was lost
        rows = self._table(begin, end, start, pick(self.trace, end, "switch", "queue"))
        open_ = index[(following < 0) & self._is(index, *STARTS)]
        open_ = open_[self._known(self._column("time_ns", open_), self.end_ns)]
        return _in_order(Waits(*map(np.concatenate, zip(rows, self._open(open_)))))

    def _stays(self, index, moves):
        following = self._pairs(index)[1]
        state = np.maximum.accumulate(np.where(moves, 0, np.arange(len(index))))  # the last event that was no migration
        runnable = self._is(index[state], *STARTS) & self._same_thread(index, index[state])
        ends = runnable & self._is(following, "switch", "migrate")
        begin, end = index[ends], following[ends]
        queue = pick(self.trace, np.where(self._is(end, "switch"), end, -1), "switch", "queue")
        moved = self._is(end, "migrate")
        queue[moved] = pick(self.trace, end[moved], "migrate", "old_queue")
        rows = self._table(begin, end, self._column("time_ns", begin), queue)
        open_ = index[runnable & (following < 0)]
        open_ = open_[self._known(self._column("time_ns", open_), self.end_ns)]
        return _in_order(Waits(*map(np.concatenate, zip(rows, self._open(open_)))))

    def _table(self, begin, end, start, queue):
        columns = (self._column(name, end) for name in ("thread", "generation"))
        return (*columns, start, self._column("time_ns", end), queue, begin, end)

    def _open(self, index):
        """What waits when the trace ends."""
        queue = self._column("actor", index).astype(np.int64)
        if self.machine["one_queue"]:
            queue[:] = self.machine["global_queue"]
        for name in ("wake", "spawn", "migrate", "yield"):
            mine = self._is(index, name)
            queue[mine] = pick(self.trace, index[mine], name, "queue")
        columns = [self._column(name, index) for name in ("thread", "generation", "time_ns")]
        return (*columns, np.full(len(index), self.end_ns), queue, index, np.full(len(index), -1, dtype=np.int32))

    def _sleeps(self, index, following, _):
        chosen = self._is(index, "block") & ((following < 0) | self._is(following, "wake", "switch"))
        block, wake = index[chosen], following[chosen]
        start = self._column("time_ns", block)
        end = np.where(wake >= 0, self._column("time_ns", wake), self.end_ns)
        known = self._known(start, end)
        block, wake = block[known], np.where(self._is(wake, "wake"), wake, NONE)[known]
        columns = [self._column(name, block) for name in ("thread", "generation")]
        words = (pick(self.trace, block, "block", name) for name in ("reason", "object"))
        return Sleeps(*columns, start[known], end[known], *words, block, wake)

    def _known(self, start, end):
        """Which spans have no lost event within."""
        end = np.broadcast_to(end, start.shape)
        gaps = self._gaps()
        known = np.ones(len(start), dtype=bool)
        for first, last in gaps:
            known &= (end < first) | (start > last)
        return known

    def _gaps(self):
        """[(start, end)] of lost events, joined where they overlap."""
        lost = self.trace.of_kind("lost")
        gaps = [(int(e["time_ns"]) - int(e["b"]) - 1, int(e["time_ns"])) for e in lost]
        for actor, count in self.trace.lost.items():
            if count > lost["a"][lost["actor"] == actor].sum():  # its ring was full at the end
                mine = np.flatnonzero(self.events["actor"] == actor)
                gaps.append((int(self.events["time_ns"][mine[-1]]) if len(mine) else self.start_ns, self.end_ns))
        joined = []
        for first, last in sorted(gaps):
            if joined and first <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
            else:
                joined.append((first, last))
        return joined

    def stalls(self):
        """Spans of one CPU do not overlap: each begins where the one before has ended, at the earliest."""
        index = np.flatnonzero(self.events["kind"] == self.trace.kind_number("host-stall"))
        index = index[np.argsort(self.events["actor"][index], kind="stable")]
        cpu, end = self.events["actor"][index], self.events["time_ns"][index]
        start = np.maximum(end - np.maximum(pick(self.trace, index, "host-stall", "ns"), 0), self.start_ns)
        if len(cpu):
            start[1:] = np.where(cpu[1:] == cpu[:-1], np.maximum(start[1:], end[:-1]), start[1:])
        return Stalls(cpu, start, end)


def _in_order(waits):
    """By thread, then time."""
    order = np.lexsort((waits.start_ns, waits.generation, waits.thread))
    return Waits(*(getattr(waits, name)[order] for name in Waits.__dataclass_fields__))
