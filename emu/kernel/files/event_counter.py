"""Event counters: a 64-bit number that writes add to and reads take (eventfd(2)).

The number is unsigned; a write that would make it more than MOST waits, as does a read of 0.  Who waits joins its queue
before it gives the counter's lock back; who changes the counter wakes all of the other side, as in pipe.py.
"""

from ...abi.errno import EAGAIN, EINVAL, ENFILE
from ...abi.files import POLLIN, POLLOUT
from ...hot import hot, never_inline
from ...limits import IPI_CALL, MAX_EVENT_COUNTERS, SERVER
from ...shm import lockrank
from ...shm.atomics import load_relaxed, store_relaxed
from ...shm.layout.events import EVENT_COUNTER
from ...shm.memory import unsigned_less
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_EVENT_COUNTER, count_freed, count_made
from ..critical import critical, either, noncritical
from ..ipi import send_ipi
from ..sleep.waitqueue import join_to_retry, wake_queue
from .pipe import SLEEPS
from .watches import tell

MOST = -2  # 2^64 - 2
COUNTER_BYTES = EVENT_COUNTER.size
ALL = 1 << 30


@hot
def lock_counter(m, me, e):
    acquire(m, me, field_address(e, "lock"), lockrank.SOURCE)


@hot
def unlock_counter(m, me, e):
    release(m, me, field_address(e, "lock"))


@hot
def new_counter(m, me, count, takes_one):
    """An event counter; its index, or -ENFILE."""
    never_inline()
    either(m, me)
    lock = field_address(m, "event_counters_lock")
    acquire(m, me, lock, lockrank.EVENT_COUNTERS)
    n = m.free_event_counter - 1
    if n >= 0:
        m.free_event_counter = m.event_counters[n].next_free
    elif m.fresh_event_counter < MAX_EVENT_COUNTERS:
        n = m.fresh_event_counter
        m.fresh_event_counter += 1
    release(m, me, lock)
    if n < 0:
        return -ENFILE
    count_made(m, me, TAG_EVENT_COUNTER, COUNTER_BYTES)
    e = m.event_counters[n]
    e.count = count
    e.takes_one = takes_one
    e.polled = 0
    e.watches = 0
    return n


@hot
def free_counter(m, me, n):
    """No description refers to a counter any more."""
    never_inline()
    either(m, me)
    count_freed(m, me, TAG_EVENT_COUNTER, COUNTER_BYTES)
    lock = field_address(m, "event_counters_lock")
    acquire(m, me, lock, lockrank.EVENT_COUNTERS)
    m.event_counters[n].next_free = m.free_event_counter
    m.free_event_counter = n + 1
    release(m, me, lock)


@hot
def _changed(m, me, e, q, key):
    """The locked counter has another value: who waits in q, or watches for one of these POLL* bits, is told."""
    critical(m, me)
    store_relaxed(e, "changes", e.changes + 1)
    if e.watches != 0:
        tell(m, me, e.watches, 0, key)
    if q.head != 0:
        wake_queue(m, me, q, ALL)
    if e.polled != 0:
        e.polled = 0
        send_ipi(m, me, SERVER, IPI_CALL)


@hot
def read_counter(m, me, i, e, nonblocking):
    """Take the number, or one of it: (0, what was taken), (-EAGAIN, 0), or (SLEEPS, 0) for thread i."""
    noncritical(m, me)
    lock_counter(m, me, e)
    error = 0
    taken = e.count
    if taken != 0:
        if e.takes_one:
            taken = 1
        store_relaxed(e, "count", e.count - taken)
        _changed(m, me, e, e.write_queue, POLLOUT)
    elif nonblocking:
        error = -EAGAIN
    else:
        join_to_retry(m, me, i, e.read_queue, 0)
        error = SLEEPS
    unlock_counter(m, me, e)
    return error, taken


@hot
def write_counter(m, me, i, e, added, nonblocking):
    """Add a number: 0, -EINVAL, -EAGAIN, or SLEEPS for thread i."""
    noncritical(m, me)
    if unsigned_less(MOST, added):
        return -EINVAL
    lock_counter(m, me, e)
    error = 0
    if not unsigned_less(MOST - e.count, added):
        store_relaxed(e, "count", e.count + added)
        _changed(m, me, e, e.read_queue, POLLIN)
    elif nonblocking:
        error = -EAGAIN
    else:
        join_to_retry(m, me, i, e.write_queue, 0)
        error = SLEEPS
    unlock_counter(m, me, e)
    return error


@hot
def counter_ready(e):
    """POLL* bits that hold now. No lock is needed."""
    count = load_relaxed(e, "count")
    return (POLLIN if count != 0 else 0) | (POLLOUT if count != MOST else 0)
