"""Groups begin and end, threads join and leave them while they run, and the policy is told (kse-7).

Policies keep words for each group, and charge a thread's time to its group.  So the time up to now is booked and the
hook `regroup` called before THREAD.kse_group changes; both happen under the lock of the queue on which the thread runs.
Under a queue's lock, then, each thread that runs or waits there has one group.

Threads that have not begun, and those that sleep, have nothing unbooked and are in no order: they need no hook.
Where queues take no lock, hooks about a running thread are its own CPU's, which is here.
"""

from ...hot import hot, never_inline
from ...shm.atomics import exchange, fetch_add
from ..critical import noncritical
from ..groups.offers import close_offer
from ..groups.records import KSE_INSIDE, KSE_RISING, free_group, give_up_upcall, new_group
from ..thread.states import RUNNING, queue_of, state_of
from . import local_queue
from .hooks import ADD_GROUP, REGROUP, REMOVE_GROUP, call_hook_3, has_hook, tell_group
from .runqueue import QUEUES_LOCK_FREE, charge, lock_queue, mark_time, unlock_queue


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


@hot
def begin_group(m, me, task):
    """A group of a task without threads and upcalls, of which the policy knows; its index, or -EAGAIN."""
    g = new_group(m, me, task)
    if g >= 0:
        tell_group(m, me, ADD_GROUP, g)
    return g


@hot
def end_group(m, me, g):
    """Group g, which has no threads, is no more."""
    tell_group(m, me, REMOVE_GROUP, g)
    free_group(m, me, g)


@hot
def quit_group(m, me, i):
    """Thread i, which runs or has not begun, leaves its group; its upcall goes, and with the last thread the group."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    g = t.kse_group - 1
    group = m.groups[g]
    close_offer(m, i)
    give_up_upcall(m, me, i)
    if t.kse & KSE_INSIDE:
        fetch_add(group, "inside", -1)
    if t.kse & KSE_RISING:
        fetch_add(group, "rising", -1)
    t.kse = 0
    regroup(m, me, i, -1)
    t.user_thread = 0
    exchange(t, "kse_interrupt", 0)
    if fetch_add(group, "nr_threads", -1) == 1:
        end_group(m, me, g)
