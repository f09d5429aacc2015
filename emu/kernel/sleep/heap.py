"""The heap of time-outs: a binary heap in shared memory, earliest deadline first.

Only the timekeeper touches it (kernel/timekeeper.py), so it needs no lock; the others send it messages
(timeout_ring.py).  An entry is *valid* while the sleep word at its address is the one that it was made for.
Ending a sleep early changes that word and counts one stale time-out, in constant time, and the heap stays as it is
(inko-3): "its entry in the heap is marked as invalid instead of being removed".

Always true between two turns:
* no entry is earlier than its parent;
* MACHINE.stale_timeouts is the number of invalid entries, in the heap or on their way to it, except those whose
  waker is between its two stores.  It only decides when to compact: if it were wrong, nothing would be lost.

An invalid entry goes when it comes to the top, or before it gets in, or when `compact` removes them all, because
more than COMPACT_PERCENT of the heap is invalid: then the valid ones are moved together and ordered again from
the last parent upwards (Floyd: O(n), where n insertions would be O(n log n)).

Rejected: removing an entry when its sleep ends (every waker would need the heap, hence a lock); a heap for each
CPU (CPUs would have to look at the clock, and to park with a timer); a wheel (constant time, but it wakes
at every cascade, where an idle timekeeper sleeps until the one deadline).
"""

from ...hot import hot, never_inline
from ...shm.atomics import fetch_add, load_relaxed
from ...shm.memory import load_64
from ..thread.states import SLEEP_TIMED

NEVER = 1 << 62  # later than every deadline


@hot
def count_stale(m, word):
    """Something else than its time-out has ended a sleep: if it has a time-out, count that as stale."""
    if word & SLEEP_TIMED:
        fetch_add(m, "stale_timeouts", 1)


@hot
def add_entry(m, deadline_ns, address, word, i):
    """Put a time-out into the heap, which is not full."""
    at = m.nr_timeouts
    m.nr_timeouts += 1
    while at > 0:
        parent = (at - 1) >> 1
        if m.timeouts[parent].deadline_ns <= deadline_ns:
            break
        _copy(m, parent, at)
        at = parent
    _set(m, at, deadline_ns, address, word, i)


@hot
def next_deadline(m):
    """The earliest deadline of a valid entry, which is then the first of the heap; NEVER when there is none."""
    never_inline()
    while m.nr_timeouts > 0:
        first = m.timeouts[0]
        if load_64(first.address) == first.word:
            return first.deadline_ns
        remove_first(m)
        fetch_add(m, "stale_timeouts", -1)
    return NEVER


@hot
def remove_first(m):
    """Take the entry with the earliest deadline out of the heap."""
    never_inline()
    m.nr_timeouts -= 1
    _sift_down(m, 0, m.nr_timeouts)


@hot
def is_fragmented(m):
    """True when more than the set fraction of the heap is invalid."""
    return load_relaxed(m, "stale_timeouts") * 100 > m.nr_timeouts * m.compact_percent and m.nr_timeouts > 0


@hot
def compact(m):
    """Remove every invalid entry; how many there were."""
    never_inline()
    count = m.nr_timeouts
    kept = 0
    for k in range(count):
        e = m.timeouts[k]
        if load_64(e.address) == e.word:
            if k != kept:
                _copy(m, k, kept)
            kept += 1
    m.nr_timeouts = kept
    for k in range(kept // 2 - 1, -1, -1):
        _sift_down(m, k, k)
    fetch_add(m, "stale_timeouts", kept - count)
    m.compactions += 1
    return count - kept


@hot
def _sift_down(m, at, source):
    """Put the entry that lies at `source` into the heap at `at`, or as far below that as it belongs."""
    e = m.timeouts[source]
    deadline_ns, address, word, i = e.deadline_ns, e.address, e.word, e.thread
    count = m.nr_timeouts
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and m.timeouts[child + 1].deadline_ns < m.timeouts[child].deadline_ns:
            child += 1
        if m.timeouts[child].deadline_ns >= deadline_ns:
            break
        _copy(m, child, at)
        at = child
    _set(m, at, deadline_ns, address, word, i)


@hot
def _set(m, at, deadline_ns, address, word, i):
    e = m.timeouts[at]
    e.deadline_ns = deadline_ns
    e.address = address
    e.word = word
    e.thread = i


@hot
def _copy(m, source, target):
    e = m.timeouts[source]
    _set(m, target, e.deadline_ns, e.address, e.word, e.thread)
