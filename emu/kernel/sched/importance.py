"""A thread's nice value or real-time priority has changed: its policy hears of it at once.

A policy reads THREAD.nice and THREAD.realtime in its hooks.  A thread that waits on a run queue is therefore taken out
and put back (`dequeue`, `enqueue`), and one that runs is asked to give way, so that the policy chooses anew.  A sleeper
is met at its next `enqueue`.  Lock-free queues have no `dequeue`: there a change counts from the next turn on.

eevdf gives all real-time threads one weight, codezero one share, bsd4 buckets of their own; random, alux and inko know
no importance, so nothing that raises it has an effect under them.
"""

from ...hot import hot, never_inline
from ...limits import IPI_RESCHEDULE
from ..critical import either
from ..ipi import send_ipi
from ..thread.states import RUNNABLE, RUNNING, state_of
from . import queues
from .hooks import DEQUEUE, ENQUEUE_MOVE, call_hook
from .runqueue import enqueue, lock_own_queue, mark_time, preempt, unlock_queue


@hot
def reconsider(m, me, i):
    """Thread i's importance was changed. Takes the lock of the queue that it is on."""
    never_inline()
    either(m, me)
    if queues.are_lock_free(m):
        return
    t = m.threads[i]
    queue = lock_own_queue(m, me, i)
    if state_of(t) == RUNNABLE:
        mark_time(m, me, queue)
        before = m.queues[queue].nr_runnable
        call_hook(m, me, DEQUEUE, queue, i)
        m.queues[queue].nr_runnable = before - 1
        enqueue(m, me, queue, i, ENQUEUE_MOVE)
        preempt(m, me, queue, i)
    elif state_of(t) == RUNNING and queue < m.nr_cpus:
        m.cpus[queue].resched = 1
        if queue != me:
            send_ipi(m, me, queue, IPI_RESCHEDULE)
    unlock_queue(m, me, queue)
