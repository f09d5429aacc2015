"""A container's CPUs change, as a thread of it is restricted by who asks for other CPUs, or is started (cz-17).

CPUs are masks of the first four.  Worker 0 asks, or starts a thread; worker 1 says where the container may run.
"""

from emu.hot import entry, hot
from emu.kernel.sched.confining import change_affinity, confine_all, start_new
from emu.kernel.sched.core import leave, pick_next
from emu.kernel.sched.migration import restrict
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import start_thread
from emu.kernel.thread.affinity import begin_affinity
from emu.kernel.thread.reaping import reap_thread
from emu.kernel.thread.records import allocate_thread
from emu.shm.atomics import exchange
from emu.shm.cpumask import load_mask, mask_and, mask_is_empty, mask_minus, mask_none, mask_of, mask_or, store_mask
from emu.shm.layout import machine_at
from emu.shm.memory import address_of
from emu.testing.crew import (
    LINE,
    OWN,
    dawdle,
    get_word,
    meet,
    over,
    prepare_slow_stores,
    result,
    set_word,
    slow_store,
    violation,
)

THREAD, ASKED = OWN, OWN + LINE  # a thread, and the CPUs that are asked for
CPUS = 4
GOOD, UNFENCED, STALE = range(3)
_change_affinity = hot(change_affinity.function)


@hot
def _mask(bits):
    mask = mask_none()
    for cpu in range(CPUS):
        if bits >> cpu & 1:
            mask = mask_or(mask, mask_of(cpu))
    return mask


@hot
def _some_of(m, me, bits):
    """Some of the CPUs in a mask, at least one."""
    while True:
        some = random_below(m, me, 1 << CPUS) & bits
        if some != 0:
            return some


@hot
def _is(a, b):
    return mask_is_empty(mask_minus(a, b)) and mask_is_empty(mask_minus(b, a))


# --- controls ---------------------------------------------------------------------------------------------------------


@hot
def _cut_unfenced(m, i):
    """Control: look whether a thread's CPUs are the container's, just after a store, which the look may overtake."""
    t = m.threads[i]
    cpus = load_mask(m.containers[0], "cpus")
    if not mask_is_empty(mask_minus(load_mask(t, "asked_affinity"), cpus)):
        both = mask_and(load_mask(t, "asked_affinity"), cpus)
        store_mask(t, "asked_affinity", cpus if mask_is_empty(both) else both)


@hot
def _cut_stale(m, me, i):
    """Control: what a thread asked for is read before the lock is taken under which it is stored."""
    cpus = load_mask(m.containers[0], "cpus")
    both = mask_and(load_mask(m.threads[i], "asked_affinity"), cpus)
    dawdle(random_below(m, me, 20))
    if not mask_is_empty(both):
        restrict(m, me, i, both)


# --- what is asked for ------------------------------------------------------------------------------------------------


@hot
def _ask(m, me, i, bits, how):
    if how == UNFENCED:
        slow_store(m, bits + random_below(m, me, 1 << 20))
        store_mask(m.threads[i], "asked_affinity", _mask(bits))
        _cut_unfenced(m, i)
    else:
        store_mask(m.cpus[me], "given", _mask(bits))
        _change_affinity(address_of(m), me, i)


@hot
def _allow(m, me, i, bits, how):
    """Worker 1: the container may use other CPUs from now on; sometimes it loses all of them before anybody looks."""
    slow_store(m, bits + random_below(m, me, 1 << 20))
    store_mask(m.containers[0], "cpus", _mask(bits))
    if how == GOOD and random_below(m, me, 4) == 0:
        dawdle(random_below(m, me, 4))
        store_mask(m.containers[0], "cpus", mask_none())
    if how == UNFENCED:
        _cut_unfenced(m, i)
    elif how == STALE:
        _cut_stale(m, me, i)
    else:
        confine_all(m, me)


@hot
def _check(m, i):
    """What is asked for is within what the container may use, and nothing of it is lost that is within."""
    cpus, asked = load_mask(m.containers[0], "cpus"), load_mask(m.threads[i], "asked_affinity")
    wanted = mask_and(_mask(get_word(m, ASKED)), cpus)
    if mask_is_empty(cpus):
        if mask_is_empty(asked):
            violation(m)
    elif not mask_is_empty(mask_minus(asked, cpus)) or not (mask_is_empty(wanted) or _is(asked, wanted)):
        violation(m)


@hot
def _begin_round(m, me, i):
    """Worker 0, alone: the container may use some CPUs, and the thread has asked for some of them."""
    before = _some_of(m, me, (1 << CPUS) - 1)
    store_mask(m.containers[0], "cpus", _mask(before))
    if i >= 0:
        restrict(m, me, i, _mask(_some_of(m, me, before)))
    set_word(m, ASKED, _some_of(m, me, before))


@hot
def _change_in_rounds(m, me, workers, count, how):
    i = get_word(m, THREAD)
    done = 0
    while done < count and not over(m):
        if me == 0:
            _begin_round(m, me, i)
        if not meet(m, workers):
            break
        dawdle(random_below(m, me, 12))
        if me == 0:
            _ask(m, me, i, get_word(m, ASKED), how)
        else:
            _allow(m, me, i, _some_of(m, me, (1 << CPUS) - 1), how)
        if not meet(m, workers):
            break
        if me == 0:
            _check(m, i)
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)


@entry(5)
def change(address, me, workers, count, how):
    """Worker 0's thread runs, and asks for CPUs."""
    m = machine_at(address)
    prepare_slow_stores(m)
    if me == 0:
        i = allocate_thread(m, me, 0)
        store_mask(m.threads[i], "affinity", mask_of(0))
        start_thread(m, me, i)
        pick_next(m, me)
        set_word(m, THREAD, i)
    meet(m, workers)
    _change_in_rounds(m, me, workers, count, how)
    return 0


# --- threads that are started -----------------------------------------------------------------------------------------


@hot
def _start(m, me, bits, how):
    i = allocate_thread(m, me, 0)
    begin_affinity(m, m.threads[i], _mask(bits))
    set_word(m, THREAD, i)
    if how == GOOD:
        start_new(m, me, i)
    else:
        start_thread(m, me, i)  # control: nobody looks again
    return i


@hot
def _end(m, me, i):
    restrict(m, me, i, mask_of(me))
    if pick_next(m, me) != i:
        violation(m)
    leave(m, me, i)
    reap_thread(m, me, i)


@entry(5)
def start(address, me, workers, count, how):
    """In each round worker 0 starts a thread. It is on the machine's one queue until the round is over."""
    m = machine_at(address)
    prepare_slow_stores(m)
    done = i = 0
    while done < count and not over(m):
        if me == 0:
            _begin_round(m, me, -1)
        if not meet(m, workers):
            break
        if me == 0:
            dawdle(random_below(m, me, 12))
            i = _start(m, me, get_word(m, ASKED), how)
        else:
            dawdle(random_below(m, me, 90))
            _allow(m, me, -1, _some_of(m, me, (1 << CPUS) - 1), GOOD)
        if not meet(m, workers):
            break
        if me == 0:
            _check(m, i)
            _end(m, me, i)
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)
    return 0
