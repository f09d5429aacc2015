"""Spare threads of a group: those that have left their context wait there for the next upcall (kse-8).

Making a thread and letting it exit costs far more than a sleep.  So a thread that has handed out its context, and would
exit, sleeps as a spare of its group where that has few, and gets the next upcall that an owner hands over.  It is in no
call, and no user thread's; it takes no signals.  A kill or the end of its group ends its sleep, and it exits.  A thread
that has something to do or to give back when it exits does exit.

    may_keep     whether a thread is to be a spare
    get_out      a thread has left its context
    keep         the running thread is a spare from here on; its caller blocks it
    take_up      the sleep of a spare is taken: it sleeps on until its caller has given it the upcall (let_go)
    take_kept    its sleep is taken for another reason (sleep/endings.py)

Always true, while spares_lock is free: a thread is listed exactly when its sleep has not been taken, and
GROUP.nr_spares counts those listed.  So of a hand-over and a kill one gets the thread.
"""

from ...hot import hot, never_inline
from ...shm import lockrank
from ...shm.atomics import exchange, load_relaxed, store_relaxed
from ...shm.spinlock import acquire, field_address, release
from ..critical import either, noncritical
from ..thread.records import lock_task, reset_signal_stack, unlock_task
from ..thread.sleep_word import hand_over, prepare_sleep, take
from ..thread.states import SLEEP_SPARE
from .records import KSE_MEMBER, KSE_SPARE, count_inside

ALL_SIGNALS = -1
SPARES_PER_UPCALL = 2


@hot
def _lock(m, me, g):
    acquire(m, me, field_address(g, "spares_lock"), lockrank.SPARES)


@hot
def _unlock(m, me, g):
    release(m, me, field_address(g, "spares_lock"))


@hot
def owes_nothing(t):
    """Whether a thread has nothing to do or to give back when it exits, so that it may live on for another upcall."""
    return t.mutexes | t.robust_list | t.exclusive | t.period_ns == 0


@hot
def may_keep(t, g):
    """Whether a thread of group g that has left its context is to be a spare, not to exit."""
    has_room = load_relaxed(g, "nr_spares") < SPARES_PER_UPCALL * load_relaxed(g, "nr_upcalls")
    return has_room and owes_nothing(t)


@hot
def get_out(m, me, i, kse):
    """Thread i, which runs, has left its user thread's context: it is no longer inside, but what `kse` says."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    lock_task(m, me, t.task)  # who interrupts the call of a user thread looks for it under this lock
    count_inside(m, t, -1)
    t.kse = kse
    exchange(t, "kse_interrupt", 0)
    unlock_task(m, me, t.task)
    t.user_thread = 0
    reset_signal_stack(t)  # that of a user thread, which may be on it


@hot
def keep(m, me, i):
    """Thread i, which runs inside and has left its context, is a spare of its group from here on."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    g = m.groups[t.kse_group - 1]
    get_out(m, me, i, KSE_MEMBER | KSE_SPARE)
    t.signal_mask = ALL_SIGNALS
    _lock(m, me, g)
    t.wait_next = g.first_spare - 1
    g.first_spare = i + 1
    store_relaxed(g, "nr_spares", g.nr_spares + 1)
    prepare_sleep(t, SLEEP_SPARE)  # before must_come is looked at; pairs with the exchange in end_task
    _unlock(m, me, g)


@hot
def take_up(m, me, g):
    """A spare of group g, whose sleep the caller has taken; -1: there is none."""
    either(m, me)
    group = m.groups[g]
    if load_relaxed(group, "nr_spares") == 0:
        return -1
    _lock(m, me, group)
    i = group.first_spare - 1
    if i >= 0:
        t = m.threads[i]
        group.first_spare = t.wait_next + 1
        store_relaxed(group, "nr_spares", group.nr_spares - 1)
        take(t, load_relaxed(t, "sleep"))  # nobody else can: it was listed
    _unlock(m, me, group)
    return i


@hot
def let_go(m, i):
    """The spare that was taken up is an owner now; its caller makes it runnable."""
    hand_over(m.threads[i])


@hot
def take_kept(m, me, i, word):
    """Take the sleep `word` of a spare, and unlist it; False if another has won. Callers may hold a task's lock."""
    never_inline()
    either(m, me)
    t = m.threads[i]
    g = m.groups[t.kse_group - 1]
    _lock(m, me, g)
    won = take(t, word)
    if won:
        n = g.first_spare - 1
        if n == i:
            g.first_spare = t.wait_next + 1
        else:
            while m.threads[n].wait_next != i:
                n = m.threads[n].wait_next
            m.threads[n].wait_next = t.wait_next
        store_relaxed(g, "nr_spares", g.nr_spares - 1)
    _unlock(m, me, g)
    return won
