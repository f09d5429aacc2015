"""Priority inheritance: who owns what others wait for has the highest real-time priority among them (futex(2), PI).

THREAD.waits_for is the truth: the thread for which this one waits.  The list that begins at the owner's `first_heir` is
an index of it.  Always true, while priority_lock is free: a thread's `realtime` is the highest of its own_realtime and
of what those have that wait for it; `waits_for` leads round no circle; and a thread in a list sleeps in a futex
bucket, since it is put in and taken out under that bucket's lock.

Inheritance goes along the chain: the owner may itself wait.  As in Linux only real-time priorities are inherited: among
others nobody is urgent.  One lock for all of it, since a chain may lead through any threads; only a PI futex that is
contended takes it.
"""

from ...abi.errno import EAGAIN, EDEADLK
from ...hot import entry, hot, never_inline
from ...shm import lockrank
from ...shm.atomics import load_acquire, store_relaxed
from ...shm.layout import machine_at
from ...shm.spinlock import acquire, field_address, release
from ..critical import either
from ..sched.importance import reconsider
from ..thread.handles import tid_of

LONGEST_CHAIN = 1024  # of owners that wait themselves (Linux's max_lock_depth)


@hot
def lock_priorities(m, me):
    acquire(m, me, field_address(m, "priority_lock"), lockrank.PRIORITY)


@hot
def unlock_priorities(m, me):
    release(m, me, field_address(m, "priority_lock"))


@hot
def _is_circle(m, i, owner):
    """Whether thread i would wait for itself, or the chain is too long to tell."""
    for _ in range(LONGEST_CHAIN):
        if owner == i:
            return True
        owner = m.threads[owner].waits_for - 1
        if owner < 0:
            return False
    return True


@hot
def _link(m, i, owner):
    t = m.threads[i]
    t.waits_for = owner + 1
    t.previous_heir = 0
    t.next_heir = m.threads[owner].first_heir
    if t.next_heir != 0:
        m.threads[t.next_heir - 1].previous_heir = i + 1
    m.threads[owner].first_heir = i + 1


@hot
def _unlink(m, i):
    t = m.threads[i]
    if t.previous_heir != 0:
        m.threads[t.previous_heir - 1].next_heir = t.next_heir
    else:
        m.threads[t.waits_for - 1].first_heir = t.next_heir
    if t.next_heir != 0:
        m.threads[t.next_heir - 1].previous_heir = t.previous_heir
    t.waits_for = 0


@hot
def _settle(m, me, i):
    """Give thread i, and whom it waits for in turn, the priorities that follow from who waits for them."""
    for _ in range(LONGEST_CHAIN):
        t = m.threads[i]
        highest = t.own_realtime
        heir = t.first_heir - 1
        while heir >= 0:
            highest = max(highest, m.threads[heir].realtime)
            heir = m.threads[heir].next_heir - 1
        if highest == t.realtime:
            return
        store_relaxed(t, "realtime", highest)
        reconsider(m, me, i)
        i = t.waits_for - 1
        if i < 0:
            return


@hot
def start_waiting(m, me, i, owner, tid):
    """Thread i will wait for thread `owner`, whose tid that was: 0, -EDEADLK, or -EAGAIN where that is leaving.

    The caller holds the lock of the bucket in which thread i is, or will be before that is released.
    """
    never_inline()
    either(m, me)
    error = 0
    lock_priorities(m, me)
    # Of a new life of the record `may_own` is set after its tid; pairs with the store in join_task.
    if load_acquire(m.threads[owner], "may_own") == 0 or tid_of(m, owner) != tid:
        error = -EAGAIN
    elif _is_circle(m, i, owner):
        error = -EDEADLK
    else:
        _link(m, i, owner)
        _settle(m, me, owner)
    unlock_priorities(m, me)
    return error


@hot
def stop_waiting(m, me, i):
    """Thread i waits for nobody any more. Its bucket's lock is held."""
    never_inline()
    either(m, me)
    lock_priorities(m, me)
    owner = m.threads[i].waits_for - 1
    if owner >= 0:
        _unlink(m, i)
        _settle(m, me, owner)
    unlock_priorities(m, me)


@hot
def wait_for_another(m, me, i, owner):
    """Thread i waits for `owner` instead, which has just become the owner. Its bucket's lock is held."""
    never_inline()
    either(m, me)
    lock_priorities(m, me)
    former = m.threads[i].waits_for - 1
    if former >= 0:
        _unlink(m, i)
        _settle(m, me, former)
    _link(m, i, owner)
    _settle(m, me, owner)
    unlock_priorities(m, me)


@hot
def own_no_more(m, me, i):
    """Thread i leaves its memory: from here on nobody begins to wait for it."""
    either(m, me)
    lock_priorities(m, me)
    store_relaxed(m.threads[i], "may_own", 0)
    unlock_priorities(m, me)


@hot
def first_heir(m, me, i):
    """(one that waits for thread i or -1, its task, where that sees the word); it may be gone the next moment."""
    either(m, me)
    lock_priorities(m, me)
    heir = m.threads[i].first_heir - 1
    task, va = -1, 0
    if heir >= 0:
        task = m.threads[heir].task
        va = m.threads[heir].futex_va
    unlock_priorities(m, me)
    return heir, task, va


@entry(4)
def set_realtime(address, me, i, value):
    """Give a thread a real-time priority of its own, 0 to 99, which counts at once."""
    m = machine_at(address)
    lock_priorities(m, me)
    store_relaxed(m.threads[i], "own_realtime", value)
    _settle(m, me, i)
    unlock_priorities(m, me)
    return 0
