"""Waiting for a child: which one, what it tells, and the sleep until there is something to tell (wait(2)).

`wait_for_child` looks at the children under families_lock.  An ended one that is asked for is taken out of all lists
there, so each is told of once, however many threads wait.  Where there is none, the thread joins TASK.waiters before
the lock is given back; a child that ends after that finds it there and wakes it (reaping.py), and it makes its call
again.
"""

from ...abi.errno import ECHILD
from ...hot import hot, never_inline
from ...shm.atomics import fetch_add, load_relaxed
from ..critical import critical, noncritical
from ..sleep.waitqueue import join_to_retry
from ..thread.states import TASK_ZOMBIE
from .family import leave_family, lock_families, task_of_pid, unlock_families
from .records import free_task

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
def _find(m, me, parent, which, number):
    """(a zombie that is asked for or -1, whether any child is asked for). families_lock is held."""
    critical(m, me)
    p = m.tasks[parent]
    if which == WITH_PID:
        k = task_of_pid(m, me, number)
        if k < 0 or m.tasks[k].parent != parent + 1:
            return -1, False
        return (k if m.tasks[k].state == TASK_ZOMBIE else -1), True
    k = _first_wanted(m, p.zombie_children, which, number)
    return k, k >= 0 or _first_wanted(m, p.living_children, which, number) >= 0


@hot
def wait_for_child(m, me, i, which, number, may_sleep, keep):
    """(pid, wait status, uid, instructions) of a child of thread i's task that has ended, which is then forgotten.

    In place of the pid: NOT_YET; SLEEPS: the call begins anew later; -ECHILD: no child is asked for.
    `keep`: the zombie stays one (WNOWAIT).
    """
    never_inline()
    noncritical(m, me)
    parent = m.threads[i].task
    p = m.tasks[parent]
    lock_families(m, me)
    k, any_child = _find(m, me, parent, which, number)
    if k < 0:
        result = NOT_YET if any_child else -ECHILD
        if any_child and may_sleep:
            join_to_retry(m, me, i, p.waiters, 0)
            result = SLEEPS
        unlock_families(m, me)
        return result, 0, 0, 0
    t = m.tasks[k]
    pid, status, uid = t.pid, load_relaxed(t, "exiting") - 1, t.uid
    instructions = load_relaxed(t, "past_instructions") + load_relaxed(t, "children_instructions")
    if not keep:
        leave_family(m, me, k)
    unlock_families(m, me)
    if not keep:
        free_task(m, me, k)
        fetch_add(p, "children_instructions", instructions)
    return pid, status, uid, instructions
