"""Blocking operations: the running thread goes to the other pool of CPUs, at once (inko-6).

    blocking_begin  the caller goes on in the blocking pool           what the pools are: thread/affinity.py
    blocking_end    the caller goes on in the primary pool

Both change which CPUs may run the running thread, as sched_setaffinity does for any thread (migration.py).  The call
then gives way: the thread is put on a queue of its new pool, whose CPUs are told (announcing.py), and the CPU that it
leaves takes its next thread in the same step.  So it executes no instruction of the guest's outside its pool between
the two calls, and what waits in the pool that it leaves does not wait for it.

No lost wake-up: the mask changes before the thread is put anywhere, and every CPU looks at it after it has taken a
thread (may_not_stay).  The thread itself runs, so nobody wakes it or takes it meanwhile; a waker of a later sleep sees
the mask, since the sleep was recorded after it.
"""

from ...hot import hot, never_inline
from ...shm.cpumask import has_cpu, load_mask, mask_and, mask_is_empty, mask_or, store_mask
from ...shm.events import POOL, emit, emit_affinity
from ..critical import critical, noncritical
from ..thread.affinity import pool, within_pool
from ..thread.records import lock_task, unlock_task
from . import queues
from .runqueue import lock_own_queue, unlock_queue


@hot
def allow(m, me, i):
    """THREAD.affinity follows what was asked and the pool. The lock of the thread's task is held; nothing moves yet."""
    critical(m, me)
    t = m.threads[i]
    mask = within_pool(m, t)
    emit_affinity(m, me, i, mask)
    if queues.are_lock_free(m):
        store_mask(t, "affinity", mask_or(load_mask(t, "affinity"), mask))  # so that it is never empty
        store_mask(t, "affinity", mask)
    else:
        queue = lock_own_queue(m, me, i)
        store_mask(t, "affinity", mask)
        unlock_queue(m, me, queue)


@hot
def _enter(m, me, i, blocking):
    """The thread is in a pool from now on; whether it may run there."""
    t = m.threads[i]
    lock_task(m, me, t.task)
    t.blocking = blocking
    allow(m, me, i)
    unlock_task(m, me, t.task)
    reached = not mask_is_empty(mask_and(load_mask(t, "affinity"), pool(m, blocking)))
    emit(m, me, POOL, i, blocking, 1 if reached else 0)
    return reached


@hot
def begin_blocking(m, i):
    """A new thread, which nobody knows yet, begins in the blocking pool."""
    t = m.threads[i]
    t.blocking = 1
    store_mask(t, "affinity", within_pool(m, t))


@hot
def enter_pool(m, me, i, blocking):
    """The running thread enters a pool: 0, or 1 where it may not run there. The caller gives way if it has to move."""
    never_inline()
    noncritical(m, me)
    return 0 if _enter(m, me, i, blocking) else 1


@hot
def must_move(m, me, i):
    """Whether the running thread may not run on this CPU any more."""
    return not has_cpu(m.threads[i], "affinity", me)


@hot
def forget_blocking(m, me, i):
    """A thread that executes a new program is in no blocking operation. It sleeps, or another actor serves it."""
    noncritical(m, me)
    if m.threads[i].blocking != 0:
        _enter(m, me, i, 0)
