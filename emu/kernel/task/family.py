"""Who is whose child, process ids, groups and sessions (cz-9).

A task that was forked is its parent's child, alive or a zombie: one that has ended and given back all that it held, and
whose record stays until its parent has waited for it (wait.py).

Invariants, while families_lock is free:
* a task is in one of its parent's two lists exactly when `parent` names that one: in `zombie_children` as a zombie,
  else in `living_children`;
* a task that is alive or a zombie is in the index of pids exactly once, from `join_family` on;
* a zombie has a parent that is not reaped, and one actor frees it: who takes it out of the list under the lock.

Lock: families_lock, before any other lock of a task.  Nobody waits or sends a signal with it held.
"""

from ...hot import entry, hot, never_inline
from ...limits import PID_BUCKETS
from ...shm import lockrank
from ...shm.layout import machine_at
from ...shm.spinlock import acquire, field_address, release
from ..critical import critical, either
from ..thread.references import retain_task
from ..thread.states import TASK_ALIVE, TASK_STOPPED, TASK_ZOMBIE

NOBODY, ZOMBIE = -1, -2  # what `retain_pid` answers where no living task has the pid
ORPHANS_PARENT = 1  # what getppid says to a child whose parent has ended


@hot
def lock_families(m, me):
    acquire(m, me, field_address(m, "families_lock"), lockrank.FAMILIES)


@hot
def unlock_families(m, me):
    release(m, me, field_address(m, "families_lock"))


# --- process ids ------------------------------------------------------------------------------------------------------


@hot
def _bucket(pid):
    return (pid ^ (pid >> 10)) & (PID_BUCKETS - 1)


@hot
def task_of_pid(m, me, pid):
    """Index of the task with this process id, alive or a zombie, else -1. families_lock is held."""
    critical(m, me)
    k = m.pids[_bucket(pid)] - 1
    while k >= 0 and m.tasks[k].pid != pid:
        k = m.tasks[k].next_pid - 1
    return k


@hot
def retain_pid(m, me, pid):
    """Index of the living task with this process id, with a reference that keeps its record; NOBODY, or ZOMBIE."""
    never_inline()
    either(m, me)
    lock_families(m, me)
    k = task_of_pid(m, me, pid)
    if k >= 0 and (m.tasks[k].state != TASK_ALIVE or not retain_task(m, k)):
        k = ZOMBIE
    unlock_families(m, me)
    return k


@hot
def _forget_pid(m, k):
    bucket = _bucket(m.tasks[k].pid)
    before = -1
    found = m.pids[bucket] - 1
    while found >= 0 and found != k:
        before = found
        found = m.tasks[found].next_pid - 1
    if found < 0:
        return
    if before < 0:
        m.pids[bucket] = m.tasks[k].next_pid
    else:
        m.tasks[before].next_pid = m.tasks[k].next_pid


# --- lists of children ------------------------------------------------------------------------------------------------


@hot
def _put(m, p, k, is_zombie):
    """Put task k first in one of its parent's lists."""
    t = m.tasks[k]
    first = p.zombie_children if is_zombie else p.living_children
    t.previous_sibling = 0
    t.next_sibling = first
    if first != 0:
        m.tasks[first - 1].previous_sibling = k + 1
    if is_zombie:
        p.zombie_children = k + 1
    else:
        p.living_children = k + 1


@hot
def _take(m, p, k):
    """Take task k out of the list that it is in."""
    t = m.tasks[k]
    if t.previous_sibling != 0:
        m.tasks[t.previous_sibling - 1].next_sibling = t.next_sibling
    elif p.living_children == k + 1:
        p.living_children = t.next_sibling
    else:
        p.zombie_children = t.next_sibling
    if t.next_sibling != 0:
        m.tasks[t.next_sibling - 1].previous_sibling = t.previous_sibling


@hot
def join_family(m, me, k, forked_from, siblings):
    """A new task, whose pid is known, gets its place: child of the task that forked it, in its group and session.

    `siblings`: child of that one's parent.  `forked_from` -1: nobody's child, in a group and session of its own.
    """
    never_inline()
    either(m, me)
    t = m.tasks[k]
    bucket = _bucket(t.pid)
    lock_families(m, me)
    t.next_pid = m.pids[bucket]
    m.pids[bucket] = k + 1
    t.forked_from = forked_from + 1
    t.group = t.pid
    t.session = t.pid
    if forked_from >= 0:
        t.group = m.tasks[forked_from].group
        t.session = m.tasks[forked_from].session
    parent = m.tasks[forked_from].parent - 1 if siblings else forked_from
    t.parent = parent + 1
    t.parent_pid = 0
    if parent >= 0:
        t.parent_pid = m.tasks[parent].pid
    elif siblings:
        t.parent_pid = m.tasks[forked_from].parent_pid
    if parent >= 0:
        _put(m, m.tasks[parent], k, False)
    unlock_families(m, me)


@hot
def become_zombie(m, me, k):
    """Task k has ended and its parent may wait for it from now on. families_lock is held."""
    critical(m, me)
    p = m.tasks[m.tasks[k].parent - 1]
    _take(m, p, k)
    m.tasks[k].state = TASK_ZOMBIE
    _put(m, p, k, True)


@hot
def leave_family(m, me, k):
    """Task k, which has no children, is forgotten: its record may be freed. families_lock is held."""
    critical(m, me)
    t = m.tasks[k]
    if t.parent != 0:
        _take(m, m.tasks[t.parent - 1], k)
        t.parent = 0
    t.group = 0
    _forget_pid(m, k)


@hot
def orphan_stopped_child(m, me, k):
    """Task k ends: a stopped child whom nobody is left to let go on, without a parent from now on, retained; or -1.

    families_lock is held.  The caller lets the child go on, and calls again until there is none.
    """
    critical(m, me)
    child = m.tasks[k].living_children - 1
    while child >= 0:
        t = m.tasks[child]
        if t.stopped & TASK_STOPPED != 0 and _is_group_orphaned(m, k, t.group, t.session) and retain_task(m, child):
            _take(m, m.tasks[k], child)
            t.parent = 0
            t.parent_pid = ORPHANS_PARENT
            return child
        child = t.next_sibling - 1
    return -1


@hot
def _is_group_orphaned(m, k, group, session):
    """Whether, without task k, no member of a group has its parent in another group of the session (setpgid(2))."""
    for member in range(m.fresh_task):
        t = m.tasks[member]
        parent = t.parent - 1
        if member != k and t.state == TASK_ALIVE and t.group == group and parent >= 0 and parent != k:
            if m.tasks[parent].group != group and m.tasks[parent].session == session:
                return False
    return True


@hot
def orphan_children(m, me, k):
    """Task k ends: its children have no parent from now on. Its first zombie, taken out of all lists, or -1.

    families_lock is held.  The caller frees the zombie, and calls again until there is none.
    """
    critical(m, me)
    t = m.tasks[k]
    while t.living_children != 0:
        child = t.living_children - 1
        _take(m, t, child)
        m.tasks[child].parent = 0
        m.tasks[child].parent_pid = ORPHANS_PARENT
    zombie = t.zombie_children - 1
    if zombie >= 0:
        leave_family(m, me, zombie)
    return zombie


@entry(3)
def found_family(address, me, k):
    """Cold form of join_family, for a task that the supervisor spawns."""
    join_family(machine_at(address), me, k, -1, False)
    return 0


@entry(4)
def join_group(address, me, k, group):
    """Task k is in this process group from now on (setpgid)."""
    m = machine_at(address)
    lock_families(m, me)
    m.tasks[k].group = group
    unlock_families(m, me)
    return 0


@entry(3)
def begin_session(address, me, k):
    """Task k leads a session and a group of its own from now on (setsid)."""
    m = machine_at(address)
    lock_families(m, me)
    m.tasks[k].group = m.tasks[k].pid
    m.tasks[k].session = m.tasks[k].pid
    unlock_families(m, me)
    return 0
