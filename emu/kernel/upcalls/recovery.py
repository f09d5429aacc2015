"""Groups and upcalls after a CPU was killed: lists, counts and free records made anew from the truth words.

Truth are which task a group belongs to, who owns an upcall (THREAD.offer where that names one, else UPCALL.owner), what
a thread is in its group (THREAD.kse and kse_group), and the list of completed contexts, which lies in guest memory and
has been whole at every moment.  From these follow all lists and counts, what each thread owns, and which records are
free.  An upcall whose owner is gone is removed; a thread that was about to get one, and did not, is no owner.

The caller has released the locks that the dead CPU held, and nobody else may be making upcalls.
"""

from ...hot import hot, never_inline
from ...limits import MAX_TASKS
from ...shm.atomics import load_relaxed, store_relaxed
from ..critical import noncritical
from ..groups.records import KSE_ENDOWED, KSE_INSIDE, KSE_MEMBER, KSE_OWNER, KSE_RISING, KSE_SPARE, push
from ..thread.handles import exists
from ..thread.sleep_word import sleep_word
from ..thread.states import BLOCKED, state_of


@hot
def rebuild_upcalls(m, me):
    """List and count all groups and upcalls anew."""
    never_inline()
    noncritical(m, me)
    for k in range(MAX_TASKS):
        m.tasks[k].first_group = 0
        m.tasks[k].nr_groups = 0
    for n in range(m.fresh_group):
        g = m.groups[n]
        g.nr_upcalls = 0
        g.first_upcall = 0
        store_relaxed(g, "nr_threads", 0)
        store_relaxed(g, "inside", 0)
        store_relaxed(g, "rising", 0)
        g.first_spare = 0
        store_relaxed(g, "nr_spares", 0)
    for i in range(m.fresh_thread):
        t = m.threads[i]
        t.upcall = 0
        if load_relaxed(t, "offer") > 0:  # it was given one, named or not
            store_relaxed(m.upcalls[load_relaxed(t, "offer") - 1], "owner", i + 1)
        store_relaxed(t, "offer", 0)
    _list_upcalls(m)
    for i in range(m.fresh_thread):
        _count_thread(m, i)
    m.free_group = 0
    for n in range(m.fresh_group):
        g = m.groups[n]
        if g.task != 0 and g.nr_threads != 0:
            k = m.tasks[g.task - 1]
            k.first_group = push(m.groups, n, k.first_group)
            k.nr_groups += 1
        else:
            g.task = 0
            m.free_group = push(m.groups, n, m.free_group)


@hot
def _list_upcalls(m):
    m.free_upcall = 0
    for n in range(m.fresh_upcall):
        u = m.upcalls[n]
        owner = u.owner - 1
        if owner >= 0 and exists(m.threads[owner]) and m.threads[owner].kse_group == u.group + 1:
            m.threads[owner].upcall = n + 1
            g = m.groups[u.group]
            g.first_upcall = push(m.upcalls, n, g.first_upcall)
            g.nr_upcalls += 1
        else:
            store_relaxed(u, "owner", 0)
            m.free_upcall = push(m.upcalls, n, m.free_upcall)


@hot
def _count_thread(m, i):
    t = m.threads[i]
    if t.kse == 0:
        return
    if not exists(t):
        t.kse = 0
        t.kse_group = 0
        return
    g = m.groups[t.kse_group - 1]
    if t.upcall == 0 and t.kse & KSE_SPARE:
        if sleep_word(t) != 0:
            t.wait_next = g.first_spare - 1
            g.first_spare = i + 1
            store_relaxed(g, "nr_spares", g.nr_spares + 1)
    elif t.upcall == 0:
        t.kse = KSE_MEMBER | KSE_INSIDE
    else:
        t.kse = KSE_ENDOWED if t.kse & KSE_INSIDE else KSE_MEMBER | KSE_OWNER | t.kse & KSE_RISING
    store_relaxed(g, "nr_threads", g.nr_threads + 1)
    if t.kse & KSE_INSIDE and state_of(t) != BLOCKED:
        store_relaxed(g, "inside", g.inside + 1)
    if t.kse & KSE_RISING:
        store_relaxed(g, "rising", g.rising + 1)
