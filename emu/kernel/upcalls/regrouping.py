"""A thread joins or leaves its group while it runs, and its policy is told (kse-7).

Policies keep words for each group, and charge a thread's time to its group.  So the time up to now is booked and the
hook `regroup` called before THREAD.kse_group changes; both happen under the lock of the queue on which the thread runs.
Under a queue's lock, then, each thread that runs or waits there has one group.

Threads that have not begun, and those that sleep, have nothing unbooked and are in no order: they need no hook.
Where queues take no lock, hooks about a running thread are its own CPU's, which is here.
"""

from ...hot import hot, never_inline
from ..critical import noncritical
from ..sched import local_queue
from ..sched.hooks import REGROUP, call_hook_3, has_hook
from ..sched.runqueue import QUEUES_LOCK_FREE, charge, lock_queue, mark_time, unlock_queue
from ..thread.states import RUNNING, queue_of, state_of


@hot
def regroup(m, me, i, g):
    """Thread i, which runs here, or sleeps or has not begun and is held by the caller, is in group g, -1: in none."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if state_of(t) != RUNNING or queue_of(t) != me:
        t.kse_group = g + 1
    elif m.queue_kind == QUEUES_LOCK_FREE:
        charge(m, me, i, local_queue.stamp(m, me, i, me))
        _tell_and_store(m, me, i, g)
    else:
        lock_queue(m, me, me)
        charge(m, me, i, mark_time(m, me, me))
        _tell_and_store(m, me, i, g)
        unlock_queue(m, me, me)


@hot
def _tell_and_store(m, me, i, g):
    if has_hook(m, me, REGROUP):
        call_hook_3(m, me, REGROUP, me, i, g)
    m.threads[i].kse_group = g + 1
