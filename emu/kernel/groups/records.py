"""Groups, their KSEs and their upcalls: made, listed, given back (kse-4, kse-12).

    task ── groups ── upcalls, each owned by one thread          a thread is in one group, or in none
                  └── threads: owners, and those inside the kernel without an upcall

A KSE is a virtual CPU of a group.  Each group has as many as the machine has CPUs that are online, one for each, so a
CPU that picks a thread of the group always finds the KSE that it needs, and threads run in the kernel in parallel
however few upcalls user space has asked for.  The KSE of a group on a CPU is with the group's thread that this CPU
runs, and goes to another one when the policy prefers that: it needs no record.

Always true:
* an upcall has one owner: UPCALL.owner is changed by one store, by the owner itself;
* a thread is in a group from before it starts until it has left (THREAD.kse), and GROUP.nr_threads counts these;
* a group without threads is free; one without upcalls is shut down: its threads are told to end.

groups_lock guards which groups and upcalls there are, the lists of both, and their records' way back.
"""

from ...abi.errno import EAGAIN
from ...hot import hot, never_inline
from ...limits import GROUP_POLICY_WORDS, MAX_GROUPS, MAX_UPCALLS, UPCALLS_PER_GROUP
from ...shm import lockrank
from ...shm.atomics import fetch_add, load_relaxed, store_relaxed, store_release
from ...shm.spinlock import acquire, field_address, release
from ..critical import noncritical

# THREAD.kse: it is in a group; it owns an upcall; it is about to enter user space as that; it is to leave its context
# for others at the border of the kernel; it has no upcall, has left its context, and is to get one. Who is endowed was
# given an upcall before it has left its context: it leaves that, and then enters user space as the upcall.
KSE_MEMBER, KSE_OWNER, KSE_RISING, KSE_INSIDE, KSE_SPARE = 1, 2, 4, 8, 16
KSE_ENDOWED = KSE_MEMBER | KSE_OWNER | KSE_RISING | KSE_INSIDE
INTR_INTERRUPT, INTR_RESTART, INTR_SENDSIG, INTR_SIGEXIT = 1, 2, 3, 4  # of kse_thr_interrupt; THREAD.kse_interrupt
WANTED_WAKEUP, WANTED_QUANTUM = 1, 2  # UPCALL.wanted: kse_wakeup asked for it; the user thread's quantum is over


@hot
def lock_groups(m, me):
    acquire(m, me, field_address(m, "groups_lock"), lockrank.GROUPS)


@hot
def unlock_groups(m, me):
    release(m, me, field_address(m, "groups_lock"))


@hot
def push(records, n, first):
    """Record n becomes the first of a list; its new head."""
    r = records[n]
    r.next = first
    r.previous = 0
    if first != 0:
        records[first - 1].previous = n + 1
    return n + 1


@hot
def _unlink(records, n, first):
    """Record n leaves a list; its head from then on."""
    r = records[n]
    if r.next != 0:
        records[r.next - 1].previous = r.previous
    if r.previous == 0:
        return r.next
    records[r.previous - 1].next = r.next
    return first


@hot
def new_group(m, me, task):
    """A group of a task without threads and upcalls; its index, or -EAGAIN. Callers: sched/regrouping.py."""
    never_inline()
    noncritical(m, me)
    k = m.tasks[task]
    g = -EAGAIN
    lock_groups(m, me)
    if k.nr_groups >= load_relaxed(m, "max_groups_per_proc"):
        fetch_add(m, "group_limit_hits", 1)
    elif m.free_group != 0:
        g = m.free_group - 1
        m.free_group = m.groups[g].next
    elif m.fresh_group < MAX_GROUPS:
        g = m.fresh_group
        m.fresh_group += 1
    if g >= 0:
        _reset_group(m.groups[g], task)
        k.first_group = push(m.groups, g, k.first_group)
        k.nr_groups += 1
    unlock_groups(m, me)
    return g


@hot
def _reset_group(g, task):
    g.task = task + 1
    g.nr_upcalls = 0
    g.first_upcall = 0
    for n in range(GROUP_POLICY_WORDS):
        g.policy[n] = 0
    store_relaxed(g, "nr_threads", 0)
    store_relaxed(g, "completed", 0)
    store_relaxed(g, "inside", 0)
    store_relaxed(g, "rising", 0)
    store_relaxed(g, "wakeups", 0)
    store_relaxed(g, "woken", 0)
    g.first_spare = 0
    store_relaxed(g, "nr_spares", 0)


@hot
def free_group(m, me, g):
    """Give back a group that has no threads."""
    never_inline()
    noncritical(m, me)
    group = m.groups[g]
    k = m.tasks[group.task - 1]
    lock_groups(m, me)
    k.first_group = _unlink(m.groups, g, k.first_group)
    k.nr_groups -= 1
    group.task = 0
    group.next = m.free_group
    m.free_group = g + 1
    unlock_groups(m, me)


@hot
def new_upcall(m, me, g, owner):
    """An upcall of group g for a thread that does not run, or is the caller; its index, or -EAGAIN.

    The caller fills in the mailbox and what goes with it.
    """
    never_inline()
    noncritical(m, me)
    group = m.groups[g]
    u = -EAGAIN
    lock_groups(m, me)
    if group.nr_upcalls < UPCALLS_PER_GROUP:
        if m.free_upcall != 0:
            u = m.free_upcall - 1
            m.free_upcall = m.upcalls[u].next
        elif m.fresh_upcall < MAX_UPCALLS:
            u = m.fresh_upcall
            m.fresh_upcall += 1
    if u >= 0:
        upcall = m.upcalls[u]
        upcall.group = g
        upcall.mailbox = 0
        upcall.until_ns = 0
        store_relaxed(upcall, "wanted", 0)
        store_relaxed(upcall, "owner", owner + 1)
        group.first_upcall = push(m.upcalls, u, group.first_upcall)
        group.nr_upcalls += 1
    unlock_groups(m, me)
    return u


@hot
def free_upcall(m, me, u):
    """Remove an upcall, whose owner is the caller or does not run; how many its group has left."""
    never_inline()
    noncritical(m, me)
    upcall = m.upcalls[u]
    group = m.groups[upcall.group]
    lock_groups(m, me)
    store_relaxed(upcall, "owner", 0)
    group.first_upcall = _unlink(m.upcalls, u, group.first_upcall)
    group.nr_upcalls -= 1
    left = group.nr_upcalls
    upcall.next = m.free_upcall
    m.free_upcall = u + 1
    unlock_groups(m, me)
    return left


@hot
def join_group(m, t, g, u, kse):
    """A thread that does not run, or is the caller, is in group g from here on, and owns upcall u, -1: none."""
    fetch_add(m.groups[g], "nr_threads", 1)
    t.kse_group = g + 1
    t.upcall = u + 1
    t.kse = KSE_MEMBER | kse
    if kse & KSE_RISING:
        fetch_add(m.groups[g], "rising", 1)


@hot
def endow(m, n, u):
    """Thread n, which does not run, and which nobody else can wake, owns upcall u from here on, and is to make it."""
    t = m.threads[n]
    t.upcall = u + 1
    t.patience = -1
    t.kse = KSE_MEMBER | KSE_OWNER | KSE_RISING
    store_release(m.upcalls[u], "owner", n + 1)  # it knows that it is; pairs with load_seq_cst in wake_owner


@hot
def give_up_upcall(m, me, i):
    """Remove the upcall of thread i, which runs or has not begun, if it owns one; whether it was its group's last."""
    t = m.threads[i]
    if t.upcall == 0:
        return False
    u = t.upcall - 1
    t.upcall = 0
    return free_upcall(m, me, u) == 0


@hot
def count_inside(m, t, by):
    """A thread of a group that is inside falls asleep (-1), or is woken (1)."""
    if t.kse & KSE_INSIDE:
        fetch_add(m.groups[t.kse_group - 1], "inside", by)
