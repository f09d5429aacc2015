"""What a thread has to do at its safe point.

It leaves, since it was told to (task/control.py) or its task ends; or only one thread of its task goes on
(task/execute.py).
"""

from ...hot import hot
from ...shm.atomics import load_seq_cst


@hot
def must_leave(m, i):
    """True once the thread or its task was told to end, or another of its threads goes on alone (TASK.survivor)."""
    t = m.threads[i]
    k = m.tasks[t.task]
    if load_seq_cst(k, "exiting") != 0 or load_seq_cst(t, "told_to_end") != 0:
        return True
    survivor = load_seq_cst(k, "survivor")
    return survivor != 0 and survivor != i + 1


@hot
def must_come(m, i):
    """True when the thread has to come to its safe point: it must leave, or it is the one that goes on alone."""
    t = m.threads[i]
    k = m.tasks[t.task]
    is_told = load_seq_cst(t, "told_to_end") != 0
    return is_told or load_seq_cst(k, "exiting") != 0 or load_seq_cst(k, "survivor") != 0


@hot
def goes_on(m, i):
    """True unless the thread's task ends, or one of its threads goes on alone."""
    k = m.tasks[m.threads[i].task]
    return load_seq_cst(k, "exiting") == 0 and load_seq_cst(k, "survivor") == 0
