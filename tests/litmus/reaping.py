"""A scheduler whose threads live and die, and others that hold them by handle meanwhile (rust-2, alux-5)."""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.thread.handles import thread_handle, thread_index
from emu.kernel.thread.reaping import begin_references, delete_dead, drop_thread, reap_thread, retain_thread
from emu.kernel.thread.records import allocate_thread
from emu.kernel.thread.states import DEAD, RUNNABLE, RUNNING, set_where, state_of
from emu.shm.atomics import fetch_add, load_relaxed, store_relaxed
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield
from emu.testing.crew import (
    LINE,
    OWN,
    RESULTS,
    add_word,
    dawdle,
    get_word,
    meet,
    over,
    result,
    set_word,
    spin,
    violation,
)

SLOT = OWN  # the handle of the latest thread
EXITED = OWN + LINE  # 1 while the scheduler has exited
HOLDERS = OWN + 2 * LINE  # how many still look for threads
HELD = 100  # in all, before the test has seen enough
RECORDS = 400  # far more than are alive
STAMP = 5  # a register in which a thread has its own handle


@hot
def _live(m, me):
    """A thread of this scheduler, from creation to just before its death."""
    i = allocate_thread(m, me, 0)
    if i < 0 or m.fresh_thread > RECORDS:
        violation(m)  # some are lost
        return -1
    t = m.threads[i]
    t.x[STAMP] = thread_handle(m, i)
    begin_references(t)
    set_where(m, t, RUNNABLE, me)
    set_where(m, t, RUNNING, me)
    set_word(m, SLOT, thread_handle(m, i))
    dawdle(random_below(m, me, 20))
    set_where(m, t, DEAD, me)
    return i


@hot
def _exit_for_a_while(m, me):
    """As hotplug.retire decides: no thread of its own is left. Then it begins anew."""
    if m.queues[me].nr_dead == 0:
        set_word(m, EXITED, 1)
        dawdle(random_below(m, me, 20))
        set_word(m, EXITED, 0)


@hot
def _reap_badly(m, me, i):
    """Control: the scheduler does not count the dead that others hold."""
    fetch_add(m.threads[i], "references", -1)


@hot
def _held(m, workers):
    """How many threads the others have held so far: on a busy host they may get no core for a while."""
    held = 0
    for k in range(1, workers):
        held += get_word(m, RESULTS + k * LINE)
    return held


@hot
def _schedule(m, me, workers, count, bad):
    set_word(m, HOLDERS, workers - 1)
    meet(m, workers)
    done = 0
    while (done < count or _held(m, workers) < HELD) and not over(m):
        i = _live(m, me)
        if i < 0:
            break
        if bad:
            _reap_badly(m, me, i)
        else:
            reap_thread(m, me, i)
        if load_relaxed(m.queues[me], "dead") != 0:
            delete_dead(m, me)
        _exit_for_a_while(m, me)
        done += 1
        result(m, me, done)
    set_word(m, SLOT, -1)
    spins = 0
    while get_word(m, HOLDERS) != 0 and not over(m):
        spins = spin(spins)
    delete_dead(m, me)


@entry(4)
def schedule(address, me, workers, count):
    _schedule(machine_at(address), me, workers, count, False)
    return 0


@entry(4)
def schedule_badly(address, me, workers, count):
    _schedule(machine_at(address), me, workers, count, True)
    return 0


@hot
def _look(m, me, i, handle):
    """A thread that is held is one thread all the time, and its scheduler is there."""
    t = m.threads[i]
    for _ in range(1 + random_below(m, me, 6)):
        if load_relaxed(t, "generation") != handle >> 32 or t.x[STAMP] != handle:
            violation(m)
        dawdle(random_below(m, me, 30))
        if state_of(t) == DEAD and get_word(m, EXITED) != 0:
            violation(m)


@entry(4)
def hold(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    held = 0
    while not over(m):
        handle = get_word(m, SLOT)
        if handle == -1:
            break
        i = retain_thread(m, me, handle)
        if i >= 0:
            held += 1
            result(m, me, held)
            _look(m, me, i, handle)
            drop_thread(m, me, i)
    add_word(m, HOLDERS, -1)
    return 0


@entry(4)
def look_without_holding(address, me, workers, count):
    """Control: the handle is looked up and the record used without a reference."""
    m = machine_at(address)
    meet(m, workers)
    while not over(m):
        handle = get_word(m, SLOT)
        if handle == -1:
            break
        i = thread_index(m, handle)
        if i >= 0:
            _look(m, me, i, handle)
    add_word(m, HOLDERS, -1)
    return 0


@entry(4)
def drop_badly(address, me, workers, count):
    """Control: the reference is given back by a load and a store."""
    m = machine_at(address)
    meet(m, workers)
    while not over(m):
        handle = get_word(m, SLOT)
        if handle == -1:
            break
        i = retain_thread(m, me, handle)
        if i >= 0:
            t = m.threads[i]
            word = load_relaxed(t, "references")
            for _ in range(random_below(m, me, 4)):
                host_yield()  # as when the host takes the core away
            store_relaxed(t, "references", word - 1)
    add_word(m, HOLDERS, -1)
    return 0
