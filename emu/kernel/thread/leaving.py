"""Whether a thread has to leave at its next safe point, because its task ends or only one thread of it goes on."""

from ...hot import hot
from ...shm.atomics import load_seq_cst


@hot
def must_leave(m, i):
    """True once the task was told to end, or another of its threads executes a program (TASK.survivor)."""
    k = m.tasks[m.threads[i].task]
    if load_seq_cst(k, "exiting") != 0:
        return True
    survivor = load_seq_cst(k, "survivor")
    return survivor != 0 and survivor != i + 1
