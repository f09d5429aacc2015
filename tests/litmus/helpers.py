"""Threads of a task that leave at once beside a helper: the last of them ends the task (task/helpers.py)."""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.task.helpers import leave_to_helpers
from emu.kernel.thread.records import LEAVES, allocate_thread, free_thread, join_task, quit_task
from emu.kernel.thread.references import release_task
from emu.shm.atomics import exchange, load_seq_cst
from emu.shm.layout import machine_at
from emu.testing.crew import OWN, dawdle, get_word, meet, over, result, violation

TASK = OWN


@hot
def _leave_badly(m, i):
    """Control: the count is raised, and looked at, without the task's lock."""
    task = m.tasks[m.threads[i].task]
    m.threads[i].helps = LEAVES
    helpers = task.nr_helpers + 1
    dawdle(2)
    task.nr_helpers = helpers
    if helpers == task.nr_threads:
        exchange(task, "exiting", 1)


@hot
def _leave_in_rounds(m, me, workers, count, bad):
    """In each round every worker has a thread that leaves; worker 0's helper stays until all have."""
    k = get_word(m, TASK)
    done = 0
    while done < count and not over(m):
        helper = -1
        if me == 0:
            exchange(m.tasks[k], "exiting", 0)
            helper = allocate_thread(m, me, k)
            m.threads[helper].helps = 1
            join_task(m, me, helper)
        i = allocate_thread(m, me, k)
        join_task(m, me, i)
        if not meet(m, workers):
            break
        dawdle(random_below(m, me, 8))
        if bad:
            _leave_badly(m, i)
        else:
            leave_to_helpers(m, me, i, 0)
        dawdle(random_below(m, me, 8))
        quit_task(m, me, i)
        if not meet(m, workers):
            break
        if me == 0:
            if load_seq_cst(m.tasks[k], "exiting") == 0 or m.tasks[k].nr_threads != 1 or m.tasks[k].nr_helpers != 1:
                violation(m)
            quit_task(m, me, helper)
            free_thread(m, me, helper)
            release_task(m, me, k)
        free_thread(m, me, i)
        release_task(m, me, k)
        if not meet(m, workers):  # nobody joins before the others have looked
            break
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)


@entry(5)
def leave_together(address, me, workers, count, bad):
    _leave_in_rounds(machine_at(address), me, workers, count, bad)
    return 0
