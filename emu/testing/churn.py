"""Everything that a scheduler's core does to run queues, done at random by processes that play a CPU each.

Threads are started, run, give way, sleep, are woken, moved and leave, on real CPU processes and at the same time.
A thread "runs" when its CPU holds the thread's word for a moment: a second CPU that finds it held has seen the same
thread run twice.  `churn` leaves all threads where they are; stress.py and the litmus tests then look for them.
"""

from ..hot import entry, hot
from ..kernel.sched.core import block, leave, pick_next, switch
from ..kernel.sched.migration import move_blocked, move_misplaced, move_sleeper, set_affinity
from ..kernel.sched.pools import enter_pool, must_move
from ..kernel.sched.randomness import random_below
from ..kernel.sched.runqueue import QUEUES_LOCK_FREE
from ..kernel.sched.waking import make_runnable, start_thread
from ..kernel.thread.records import allocate_thread, free_thread
from ..kernel.thread.sleep_word import claim, prepare_sleep, sleep_word
from ..kernel.thread.states import BLOCKED, SLEEP_TIME, pack_where
from ..shm.atomics import exchange, load_relaxed
from ..shm.cpumask import clear_cpu, mask_of, set_cpu, store_mask
from ..shm.layout import machine_at
from ..shm.memory import address_of, compare_exchange_64, host_yield
from .crew import LINE, OWN, STOP, add_word, dawdle, meet, over, result, set_word, violation, word_at

ALIVE = OWN  # threads that were started and have not left
STARTED = OWN + LINE
RUNS_ON = OWN + 2 * LINE  # a word for each thread: the CPU that runs it + 1
MAX_ALIVE = 10
RECORDS = 16  # thread records that are looked at for sleepers: more than are alive

_set_affinity = hot(set_affinity.function)


@hot
def spawn(m, me):
    """Start a thread where few are alive, sometimes bound to some CPUs."""
    if add_word(m, ALIVE, 1) >= MAX_ALIVE:
        add_word(m, ALIVE, -1)
        return
    i = allocate_thread(m, me, 0)
    if random_below(m, me, 3) == 0:
        store_mask(m.threads[i], "affinity", mask_of(random_below(m, me, m.nr_cpus)))
    add_word(m, STARTED, 1)
    start_thread(m, me, i)


@hot
def wake_one(m, me):
    """Wake a thread if a random one sleeps."""
    i = random_below(m, me, RECORDS)
    t = m.threads[i]
    word = sleep_word(t)
    if word != 0 and claim(t, word):
        make_runnable(m, me, i)


@hot
def run_a_little(m, me, i):
    """The thread runs here, and nowhere else."""
    at = word_at(m, RUNS_ON + i)
    if not compare_exchange_64(at, 0, me + 1):
        violation(m)
    dawdle(random_below(m, me, 12))
    if not compare_exchange_64(at, me + 1, 0):
        violation(m)


@hot
def act(m, me, i):
    """What a thread may do at the end of a stretch."""
    step = random_below(m, me, 16)
    if step < 6:
        if random_below(m, me, 4) == 0:
            store_mask(m.threads[i], "affinity", mask_of(random_below(m, me, m.nr_cpus)))
        switch(m, me, i, False)
    elif step < 12:
        prepare_sleep(m.threads[i], SLEEP_TIME)
        dawdle(random_below(m, me, 4))
        block(m, me, i)
    elif step == 12:
        leave(m, me, i)
        free_thread(m, me, i)
        add_word(m, ALIVE, -1)
    elif step == 13 and m.nr_blocking != 0:
        enter_pool(m, me, i, 1 - m.threads[i].blocking)
        if must_move(m, me, i):
            switch(m, me, i, True)


@hot
def look_idle(m, me):
    """Be in the idle mask for a moment, as a CPU without work."""
    set_cpu(m, "idle", me)
    host_yield()  # to a CPU that has work, where many share a core
    clear_cpu(m, "idle", me)


@hot
def _evacuate_some(m, me):
    """What a CPU that leaves does with threads that sleep or wait with it, for any of them at any time."""
    i = random_below(m, me, RECORDS)
    asleep = load_relaxed(m.threads[i], "where") == pack_where(BLOCKED, me)
    to = (me + 1) % m.nr_cpus
    if m.queue_kind != QUEUES_LOCK_FREE:
        if asleep:
            store_mask(m.cpus[me], "given", mask_of(to))
            _set_affinity(address_of(m), me, i)
            move_blocked(m, me, i, me)
    elif random_below(m, me, 2) == 0:
        move_misplaced(m, me)
    elif asleep:
        move_sleeper(m, me, i, to)


@entry(4)
def churn(address, me, workers, steps):
    m = machine_at(address)
    c = m.cpus[me]
    meet(m, workers)
    done = 0
    while done < steps and not over(m):
        if random_below(m, me, 8) == 0:
            spawn(m, me)
        wake_one(m, me)
        if random_below(m, me, 8) == 0:
            _evacuate_some(m, me)
        i = c.current
        if i < 0:
            i = pick_next(m, me)
        if i >= 0:
            run_a_little(m, me, i)
            act(m, me, i)
            done += 1
            result(m, me, done)
        else:
            look_idle(m, me)
        exchange(c, "pending", 0)
    set_word(m, STOP, 1)  # all leave together: a thread on the queue of one that has left would never run
    c.kicks = 0
    return 0
