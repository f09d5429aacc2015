"""Nice values and real-time priorities that change while a thread runs or waits: its policy sees them at once.

A thread that waits in a queue leaves the policy's order with its old values and joins it with the new ones, under the
queue's lock, and may preempt the running one.  A thread that runs gives way at its CPU's next look, so the policy
orders it anew and may keep it.  A sleeper's values count when it wakes.  Lock-free queues have no order by importance:
there the values are stored, and hooks see them when they next look.

eevdf gives all real-time threads one weight, codezero one share, bsd4 buckets of their own; random, alux and inko know
no importance, so nothing that raises it has an effect under them.
"""

from ...hot import hot, never_inline
from ...limits import IPI_RESCHEDULE
from ...shm.atomics import store_relaxed
from ..critical import either
from ..ipi import send_ipi
from ..thread.states import RUNNABLE, RUNNING, state_of
from . import queues
from .hooks import DEQUEUE, ENQUEUE_MOVE, call_hook
from .recording import PREEMPT_IMPORTANCE
from .runqueue import enqueue, lock_own_queue, mark_time, preempt, unlock_queue


@hot
def _store(t, nice, realtime):
    store_relaxed(t, "nice", nice)
    store_relaxed(t, "realtime", realtime)


@hot
def change_importance(m, me, i, nice, realtime):
    """Thread i, which is held or served by the caller, has this nice value and real-time priority from now on."""
    never_inline()
    either(m, me)
    t = m.threads[i]
    if queues.are_lock_free(m):
        _store(t, nice, realtime)
        return
    queue = lock_own_queue(m, me, i)
    state = state_of(t)
    if state == RUNNABLE:
        mark_time(m, me, queue)
        before = m.queues[queue].nr_runnable
        call_hook(m, me, DEQUEUE, queue, i)
        m.queues[queue].nr_runnable = before - 1
        _store(t, nice, realtime)
        enqueue(m, me, queue, i, ENQUEUE_MOVE)
        preempt(m, me, queue, i)
    else:
        _store(t, nice, realtime)
        if state == RUNNING and queue < m.nr_cpus:
            m.cpus[queue].resched_why = PREEMPT_IMPORTANCE
            m.cpus[queue].resched = 1
            if queue != me:
                send_ipi(m, me, queue, IPI_RESCHEDULE)
    unlock_queue(m, me, queue)
