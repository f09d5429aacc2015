"""Threads that join and quit one task on several CPUs at once: its list and its count are those of its threads."""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.thread.records import allocate_thread, free_thread, join_task, lock_task, quit_task, unlock_task
from emu.kernel.thread.references import release_task
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield
from emu.testing.crew import OWN, dawdle, get_word, meet, over, result, violation

TASK = OWN


@hot
def _quit_badly(m, me, i):
    """Control: `quit_task` without the task's lock."""
    t = m.threads[i]
    k = m.tasks[t.task]
    if t.sibling_previous >= 0:
        m.threads[t.sibling_previous].sibling_next = t.sibling_next
    else:
        k.first_thread = t.sibling_next
    if t.sibling_next >= 0:
        m.threads[t.sibling_next].sibling_previous = t.sibling_previous
    k.nr_threads -= 1


@hot
def _is_whole(m, me, task, workers):
    """Whether the list leads through as many threads as are counted, forwards and back."""
    k = m.tasks[task]
    lock_task(m, me, task)
    found, previous, i = 0, -1, k.first_thread
    whole = True
    while i >= 0 and whole:
        whole = m.threads[i].sibling_previous == previous and found < 2 * workers
        found += 1
        previous, i = i, m.threads[i].sibling_next
    if random_below(m, me, 8) == 0:  # as when the host takes the core away from who has the lock
        host_yield()
        dawdle(random_below(m, me, 50))
    whole = whole and found == k.nr_threads
    unlock_task(m, me, task)
    return whole


@hot
def _join(m, me, i):
    dawdle(random_below(m, me, 4))
    if not join_task(m, me, i):
        violation(m)


@hot
def _quit(m, me, i, bad):
    dawdle(random_below(m, me, 4))
    if bad:
        _quit_badly(m, me, i)
    else:
        quit_task(m, me, i)
    release_task(m, me, m.threads[i].task)


@entry(5)
def join_and_quit(address, me, workers, count, bad):
    """Two threads of this CPU's join and quit, in both orders."""
    m = machine_at(address)
    k = get_word(m, TASK)
    first, second = allocate_thread(m, me, k), allocate_thread(m, me, k)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        _join(m, me, first)
        _join(m, me, second)
        if not _is_whole(m, me, k, workers):
            violation(m)
        if random_below(m, me, 2) == 0:
            first, second = second, first
        _quit(m, me, first, bad != 0)
        _quit(m, me, second, bad != 0)
        done += 1
        result(m, me, done)
    free_thread(m, me, first)
    free_thread(m, me, second)
    return 0
