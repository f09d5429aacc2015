"""Tasks whose last thread exits, and the garbage thread that is given them: no thread is still there then (alux-4)."""

from emu.hot import entry, hot
from emu.kernel.sched.core import leave, pick_next
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import start_thread
from emu.kernel.server_ring import NOTHING, take_request
from emu.kernel.task.exiting import exit_thread
from emu.kernel.thread.records import allocate_thread, free_thread, join_task, quit_task
from emu.kernel.thread.references import begin_references, kill_references, release_task
from emu.kernel.thread.states import BLOCKED, RUNNABLE, RUNNING, state_of
from emu.shm.atomics import exchange
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, STOP, add_word, dawdle, get_word, over, result, set_word, spin, violation

TASK, GIVEN = OWN, OWN + LINE

_take_request = hot(take_request.function)


@hot
def _exit_badly(m, me, i):
    """Control: the task is released before the thread has left its scheduler."""
    k = m.threads[i].task
    quit_task(m, me, i)
    kill_references(m, me, k)
    release_task(m, me, k)
    dawdle(random_below(m, me, 4))
    leave(m, me, i)
    free_thread(m, me, i)


@hot
def _exit_in_rounds(m, me, count, bad):
    """Again and again: a task with one thread, which runs on this CPU and exits."""
    k = get_word(m, TASK)
    done = 0
    while done < count and not over(m):
        begin_references(m, k)
        exchange(m.tasks[k], "exiting", 0)
        i = allocate_thread(m, me, k)
        store_mask(m.threads[i], "affinity", mask_of(me))
        join_task(m, me, i)
        start_thread(m, me, i)
        pick_next(m, me)
        release_task(m, me, k)  # as its maker
        dawdle(random_below(m, me, 8))
        if bad:
            _exit_badly(m, me, i)
        else:
            exit_thread(m, me, i, 0)
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)
        spins = 0
        while get_word(m, GIVEN) < done and not over(m):
            spins = spin(spins)
    set_word(m, STOP, 1)


@entry(4)
def exiter(address, me, workers, count):
    _exit_in_rounds(machine_at(address), me, count, False)
    return 0


@entry(4)
def bad_exiter(address, me, workers, count):
    _exit_in_rounds(machine_at(address), me, count, True)
    return 0


@entry(4)
def garbage(address, me, workers, count):
    """Looks at each task that it is given: none of its threads is alive."""
    m = machine_at(address)
    while not over(m):
        request = _take_request(address)
        if request != NOTHING:
            for i in range(m.fresh_thread):
                state = state_of(m.threads[i])
                if m.threads[i].task == -request - 1 and (state == RUNNABLE or state == RUNNING or state == BLOCKED):
                    violation(m)
            add_word(m, GIVEN, 1)
    return 0
