"""Owners that wait for a reason to make an upcall, and giving them one (kse-1, kse-13).

A released owner keeps its upcall, and sleeps in GROUP.released.  Reasons are a completed context, a wake-up and the end
of its time; whatever the reason is, it rises (boundary.py), so kse_release returns by an upcall.

    owner, under the queue's lock                 who has a reason
    1  looks for reasons                          1  completes a context, or says that it is wanted
    2  joins the queue                            2  takes an owner out of the queue, under its lock

No reason is missed: who has one says so before it takes the lock, so that the owner has joined by then, or sees it.
"""

from ...hot import hot, never_inline
from ...shm.atomics import exchange, fetch_or, load_relaxed, load_seq_cst
from ..critical import noncritical
from ..groups.records import WANTED_WAKEUP, lock_groups, unlock_groups
from ..sched.waking import make_runnable
from ..sleep.heap import count_stale
from ..sleep.timeout_ring import post_timeout
from ..sleep.waitqueue import claim_first, join_locked, lock_waiters, remove_waiter, unlock_waiters
from ..thread.sleep_word import claim
from ..thread.states import RESTART_WOKEN, SLEEP_RELEASED, SLEEP_TIMED


@hot
def release_owner(m, me, i, deadline_ns):
    """Owner i, which runs, sleeps until there is a reason for an upcall, or until then (0: for ever).

    True: it sleeps.  False: there is a reason.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    g = m.groups[t.kse_group - 1]
    q = g.released
    lock_waiters(m, me, q)
    if _has_reason(m, t, g):
        exchange(g, "wakeups", 0)
        unlock_waiters(m, me, q)
        return False
    t.restart = RESTART_WOKEN
    t.sleep_restart = 0
    t.deadline_ns = deadline_ns
    t.resume_deadline_ns = deadline_ns
    word = join_locked(m, me, i, q, SLEEP_RELEASED | (SLEEP_TIMED if deadline_ns != 0 else 0))
    unlock_waiters(m, me, q)
    if deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, word)
    return True


@hot
def _has_reason(m, t, g):
    if load_seq_cst(g, "completed") != 0 or load_seq_cst(g, "wakeups") != 0:
        return True
    return load_seq_cst(m.upcalls[t.upcall - 1], "wanted") & WANTED_WAKEUP != 0


@hot
def wake_any(m, me, g):
    """Some released owner of group g makes its upcall; where none is released, the next one that is to be."""
    never_inline()
    noncritical(m, me)
    q = m.groups[g].released
    lock_waiters(m, me, q)
    i = claim_first(m, me, q)
    if i < 0:
        exchange(m.groups[g], "wakeups", 1)
    else:
        fetch_or(m.upcalls[m.threads[i].upcall - 1], "wanted", WANTED_WAKEUP)
    unlock_waiters(m, me, q)
    if i >= 0:
        make_runnable(m, me, i)


@hot
def wake_owner(m, me, task, mailbox):
    """The owner of the upcall with this mailbox makes an upcall as soon as it may: its thread, -1: there is none."""
    never_inline()
    noncritical(m, me)
    lock_groups(m, me)
    u = _find(m, task, mailbox)
    owner = -1
    if u >= 0:
        fetch_or(m.upcalls[u], "wanted", WANTED_WAKEUP)  # before the queue is searched; pairs with _has_reason
        owner = load_seq_cst(m.upcalls[u], "owner") - 1
        _wake(m, me, m.groups[m.upcalls[u].group].released, u)
    unlock_groups(m, me)
    return owner


@hot
def _find(m, task, mailbox):
    """The upcall of a task that has this mailbox, groups_lock held; -1: none."""
    g = m.tasks[task].first_group
    while g != 0:
        u = m.groups[g - 1].first_upcall
        while u != 0:
            if m.upcalls[u - 1].mailbox == mailbox:
                return u - 1
            u = m.upcalls[u - 1].next
        g = m.groups[g - 1].next
    return -1


@hot
def _wake(m, me, q, u):
    """Wake the owner of upcall u if it is released."""
    lock_waiters(m, me, q)
    i = q.head - 1
    while i >= 0 and m.threads[i].upcall != u + 1:
        i = m.threads[i].wait_next
    if i >= 0:
        remove_waiter(m, me, i, q)
        word = load_relaxed(m.threads[i], "sleep")
        claim(m.threads[i], word)  # nobody else can: it was in the list
        count_stale(m, word)
    unlock_waiters(m, me, q)
    if i >= 0:
        make_runnable(m, me, i)
