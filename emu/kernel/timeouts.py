"""Time-outs: a binary heap for each CPU, of the threads that fell asleep there.

Only the CPU itself touches its heap, so it needs no lock.  Ending a sleep early
leaves its entry behind: an entry is valid while the thread's sleep word is the one
it was made for, so a wake-up invalidates it in constant time (inko-3).  Stale
entries go when their time comes or when the heap is full.
"""

from ..hot import hot, never_inline
from ..limits import MAX_TIMERS
from ..shm.atomics import load_relaxed


@hot
def add_timeout(m, cpu, deadline_ns, i, word):
    """Remember that thread i's sleep `word` ends at a time."""
    never_inline()
    c = m.cpus[cpu]
    if c.nr_timers == MAX_TIMERS:
        _drop_stale(m, cpu)
    at = c.nr_timers
    c.nr_timers += 1
    while at > 0:
        parent = (at - 1) // 2
        if c.timer_deadline_ns[parent] <= deadline_ns:
            break
        _copy(c, parent, at)
        at = parent
    _set(c, at, deadline_ns, i, word)


@hot
def next_deadline(m, cpu):
    """The earliest deadline in ns, 0 when there is none; stale entries on top are dropped."""
    never_inline()
    c = m.cpus[cpu]
    while c.nr_timers > 0:
        if load_relaxed(m.threads[c.timer_thread[0]], "sleep") == c.timer_sleep[0]:
            return c.timer_deadline_ns[0]
        remove_first(m, cpu)
    return 0


@hot
def remove_first(m, cpu):
    """Take the entry with the earliest deadline out of the heap."""
    never_inline()
    c = m.cpus[cpu]
    c.nr_timers -= 1
    last = c.nr_timers
    _sift_down(c, 0, c.timer_deadline_ns[last], c.timer_thread[last], c.timer_sleep[last])


@hot
def _sift_down(c, at, deadline_ns, i, word):
    count = c.nr_timers
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and c.timer_deadline_ns[child + 1] < c.timer_deadline_ns[child]:
            child += 1
        if c.timer_deadline_ns[child] >= deadline_ns:
            break
        _copy(c, child, at)
        at = child
    _set(c, at, deadline_ns, i, word)


@hot
def _drop_stale(m, cpu):
    never_inline()
    c = m.cpus[cpu]
    kept = 0
    for k in range(c.nr_timers):
        if load_relaxed(m.threads[c.timer_thread[k]], "sleep") == c.timer_sleep[k]:
            _copy(c, k, kept)
            kept += 1
    c.nr_timers = kept
    for k in range(kept // 2 - 1, -1, -1):
        _sift_down(c, k, c.timer_deadline_ns[k], c.timer_thread[k], c.timer_sleep[k])


@hot
def _set(c, at, deadline_ns, i, word):
    c.timer_deadline_ns[at] = deadline_ns
    c.timer_thread[at] = i
    c.timer_sleep[at] = word


@hot
def _copy(c, source, target):
    _set(c, target, c.timer_deadline_ns[source], c.timer_thread[source], c.timer_sleep[source])
