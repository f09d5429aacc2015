"""Waiting for a child: which one, what it tells, and the sleep until there is something to tell (wait(2)).

`wait_for_child` looks at the children under families_lock.  An ended one that is asked for is taken out of all lists
there, so each is told of once, however many threads wait.  Where there is none, the thread joins TASK.waiters before
the lock is given back; a child that ends after that finds it there and wakes it (reaping.py), and it makes its call
again.
"""

from ...abi.errno import ECHILD
from ...hot import hot, never_inline
from ...shm.atomics import load_relaxed
from ..critical import critical, noncritical
from ..sleep.waitqueue import join_to_retry
from ..thread.states import TASK_ZOMBIE
from .family import leave_family, lock_families, task_of_pid, unlock_families
from .reaping import drop_keeper
from .stopping import CONTINUED
from .usage import add_child, add_grandchildren, used_by_task

ENDED, STOPPED, WENT_ON = 4, 2, 8  # what a caller wants to be told (WEXITED, WUNTRACED, WCONTINUED)
ANY, WITH_PID, IN_GROUP = range(3)  # which children: all, the one with this pid, those of this process group
NOT_YET, SLEEPS = (
    0,
    -1000,
)  # results of `wait_for_child` beside pids and errors: no child has ended; the thread sleeps now


@hot
def _is_wanted(m, k, which, number):
    return which == ANY or (m.tasks[k].group == number if which == IN_GROUP else m.tasks[k].pid == number)


@hot
def _first_wanted(m, first, which, number):
    """The first task of a list of children (index + 1) that is asked for, -1 when there is none."""
    k = first - 1
    while k >= 0 and not _is_wanted(m, k, which, number):
        k = m.tasks[k].next_sibling - 1
    return k


@hot
def _find(m, me, parent, which, number, wanted):
    """(a child about which there is something to tell or -1, whether any child is asked for). families_lock is held."""
    critical(m, me)
    p = m.tasks[parent]
    if which == WITH_PID:
        k = task_of_pid(m, me, number)
        if k < 0 or m.tasks[k].parent != parent + 1:
            return -1, False
        return (k if _tells(m, k, wanted) else -1), True
    k = -1
    if wanted & ENDED:
        k = _first_wanted(m, p.zombie_children, which, number)
    any_child = k >= 0 or _first_wanted(m, p.living_children, which, number) >= 0
    if k < 0 and wanted & ~ENDED:
        k = p.living_children - 1
        while k >= 0 and not (_is_wanted(m, k, which, number) and _tells(m, k, wanted)):
            k = m.tasks[k].next_sibling - 1
    return k, any_child or _first_wanted(m, p.zombie_children, which, number) >= 0


@hot
def _tells(m, k, wanted):
    """Whether there is something of the wanted kinds to tell of a child."""
    t = m.tasks[k]
    if t.state == TASK_ZOMBIE:
        return wanted & ENDED != 0
    if t.news == CONTINUED:
        return wanted & WENT_ON != 0
    return t.news != 0 and wanted & STOPPED != 0


@hot
def wait_for_child(m, me, i, which, number, wanted, may_sleep, keep):
    """(pid, wait status, uid) of a child of thread i's task that has ended, stopped or gone on.

    In place of the pid: NOT_YET; SLEEPS: the call begins anew later; -ECHILD: no child is asked for.
    `wanted`: of which kinds (ENDED, STOPPED, WENT_ON).  What is told is forgotten, with ENDED the child is, unless the
    caller wants to `keep` it (WNOWAIT).  What the child and its own have used is in `me`'s given_words.
    """
    never_inline()
    noncritical(m, me)
    parent = m.threads[i].task
    p = m.tasks[parent]
    lock_families(m, me)
    k, any_child = _find(m, me, parent, which, number, wanted)
    if k < 0:
        result = NOT_YET if any_child else -ECHILD
        if any_child and may_sleep:
            join_to_retry(m, me, i, p.waiters, 0)
            result = SLEEPS
        unlock_families(m, me)
        return result, 0, 0
    t = m.tasks[k]
    pid, uid = t.pid, t.uid
    used_by_task(m, me, k)
    add_grandchildren(m, me, k)
    if t.state != TASK_ZOMBIE:
        status = t.news
        if not keep:
            t.news = 0
        unlock_families(m, me)
        return pid, status, uid
    status = load_relaxed(t, "exiting") - 1
    if not keep:
        leave_family(m, me, k)
    unlock_families(m, me)
    if not keep:
        drop_keeper(m, me, k)
        add_child(m, me, parent)
    return pid, status, uid
