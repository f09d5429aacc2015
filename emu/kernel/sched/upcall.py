"""An upcall is handed over when its owner falls asleep: the one place where that happens (kse-2, kse-12).

core.block and core.switch_to call `before_sleep`; no sleep and no wait queue knows of upcalls.

    owner, about to sleep                                     the other thread
    1  its mailbox has a current thread                       3  gets a CPU, and rises (upcalls/boundary.py)
    2  gives the upcall to a spare of its group, else to a
       thread that it makes of its own spare record (kse-8)
    3  sleeps, and has no upcall any more: it is inside

The sleep was declared before, so its waker may come at any moment: where it has come already, nothing is handed over;
where it comes afterwards, the thread runs on without an upcall, and leaves its context at the border like any other.
Without a current thread in the mailbox no upcall is made: the owner, which is the library itself, sleeps with it.
Nor where the task ends or executes a program, where it is stopped as a whole, or where there is no record for the
thread: the owner then keeps the upcall, and its user thread goes on as if it had not blocked.
"""

from ...hot import hot, never_inline
from ...shm.atomics import load_seq_cst, store_release
from ..critical import noncritical
from ..groups.mailbox import thread_to_export
from ..groups.records import KSE_INSIDE, KSE_MEMBER, KSE_OWNER, KSE_RISING, begin_owning, count_inside, join_group
from ..groups.spares import let_go, take_up
from ..thread.handles import thread_handle
from ..thread.inherit import inherit
from ..thread.leaving import must_come
from ..thread.records import free_thread, join_task
from ..thread.sleep_word import is_claimed
from ..thread.spares import take_spare
from ..thread.states import SLEEP_RELEASED, SLEEP_STOP
from .confining import start_new, wake_as_new

WITH_UPCALL = 1 << SLEEP_STOP | 1 << SLEEP_RELEASED  # sleeps in which an owner keeps its upcall


@hot
def before_sleep(m, me, i):
    """Thread i, which runs and is in a group, has declared a sleep, and is about to leave its CPU."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if t.kse & KSE_INSIDE:
        count_inside(m, t, -1)
        return
    if t.kse != KSE_MEMBER | KSE_OWNER or (WITH_UPCALL >> t.sleep_reason) & 1:
        return
    if is_claimed(load_seq_cst(t, "sleep")) or must_come(m, i):
        return
    current = thread_to_export(m, me, t, m.upcalls[t.upcall - 1], False)
    if current != 0:
        _hand_over(m, me, i, current)


@hot
def _hand_over(m, me, i, current):
    """Give the upcall of thread i to a spare or new thread; its own context will be left in `current`."""
    t = m.threads[i]
    g, u = t.kse_group - 1, t.upcall - 1
    n = take_up(m, me, g)
    is_new = n < 0
    if is_new:
        n = _new_thread(m, me, i)
        if n < 0:
            return
        join_group(m, m.threads[n], g, u, KSE_OWNER | KSE_RISING)
    else:
        inherit(m, i, n)
        begin_owning(m, m.threads[n], g, u)
    m.threads[n].patience = -1
    t.user_thread = current
    store_release(m.upcalls[u], "owner", n + 1)  # the new owner knows that it is; pairs with load_seq_cst in wake_owner
    t.upcall = 0
    t.kse = KSE_MEMBER | KSE_INSIDE  # and asleep, so GROUP.inside does not count it
    if is_new:
        m.cpus[me].spawned += 1
        start_new(m, me, n)
    else:
        let_go(m, n)  # it may not have left its CPU yet, and goes on there
        wake_as_new(m, me, n)


@hot
def _new_thread(m, me, i):
    """A thread that is as thread i, in its task, and not started; -1: there is no record, or no room."""
    never_inline()
    n = take_spare(m, me, i)
    if n >= 0:
        inherit(m, i, n)
        if not join_task(m, me, n):
            free_thread(m, me, n)
            return -1
        m.threads[i].creator = thread_handle(m, n)  # which gets its record as a spare
    return n


@hot
def stayed_awake(m, i):
    """Thread i has not fallen asleep after all."""
    count_inside(m, m.threads[i], 1)
