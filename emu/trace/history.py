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

from .wakers import keys_by_thread

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
    sleeps: Sleeps
    stalls: Stalls
    moves: np.ndarray  # the migrations of runnable threads: positions in trace.events,
    moved: np.ndarray  # the waits they belong to, in order of both,
    moved_from: np.ndarray  # and the queues that they left
    moved_ns: np.ndarray
    start_ns: int
    end_ns: int

    @property
    def stays(self) -> Waits:
        """Made anew each time: there are as many as waits."""
        return _split(self)


def read_history(trace) -> History:
    """Everything above, in about 25 bytes for each event; while it works twice that, beside the trace's own."""
    times = trace.events["time_ns"]
    start_ns, end_ns = (int(times[0]), int(times[-1])) if len(times) else (0, 0)
    reader = _Reader(trace, start_ns, end_ns)
    slices = reader.slices()
    waits, sleeps, migrations = reader.chains()
    return History(slices, waits, sleeps, reader.stalls(), *reader.moves(migrations, waits), start_ns, end_ns)


def pick(trace, index, kind, name):
    """Argument or field `name` of the events at some positions, all of one kind; 0 at position -1."""
    found = np.zeros(len(index), dtype=np.int64)
    for at in range(0, len(index), CHUNK):
        part = index[at : at + CHUNK]
        known = part >= 0
        found[at : at + CHUNK][known] = trace.values(_Some(trace.events, part[known]), kind, name)
    return found


class _Some:
    """Some events, of which only the columns are copied that are looked at."""

    def __init__(self, events, index):
        self._events, self._index = events, index

    def __len__(self):
        return len(self._index)

    def __getitem__(self, name):
        return self._events[name][self._index]


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
        """Waits and sleeps, from the events of each thread, one after the other; and which migrations there were."""
        index = np.flatnonzero(self.codes).astype(np.int32)
        moves = self._code(index) == CODES["migrate"]
        migrations, index = index[moves], index[~moves]  # those change no state
        thread = self._column("thread", index)
        if len(thread) and thread.max() < 1 << 16:
            thread = thread.astype(np.uint16)  # NumPy sorts those many times faster
        index = index[np.argsort(thread, kind="stable")]
        del thread, moves
        life = self._pairs(index)
        return self._waits(*life), self._sleeps(*life), migrations

    def moves(self, migrations, waits):
        """Of the migrations those of runnable threads: (event, row of its wait, queue, time), by wait and time."""
        thread, time = self._column("thread", migrations), self._column("time_ns", migrations)
        row = np.searchsorted(self._keys(waits.thread, waits.start_ns), self._keys(thread, time), side="right") - 1
        inside = row >= 0
        inside[inside] = (waits.thread[row[inside]] == thread[inside]) & (waits.end_ns[row[inside]] >= time[inside])
        found = np.flatnonzero(inside)
        found = found[np.argsort(row[found], kind="stable")]
        event, row = migrations[found], row[found]
        still = waits.end_event[row] < 0  # it waits where it came last
        waits.queue[row[still]] = pick(self.trace, event[still], "migrate", "queue")
        return event, row.astype(np.int32), pick(self.trace, event, "migrate", "old_queue"), time[found]

    def _keys(self, thread, time_ns):
        return keys_by_thread(thread, time_ns - self.start_ns)

    def _pairs(self, index):
        """(events, the next one of each one's thread, the one before; -1 where there is none)."""
        following, preceding = np.full(len(index), -1, dtype=np.int32), np.full(len(index), -1, dtype=np.int32)
        for at in range(0, len(index) - 1, CHUNK):
            one, two = index[at : at + CHUNK], index[at + 1 : at + 1 + CHUNK]
            one = one[: len(two)]
            same = self._same_thread(one, two)
            following[at : at + len(one)][same], preceding[at + 1 : at + 1 + len(two)][same] = two[same], one[same]
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

    def _table(self, begin, end, start, queue):
        columns = (self._column(name, end) for name in ("thread", "generation"))
        return (*columns, start, self._column("time_ns", end), queue.astype(np.int32), begin, end)

    def _open(self, index):
        """What waits when the trace ends."""
        queue = self._column("actor", index).astype(np.int32)
        if self.machine["one_queue"]:
            queue[:] = self.machine["global_queue"]
        for name in ("wake", "spawn", "yield"):
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
        reason, object_ = (pick(self.trace, block, "block", name) for name in ("reason", "object"))
        return Sleeps(*columns, start[known], end[known], reason.astype(np.int16), object_, block, wake)

    def _known(self, start, end):
        """Which spans have no lost event within."""
        end = np.broadcast_to(end, start.shape)
        gaps = self._gaps()
        over, begun = (np.array([gap[side] for gap in gaps], dtype=np.int64) for side in (1, 0))
        return np.searchsorted(over, start) == np.searchsorted(begun, end, side="right")

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


def _split(history):
    """Waits in pieces, cut where their threads changed queues."""
    waits, moved = history.waits, history.moved
    if not len(moved):
        return waits
    count = np.bincount(moved, minlength=len(waits.thread)) + 1
    found = {name: np.repeat(getattr(waits, name), count) for name in Waits.__dataclass_fields__}
    at = moved + np.arange(len(moved))  # the piece that each migration ends; the next one begins with it
    for name, before, after in (
        ("end_ns", history.moved_ns, None), ("start_ns", None, history.moved_ns), ("queue", history.moved_from, None),
        ("end_event", history.moves, None), ("begin_event", None, history.moves),
    ):  # fmt: skip
        if before is not None:
            found[name][at] = before
        else:
            found[name][at + 1] = after
    return Waits(**found)


def _in_order(waits):
    """By thread, then time."""
    order = np.lexsort((waits.start_ns, waits.generation, waits.thread))
    return Waits(*(getattr(waits, name)[order] for name in Waits.__dataclass_fields__))
