"""Wait queues of the kernel, interruptible (cz-6): sleepers in a list under a lock, first in first out.

    sleeper: look at what it waits for, under a lock L      waker: change it, under L
             word = join_queue(m, me, i, q)                        release L
             release L; return BLOCK                               wake_queue(m, me, q, count)

Always true: while a queue's lock is free, a thread is in its list exactly when its sleep has not been claimed or
taken (sleep_word.py), and THREAD.wait_queue names the queue exactly as long.

No lost wake-up: the sleeper is in the list before L is released, so a waker that changes the condition afterwards finds
it there.  A suspend, a signal or a kill takes a sleeper out under the queue's lock (`take_from_queue`) and gives it
-EINTR.  It competes with the waker for the sleep word like any other, so a wake-up goes to a thread that is still in
the list, never to one that was taken out: a killed waiter leaves no trace, and no wake-up is lost with it.

A thread sleeps in one place at a time, so the links are those of futex buckets.
"""

from ...abi.registers import A0
from ...hot import hot, never_inline
from ...limits import WAIT_QUEUES
from ...shm import lockrank
from ...shm.atomics import load_relaxed, load_seq_cst, store_relaxed
from ...shm.layout import wait_queue_at
from ...shm.memory import address_of
from ...shm.spinlock import acquire, field_address, release
from ..critical import critical, either, noncritical
from ..sched.waking import make_runnable
from ..thread.sleep_word import claim, prepare_sleep, take
from ..thread.states import (
    RESTART_CALL,
    RESTART_UNHANDLED,
    RESTART_WOKEN,
    SLEEP_PORT,
    SLEEP_QUEUE,
    SLEEP_RETRY,
    SLEEP_STOP,
    SLEEP_TIMED,
)
from .heap import count_stale


@hot
def reset_queues(k):
    """A new task's wait queues and mutexes are empty."""
    reset_queue(k.waiters)
    reset_queue(k.stop_queue)
    for n in range(WAIT_QUEUES):
        reset_queue(k.wait_queues[n])
        reset_queue(k.mutexes[n])


@hot
def reset_queue(q):
    """Nobody waits here, and nobody holds it."""
    q.lock = 0
    q.head = 0
    q.tail = 0
    q.owner = 0


@hot
def lock_waiters(m, me, q):
    acquire(m, me, field_address(q, "lock"), lockrank.WAIT_QUEUE)


@hot
def unlock_waiters(m, me, q):
    release(m, me, field_address(q, "lock"))


@hot
def join_queue(m, me, i, q):
    """The running thread i sleeps in q from here on, with result 0. The caller releases its locks and returns BLOCK."""
    never_inline()
    noncritical(m, me)
    lock_waiters(m, me, q)
    word = append_waiter(m, me, i, q)
    unlock_waiters(m, me, q)
    return word


@hot
def join_to_retry(m, me, i, q, done):
    """The running thread i sleeps in q, and makes its call again when it is woken. The caller returns BLOCK.

    A signal wakes it too, so what has come meanwhile is taken first, as in Linux.  If the call then has to sleep again,
    it is interrupted: `done`, the bytes that it has moved, is its result; with 0 it ends as read(2) does, by EINTR or
    by beginning anew.  The caller holds the lock under which it found that it must wait.
    """
    m.threads[i].sleep_done = done
    return _join_to_retry(m, me, i, q, RESTART_CALL, SLEEP_RETRY)


@hot
def join_until(m, me, i, q, deadline_ns):
    """As join_to_retry for a call that signals end whose handler has run, until a time (0: no end); the sleep's word.

    When the time has come the call is made again too: THREAD.resume_deadline_ns says until when it may wait.  Once its
    lock is free the caller posts the time-out.
    """
    t = m.threads[i]
    t.sleep_done = 0
    t.deadline_ns = deadline_ns
    t.resume_deadline_ns = deadline_ns
    return _join_to_retry(m, me, i, q, RESTART_UNHANDLED, SLEEP_RETRY | (SLEEP_TIMED if deadline_ns != 0 else 0))


@hot
def join_natively(m, me, i, q, deadline_ns):
    """The running thread i sleeps in q until it is woken, and makes its native call again then; the sleep's word.

    A signal ends the call with -EINTR, the deadline (0: none) with -ETIMEDOUT.  As with join_until the caller holds the
    lock under which it found that it must wait, and posts the time-out once that is free (until.native_deadline).
    """
    t = m.threads[i]
    t.deadline_ns = deadline_ns
    t.resume_deadline_ns = deadline_ns
    return _join_to_retry(m, me, i, q, 0, SLEEP_PORT | (SLEEP_TIMED if deadline_ns != 0 else 0))


@hot
def _join_to_retry(m, me, i, q, restart, reason):
    never_inline()
    either(m, me)
    t = m.threads[i]
    t.restart = RESTART_WOKEN
    t.sleep_restart = restart
    lock_waiters(m, me, q)
    _append(m, i, q)
    word = prepare_sleep(t, reason)
    unlock_waiters(m, me, q)
    return word


@hot
def join_stopped(m, me, i, q):
    """The running thread i, which is in no call, sleeps in q from here on; its registers stay as they are."""
    either(m, me)
    lock_waiters(m, me, q)
    _append(m, i, q)
    prepare_sleep(m.threads[i], SLEEP_STOP)
    unlock_waiters(m, me, q)


@hot
def append_waiter(m, me, i, q):
    """join_queue with q locked."""
    m.threads[i].x[A0] = 0
    return join_locked(m, me, i, q, SLEEP_QUEUE)


@hot
def join_locked(m, me, i, q, reason):
    """Thread i sleeps in the locked queue q from here on, for a reason that lists it there; its sleep's word."""
    critical(m, me)
    _append(m, i, q)
    return prepare_sleep(m.threads[i], reason)


@hot
def _append(m, i, q):
    t = m.threads[i]
    t.wait_next = -1
    t.wait_previous = q.tail - 1
    if q.tail != 0:
        m.threads[q.tail - 1].wait_next = i
    else:
        q.head = i + 1
    q.tail = i + 1
    store_relaxed(t, "wait_queue", address_of(q))


@hot
def remove_waiter(m, me, i, q):
    """Take a thread out of the locked queue q."""
    critical(m, me)
    t = m.threads[i]
    if t.wait_previous >= 0:
        m.threads[t.wait_previous].wait_next = t.wait_next
    else:
        q.head = t.wait_next + 1
    if t.wait_next >= 0:
        m.threads[t.wait_next].wait_previous = t.wait_previous
    else:
        q.tail = t.wait_previous + 1
    store_relaxed(t, "wait_queue", 0)


@hot
def claim_first(m, me, q):
    """Take the first sleeper out of the locked queue q and claim its sleep; its index, -1 when there is none."""
    i = q.head - 1
    if i >= 0:
        remove_waiter(m, me, i, q)
        word = load_relaxed(m.threads[i], "sleep")
        claim(m.threads[i], word)  # nobody else can: it was in the list
        count_stale(m, word)
    return i


@hot
def wake_queue(m, me, q, count):
    """Wake that many sleepers, the longest waiting first; how many there were. Callers may hold locks of lower rank."""
    never_inline()
    either(m, me)
    woken = 0
    while woken < count:
        lock_waiters(m, me, q)
        i = claim_first(m, me, q)
        unlock_waiters(m, me, q)
        if i < 0:
            break
        make_runnable(m, me, i)
        woken += 1
    return woken


@hot
def take_from_queue(m, me, i, word):
    """Take the sleep `word` of a thread in a wait queue for another reason, and unlist it; False if another won.

    Callers may hold a task's or an address space's lock, and no other.
    """
    never_inline()
    either(m, me)
    t = m.threads[i]
    while load_seq_cst(t, "sleep") == word:
        at = load_relaxed(t, "wait_queue")
        if at == 0:
            if load_relaxed(m, "failed") != 0:
                return False
            continue  # its waker is between two stores under the lock
        q = wait_queue_at(at)
        lock_waiters(m, me, q)
        won = load_relaxed(t, "wait_queue") == at and take(t, word)
        if won:
            remove_waiter(m, me, i, q)
        unlock_waiters(m, me, q)
        if won:
            return True
    return False
