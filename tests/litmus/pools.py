"""Threads that change their pool of CPUs: against who changes what they asked for, and a CPU that falls asleep."""

from emu.hot import entry, hot
from emu.kernel.sched import queues
from emu.kernel.sched.core import pick_next, switch
from emu.kernel.sched.migration import set_affinity
from emu.kernel.sched.pools import enter_pool
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.runqueue import may_not_stay
from emu.kernel.sched.waking import start_thread
from emu.kernel.thread.affinity import pool, within_pool
from emu.kernel.thread.records import allocate_thread
from emu.kernel.thread.states import RUNNABLE, where_state
from emu.shm.atomics import exchange, load_seq_cst
from emu.shm.cpumask import (
    clear_cpu,
    has_cpu,
    load_mask,
    mask_all,
    mask_has,
    mask_is_empty,
    mask_minus,
    mask_of,
    set_cpu,
    store_mask,
)
from emu.shm.layout import machine_at
from emu.shm.memory import address_of
from emu.testing.crew import LINE, OWN, dawdle, get_word, meet, over, result, set_word, spin, violation

THREAD, MOVING = OWN, OWN + LINE  # a thread; for each worker: whether it is just moving the thread
_set_affinity = hot(set_affinity.function)

# --- the pool changes, and what was asked for ---------------------------------------------------------


@hot
def _is_as_derived(m, t):
    mask, derived = load_mask(t, "affinity"), within_pool(m, t)
    return mask_is_empty(mask_minus(derived, mask)) and mask_is_empty(mask_minus(mask, derived))


@hot
def _store_unlocked(m, t):
    """Control: what `allow` does, by who does not hold the lock of the thread's task."""
    mask = within_pool(m, t)
    dawdle(20)
    store_mask(t, "affinity", mask)


@hot
def _change_in_rounds(m, me, workers, count, locked):
    i = get_word(m, THREAD)
    t = m.threads[i]
    done = 0
    while done < count and not over(m):
        if not meet(m, workers):
            break
        dawdle(random_below(m, me, 30))
        if me == 0 and locked:
            enter_pool(m, me, i, 1 - t.blocking)
        elif me == 0:
            t.blocking = 1 - t.blocking
            _store_unlocked(m, t)
        else:
            asked = mask_of(random_below(m, me, m.nr_cpus)) if random_below(m, me, 2) == 0 else mask_all()
            if locked:
                store_mask(m.cpus[me], "given", asked)
                _set_affinity(address_of(m), me, i)
            else:
                store_mask(t, "asked_affinity", asked)
                _store_unlocked(m, t)
        if not meet(m, workers):
            break
        if me == 0 and not _is_as_derived(m, t):
            violation(m)
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)


@entry(5)
def change(address, me, workers, count, locked):
    """Worker 0 runs the thread, which begins and ends operations; worker 1 restricts it, or lets it run anywhere."""
    m = machine_at(address)
    if me == 0:
        i = allocate_thread(m, me, 0)
        store_mask(m.threads[i], "affinity", mask_of(0))
        start_thread(m, me, i)
        pick_next(m, me)
        set_word(m, THREAD, i)
    _change_in_rounds(m, me, workers, count, locked)
    return 0


# --- the pool changes as the CPU that the thread goes to falls asleep ---------------------------------


@hot
def _put_untold(m, me, i):
    """Control: the thread is put on a queue of its new pool, whose CPUs are not told."""
    queues.give_way_elsewhere(m, me, i, True)


@hot
def _sleep_until_told(m, me, i):
    """As _idle of the CPU's loop: the bit, one look, sleep. Nobody else is told where the thread waits for this CPU."""
    c = m.cpus[me]
    t = m.threads[i]
    set_cpu(m, "idle", me)
    found = pick_next(m, me)
    spins = 0
    while found < 0 and load_seq_cst(c, "pending") == 0 and not over(m):
        waits = where_state(load_seq_cst(t, "where")) == RUNNABLE and has_cpu(t, "affinity", me)
        if waits and get_word(m, MOVING + (1 - me) * LINE) == 0 and load_seq_cst(c, "pending") == 0:
            violation(m)  # the other is done, and this CPU sleeps
        spins = spin(spins)
    exchange(c, "pending", 0)
    clear_cpu(m, "idle", me)
    return found if found >= 0 else pick_next(m, me)


@hot
def _hand_to_and_fro(m, me, count, told):
    i = get_word(m, THREAD)
    done = 0
    while done < count and not over(m):
        if m.cpus[me].current != i and _sleep_until_told(m, me, i) != i:
            continue
        if may_not_stay(m, me, m.threads[i]) or not mask_has(pool(m, m.threads[i].blocking), me):
            violation(m)
        dawdle(random_below(m, me, 40))
        set_word(m, MOVING + me * LINE, 1)
        enter_pool(m, me, i, 1 - m.threads[i].blocking)
        if told:
            switch(m, me, i, True)
        else:
            _put_untold(m, me, i)
        m.cpus[me].kicks = 0
        set_word(m, MOVING + me * LINE, 0)
        done += 1
        result(m, me, done)


@entry(5)
def hand(address, me, workers, count, told):
    """One thread, one CPU in each pool: whoever runs it begins or ends an operation, and goes to sleep."""
    m = machine_at(address)
    if me == 0:
        i = allocate_thread(m, me, 0)
        set_word(m, THREAD, i)
        start_thread(m, me, i)
        pick_next(m, me)
    meet(m, workers)
    _hand_to_and_fro(m, me, count, told)
    return 0
