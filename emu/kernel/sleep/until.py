"""Sleeping until a deadline, or until another thread ends the sleep: alux's interface to time-outs (alux-3).

    acquire(m, me, lock, rank)                     acquire(m, me, lock, rank)
    note that thread i waits                       if thread i waits:
    set_timeout(m, me, i, deadline, False, lock)       note that it waits no more
    return BLOCK  (the lock is released)               clear_timeout(m, me, i)
                                                   release(m, me, lock)

Invariant: whoever holds the lock and finds the note finds the sleep recorded too, so `clear_timeout` never misses the
sleeper: it wakes the thread, unless the deadline or a signal has just done so.  The sleep is recorded by one store of
the sleep word; the caller's lock word is released after that.  The original notes the thread as waiting, and releases
the lock before the thread is marked as sleeping: a waker that comes between finds it awake, and it sleeps for ever (a
control in tests/litmus/test_timekeeper.py).  A thread that is woken before it has left its CPU finds the claim itself
(kernel/thread/sleep_word.py).

`precise` costs power: the host is woken for this deadline alone.  Imprecise deadlines are rounded up to a multiple
of the slack, so that many share one wake-up.  The message to the timekeeper goes out after the lock is
released, since its sender may have to wait; if the sleep has been cleared before that, the message is stale.
"""

from ...abi.registers import A0
from ...hot import hot, never_inline
from ...shm.atomics import load_seq_cst
from ...shm.clock import steady_ns
from ...shm.spinlock import release
from ..critical import either
from ..thread.sleep_word import prepare_sleep, reason_of, take
from ..thread.states import SLEEP_EVENT, SLEEP_TIMED
from .endings import finish
from .heap import NEVER, count_stale
from .timeout_ring import post_timeout


@hot
def sleep_until(m, me, i, reason, deadline_ns, precise, unlock_address):
    """Record the running thread's sleep, then release the caller's lock word (0: none). The caller blocks it."""
    never_inline()
    either(m, me)
    t = m.threads[i]
    t.deadline_ns = deadline_ns
    word = prepare_sleep(t, reason | SLEEP_TIMED)
    if unlock_address != 0:
        release(m, me, unlock_address)
    post_timeout(m, me, deadline_ns, precise, i, word)
    return word


@hot
def set_timeout(m, me, i, deadline_ns, precise, unlock_address):
    """The running thread i sleeps until a time (-ETIMEDOUT) or `clear_timeout` (0); returns the sleep's word.

    Its lock word at `unlock_address` is released once the sleep is recorded.  The caller then returns BLOCK.
    """
    m.threads[i].x[A0] = 0
    return sleep_until(m, me, i, SLEEP_EVENT, deadline_ns, precise, unlock_address)


@hot
def set_infinite_timeout(m, me, i, unlock_address):
    """As set_timeout, without a deadline."""
    t = m.threads[i]
    t.x[A0] = 0
    word = prepare_sleep(t, SLEEP_EVENT)
    if unlock_address != 0:
        release(m, me, unlock_address)
    return word


@hot
def native_deadline(m, t, timeout_ns):
    """Until when a native call that waits so long does so, also when it is made again after a wake-up (RESTART_WOKEN).

    0: for ever, as a negative time-out says; -1: its time is over.  A call that then sleeps keeps the deadline in
    THREAD.resume_deadline_ns before it declares its sleep, and one that ends clears that.
    """
    if timeout_ns < 0:
        return 0
    deadline_ns = t.resume_deadline_ns
    if timeout_ns == 0 and deadline_ns == 0:
        return -1
    now_ns = steady_ns(m)
    if deadline_ns == 0:
        return now_ns + min(timeout_ns, NEVER - now_ns)
    return deadline_ns if now_ns < deadline_ns else -1


@hot
def clear_timeout(m, me, i):
    """Wake thread i from set_timeout or set_infinite_timeout. True when this woke it.

    False: it does not sleep that way, or something else just ended its sleep.  No queue's lock is held.
    """
    never_inline()
    t = m.threads[i]
    word = load_seq_cst(t, "sleep")
    if word <= 0 or reason_of(word) != SLEEP_EVENT or not take(t, word):
        return False
    count_stale(m, word)
    finish(m, me, i, 0)
    return True
