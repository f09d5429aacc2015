"""A CPU that leaves, exits and comes back, and another that places threads on its queue meanwhile.

`place` reads which CPUs are there without a lock; here the policy's `select_cpu` (hesitant.py) then takes its time, as
a user's may, so the CPU has often left, or even exited, when the queue is locked.  What is placed then must go
elsewhere.
"""

from emu.hot import entry, hot
from emu.kernel.sched.core import block, leave, pick_next
from emu.kernel.sched.hooks import ENQUEUE_SPAWN, PLACE_SPAWN
from emu.kernel.sched.hotplug import evacuate, retire
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.runqueue import enqueue, lock_queue, mark_time, place, unlock_queue
from emu.kernel.sched.waking import make_runnable, start_thread
from emu.kernel.thread.records import allocate_thread, free_thread
from emu.kernel.thread.sleep_word import claim, prepare_sleep
from emu.kernel.thread.states import (
    LIFE_DRAINING,
    LIFE_EXITED,
    LIFE_RUNNING,
    RUNNABLE,
    SLEEP_EVENT,
    pack_where,
    set_where,
)
from emu.shm.atomics import exchange, load_relaxed
from emu.shm.cpumask import clear_cpu, set_cpu
from emu.shm.layout import machine_at
from emu.testing.crew import OWN, STOP, dawdle, get_word, meet, over, result, set_word, spin, violation

HELD_UP = OWN  # 1 while a control is between place and lock


@hot
def _begin(m, me):
    """The scheduler is back, as begin_life after hot-plug has prepared the slot."""
    lock_queue(m, me, me)
    m.queues[me].life = LIFE_RUNNING
    set_cpu(m, "active", me)
    set_cpu(m, "online", me)
    unlock_queue(m, me, me)


@hot
def _look(m, me):
    """After the exit no thread names the queue: now, and as long as it stays away."""
    for i in range(m.fresh_thread):
        where = load_relaxed(m.threads[i], "where")
        if where == pack_where(RUNNABLE, me):
            violation(m)


@entry(4)
def leaver(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        dawdle(random_below(m, me, 400))
        clear_cpu(m, "online", me)  # as take_offline
        lock_queue(m, me, me)
        m.queues[me].life = LIFE_DRAINING
        unlock_queue(m, me, me)
        evacuate(m, me)
        while not retire(m, me) and not over(m):
            evacuate(m, me)
        spins = 0
        while get_word(m, HELD_UP) != 0 and not over(m):
            spins = spin(spins)
        for _ in range(4):
            dawdle(random_below(m, me, 100))
            _look(m, me)
        _begin(m, me)
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)
    set_word(m, STOP, 1)
    return 0


@hot
def _start_badly(m, me, i):
    """Control: `start_thread` without a look at the queue's life under its lock, held up until the CPU has exited."""
    queue = place(m, me, i, PLACE_SPAWN)
    set_word(m, HELD_UP, 1)
    spins = 0
    while queue != me and m.queues[queue].life != LIFE_EXITED and not over(m):
        spins = spin(spins)
    lock_queue(m, me, queue)
    mark_time(m, me, queue)
    set_where(m, m.threads[i], RUNNABLE, queue)
    m.queues[queue].nr_threads += 1
    enqueue(m, me, queue, i, ENQUEUE_SPAWN)
    unlock_queue(m, me, queue)
    set_word(m, HELD_UP, 0)


@entry(4)
def placer(address, me, workers, count):
    return _place_and_run(machine_at(address), me, workers, False)


@entry(4)
def bad_placer(address, me, workers, count):
    return _place_and_run(machine_at(address), me, workers, True)


@hot
def _place_and_run(m, me, workers, bad):
    """Starts threads, which the policy wants on the other CPU; those that come to this one sleep, or end."""
    meet(m, workers)
    started = 0
    ended = 0
    while not over(m):
        if started - ended < 8:
            i = allocate_thread(m, me, 0)
            if bad:
                _start_badly(m, me, i)
            else:
                start_thread(m, me, i)
            started += 1
        i = pick_next(m, me)
        if i >= 0 and not bad and random_below(m, me, 2) == 0:
            word = prepare_sleep(m.threads[i], SLEEP_EVENT)
            block(m, me, i)
            claim(m.threads[i], word)
            make_runnable(m, me, i)  # placed anew
        elif i >= 0:
            leave(m, me, i)
            free_thread(m, me, i)
            ended += 1
            result(m, me, ended)
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0
    return 0
