"""An upcall is handed over when its owner falls asleep: the one place where that happens (kse-2, kse-12).

core.block and core.switch_to call `before_sleep`; no sleep and no wait queue knows of upcalls.

    owner, about to sleep                                     the other thread
    1  its mailbox has a current thread                       3  gets a CPU, and rises (upcalls/boundary.py)
    2  gives the upcall to another thread
    3  sleeps, and has no upcall any more: it is inside

Three sorts of thread can take it, the cheapest first:

    woken   a thread inside that was woken and waits for this CPU (groups/offers.py): it leaves its context and rises,
            where it would leave its context and exit
    spare   one of the group's (groups/spares.py), which is woken
    new     a thread made of the owner's spare record (kse-8), which begins

The sleep was declared before, so its waker may come at any moment: where it has come already, nothing is handed over;
where it comes afterwards, the thread runs on without an upcall, and leaves its context at the border like any other.
Without a current thread in the mailbox no upcall is made: the owner, which is the library itself, sleeps with it.
Nor where the task ends or executes a program, where it is stopped as a whole, or where there is no record for the
thread: the owner then keeps the upcall, and its user thread goes on as if it had not blocked.

A thread that was given an upcall inside may have to sleep again before it comes to the border, or may exit in there: it
hands the upcall on.
"""

from ...hot import hot, never_inline
from ...limits import GLOBAL_QUEUE
from ...shm.atomics import fetch_add, load_relaxed, load_seq_cst
from ..critical import noncritical
from ..groups.mailbox import thread_to_export
from ..groups.offers import close_offer, give, read_offer
from ..groups.records import (
    KSE_ENDOWED,
    KSE_INSIDE,
    KSE_MEMBER,
    KSE_OWNER,
    KSE_RISING,
    count_inside,
    endow,
    join_group,
)
from ..groups.spares import let_go, owes_nothing, take_up
from ..thread.handles import thread_handle
from ..thread.inherit import has_inherited, inherit
from ..thread.leaving import goes_on, must_come
from ..thread.records import free_thread, join_task
from ..thread.sleep_word import is_claimed
from ..thread.spares import take_spare
from ..thread.states import RUNNABLE, SLEEP_RELEASED, SLEEP_STOP, pack_where
from .confining import start_new, wake_as_new
from .runqueue import QUEUES_GLOBAL

WITH_UPCALL = 1 << SLEEP_STOP | 1 << SLEEP_RELEASED  # sleeps in which an owner keeps its upcall


@hot
def before_sleep(m, me, i):
    """Thread i, which runs and is in a group, has declared a sleep, and is about to leave its CPU."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if t.kse & KSE_INSIDE:
        count_inside(m, t, -1)
        close_offer(m, i)
    if t.kse & KSE_OWNER == 0 or (WITH_UPCALL >> t.sleep_reason) & 1:
        return
    if is_claimed(load_seq_cst(t, "sleep")) or must_come(m, i):
        return
    if t.kse == KSE_ENDOWED:
        _hand_over(m, me, i, t.user_thread)
    elif t.kse == KSE_MEMBER | KSE_OWNER:
        current = thread_to_export(m, me, t, m.upcalls[t.upcall - 1], False)
        if current != 0:
            _hand_over(m, me, i, current)


@hot
def before_exit(m, me, i):
    """Thread i, which runs, exits: an upcall that it was given inside the kernel is another's."""
    noncritical(m, me)
    t = m.threads[i]
    close_offer(m, i)
    if t.kse == KSE_ENDOWED and goes_on(m, i):
        count_inside(m, t, -1)
        _hand_over(m, me, i, t.user_thread)
        count_inside(m, t, 1)


@hot
def _hand_over(m, me, i, current):
    """Give the upcall of thread i to another one; its own context will be left in `current`."""
    t = m.threads[i]
    g = m.groups[t.kse_group - 1]
    rises = t.kse & KSE_RISING
    if rises == 0:
        fetch_add(g, "rising", 1)
    t.user_thread = current
    if _give_to_woken(m, me, i) or _give_to_spare(m, me, i) or _give_to_new(m, me, i):
        t.upcall = 0
        t.kse = KSE_MEMBER | KSE_INSIDE  # and asleep, so GROUP.inside does not count it
    elif rises == 0:
        fetch_add(g, "rising", -1)


@hot
def _give_to_woken(m, me, i):
    t = m.threads[i]
    n = load_relaxed(m.groups[t.kse_group - 1], "woken") - 1
    if n < 0:
        return False
    w = m.threads[n]
    offer = read_offer(w)
    if offer >= 0 or w.kse_group != t.kse_group or not owes_nothing(w) or not has_inherited(m, i, n):
        return False
    waits_here = pack_where(RUNNABLE, GLOBAL_QUEUE if m.queue_kind == QUEUES_GLOBAL else me)
    return load_relaxed(w, "where") == waits_here and give(m, i, n, offer)  # elsewhere it might wait for long


@hot
def _give_to_spare(m, me, i):
    t = m.threads[i]
    n = take_up(m, me, t.kse_group - 1)
    if n < 0:
        return False
    inherit(m, i, n)
    endow(m, n, t.upcall - 1)
    let_go(m, n)  # it may not have left its CPU yet, and goes on there
    wake_as_new(m, me, n)
    return True


@hot
def _give_to_new(m, me, i):
    t = m.threads[i]
    n = _new_thread(m, me, i)
    if n < 0:
        return False
    join_group(m, m.threads[n], t.kse_group - 1, -1, 0)
    endow(m, n, t.upcall - 1)
    m.cpus[me].spawned += 1
    start_new(m, me, n)
    return True


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
