"""Data races of one schedule, by happens-before: vector clocks over its events, told one after another.

Two accesses race where one of them writes, not both are atomic, they share a byte, and no chain of synchronisation
orders them.  Clocks are dictionaries (thread -> count) and every byte has a record of its own, so this is the plain
form of FastTrack (Flanagan, Freund: FastTrack, PLDI 2009) without its epochs; nothing here is hot.

An atomic (AMO, LR, SC) acquires and releases its word, whatever its aq and rl bits: an order that only a relaxed atomic
makes hides a race here.  A load with `fence r,…` behind it acquires, a store with `fence …,w` before it releases.
"""

from dataclasses import dataclass

READ, WRITE, ATOMIC = 1, 2, 4  # bits of what an instruction does
ACQUIRES, RELEASES = 8, 16  # likewise, by the fences beside it
WORD_BYTES = 8
_LOAD, _LOAD_FP, _FENCE, _STORE, _STORE_FP, _AMO = 0x03, 0x07, 0x0F, 0x23, 0x27, 0x2F
_COMPRESSED = {1: (READ, 8), 2: (READ, 4), 3: (READ, 8), 5: (WRITE, 8), 6: (WRITE, 4), 7: (WRITE, 8)}
_FENCE_R, _FENCE_W = 2, 1  # bits of a fence's sets
_LR = 2  # funct5


@dataclass(frozen=True)
class Access:
    thread: int
    pc: int
    at: int
    size: int
    does: int


def access_of(word):
    """(what an instruction's word does to memory: READ, WRITE, ATOMIC; bytes); (0, 0) where it does nothing."""
    if word & 3 != 3:
        return _COMPRESSED.get(word >> 13 & 7, (0, 0)) if word & 3 in (0, 2) else (0, 0)
    opcode, size = word & 0x7F, 1 << (word >> 12 & 3)
    if opcode in (_LOAD, _LOAD_FP):
        return READ, size
    if opcode in (_STORE, _STORE_FP):
        return WRITE, size
    if opcode == _AMO:
        return (READ | ATOMIC if word >> 27 == _LR else READ | WRITE | ATOMIC), size
    return 0, 0


def _fence_sets(word):
    """(predecessors, successors) of a fence, (0, 0) of another instruction."""
    return (word >> 24 & 15, word >> 20 & 15) if word & 0x707F == _FENCE else (0, 0)


def does_between(before, word, after):
    """What an instruction does, its fences seen: the words before and behind it say acquire and release."""
    does, _ = access_of(word)
    if does & ATOMIC:
        return does | ACQUIRES | RELEASES
    if does & READ and _fence_sets(after)[0] & _FENCE_R:
        does |= ACQUIRES | ATOMIC
    if does & WRITE and _fence_sets(before)[1] & _FENCE_W:
        does |= RELEASES | ATOMIC
    return does


class Races:
    """`access`, `create`, `release` and `acquire` in the schedule's order; `found` are pairs (earlier, later)."""

    def __init__(self):
        self.found = []
        self._clocks = {}  # thread -> its vector clock
        self._released = {}  # word -> the clock that a reader of it acquires
        self._writes, self._reads = {}, {}  # byte -> {thread: (count, Access)}

    def _clock(self, thread):
        return self._clocks.setdefault(thread, {thread: 1})

    def create(self, parent, child):
        """All that `parent` has done happens before what `child` does."""
        self.begin(child, self.snapshot(parent))

    def snapshot(self, thread):
        """All that a thread has done so far, for `begin`."""
        clock = dict(self._clock(thread))
        self._clock(thread)[thread] += 1
        return clock

    def begin(self, thread, clock):
        """A thread begins, after what a snapshot says."""
        self._clocks[thread] = {**clock, thread: 1}

    def release(self, thread, at):
        """All that a thread has done so far happens before what those do who acquire this word later."""
        _join(self._released.setdefault(at // WORD_BYTES, {}), self._clock(thread))
        self._clock(thread)[thread] += 1

    def acquire(self, thread, at):
        """The other half."""
        _join(self._clock(thread), self._released.get(at // WORD_BYTES, {}))

    def access(self, access):
        """A thread does this now; the earlier Access that it races with, None."""
        if access.does & ACQUIRES:
            self.acquire(access.thread, access.at)
        clock, earlier = self._clock(access.thread), None
        for byte in range(access.at, access.at + access.size):
            tables = (self._writes, self._reads) if access.does & WRITE else (self._writes,)
            for table in tables:
                for thread, (count, other) in table.get(byte, {}).items():
                    both_atomic = other.does & access.does & ATOMIC
                    if thread != access.thread and count > clock.get(thread, 0) and not both_atomic:
                        earlier = earlier or other
            own = self._writes if access.does & WRITE else self._reads
            own.setdefault(byte, {})[access.thread] = clock[access.thread], access
        if access.does & RELEASES:
            self.release(access.thread, access.at)
        if earlier:
            self.found.append((earlier, access))
        return earlier


def _join(clock, other):
    for thread, count in other.items():
        clock[thread] = max(clock.get(thread, 0), count)
