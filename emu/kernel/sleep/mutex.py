"""Kernel mutexes, interruptible (cz-6): a wait queue with an owner. Each task has some, named by numbers.

Always true, while a mutex's lock is free: somebody waits only if somebody owns it, and an owner is a living thread of
the task whose THREAD.mutexes has the mutex's bit.

Unlocking hands the mutex to the longest waiting thread before that one wakes (no barging, so none starves), under the
lock under which an interrupted waiter leaves the list.  So a waiter that is suspended, signalled or killed either owns
the mutex or has left the list; a thread that still waits has never been passed over.  A thread that leaves releases
what it owns.
"""

from ...abi.errno import EAGAIN, EBUSY, EDEADLK, EPERM
from ...hot import hot, never_inline
from ...limits import WAIT_QUEUES
from ..containers.containers import charge_mutex
from ..critical import noncritical
from ..sched.waking import make_runnable
from .waitqueue import append_waiter, claim_first, lock_waiters, unlock_waiters

WAITS = 1


@hot
def mutex_lock(m, me, i, n):
    """Thread i, which runs, locks mutex n of its task: 0, WAITS (the caller returns BLOCK; the result is then 0 or
    -EINTR), -EDEADLK, or -EAGAIN where its container has no mutex left for the task."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    q = m.tasks[t.task].mutexes[n]
    result = 0
    lock_waiters(m, me, q)
    if not charge_mutex(m, me, t.task, n):
        result = -EAGAIN
    elif q.owner == 0:
        _own(m, i, n, q)
    elif q.owner == i + 1:
        result = -EDEADLK
    else:
        append_waiter(m, me, i, q)
        result = WAITS
    unlock_waiters(m, me, q)
    return result


@hot
def mutex_trylock(m, me, i, n):
    """Lock mutex n if nobody owns it: 0, -EBUSY, or -EAGAIN as mutex_lock."""
    never_inline()
    noncritical(m, me)
    q = m.tasks[m.threads[i].task].mutexes[n]
    result = -EBUSY
    lock_waiters(m, me, q)
    if not charge_mutex(m, me, m.threads[i].task, n):
        result = -EAGAIN
    elif q.owner == 0:
        _own(m, i, n, q)
        result = 0
    unlock_waiters(m, me, q)
    return result


@hot
def mutex_unlock(m, me, i, n):
    """Hand mutex n to the thread that has waited longest, if any: 0, or -EPERM when thread i does not own it."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    q = m.tasks[t.task].mutexes[n]
    lock_waiters(m, me, q)
    if q.owner != i + 1:
        unlock_waiters(m, me, q)
        return -EPERM
    t.mutexes &= ~(1 << n)
    q.owner = 0
    heir = q.head - 1
    if heir >= 0:
        _own(m, heir, n, q)  # before its sleep is claimed: it may run at once
        claim_first(m, me, q)
    unlock_waiters(m, me, q)
    if heir >= 0:
        make_runnable(m, me, heir)
    return 0


@hot
def _own(m, i, n, q):
    q.owner = i + 1
    m.threads[i].mutexes |= 1 << n


@hot
def release_mutexes(m, me, i):
    """A thread that leaves hands over all that it owns."""
    never_inline()
    for n in range(WAIT_QUEUES):
        if (m.threads[i].mutexes >> n) & 1:
            mutex_unlock(m, me, i, n)
