"""Threads that make children while their children exit: no record may be lost (kse-8)."""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.thread.handles import thread_index
from emu.kernel.thread.records import SPARE_NONE, allocate_thread, free_thread, next_generation
from emu.kernel.thread.spares import attach_spare, recycle_thread, take_spare
from emu.kernel.thread.states import DEAD, FREE, NEW, RUNNABLE, RUNNING, set_where
from emu.shm.atomics import compare_exchange, exchange, load_relaxed
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, dawdle, get_word, meet, over, result, set_word, spin, violation

SLOT = OWN  # a line for each worker: child + 1 handed to it to end, 0 none
ROUND_LOST = 4000  # records: far more than are alive


@hot
def _end_child(m, me, child):
    """As exit_thread ends with it: the child's record is DEAD, then somebody's spare or free."""
    t = m.threads[child]
    set_where(m, t, RUNNABLE, 0)
    set_where(m, t, RUNNING, 0)
    set_where(m, t, DEAD, 0)
    recycle_thread(m, me, child)


@hot
def _attach_badly(m, me, i):
    """Control: the original's `if (td->td_standin == NULL) td->standin = thread_alloc();`."""
    t = m.threads[i]
    if load_relaxed(t, "spare") == SPARE_NONE:
        spare = allocate_thread(m, me, t.task)
        dawdle(random_below(m, me, 20))  # "thread_alloc() can block the thread"
        if spare >= 0:
            exchange(t, "spare", spare)


@hot
def _make(m, me, workers, count, bad):
    """Worker 0 owns a thread that makes children; the others end them."""
    owner = allocate_thread(m, me, 0)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        to = 1 + random_below(m, me, workers - 1)
        if get_word(m, SLOT + to * LINE) == 0:
            child = take_spare(m, me, owner)
            if child < 0:
                violation(m)  # all records are gone
                break
            set_word(m, SLOT + to * LINE, child + 1)
            done += 1
            result(m, me, done)
        if bad:
            _attach_badly(m, me, owner)
        else:
            attach_spare(m, me, owner)
        if m.fresh_thread >= ROUND_LOST:
            violation(m)
    for to in range(1, workers):
        spins = 0
        while get_word(m, SLOT + to * LINE) != 0 and not over(m):
            spins = spin(spins)
        set_word(m, SLOT + to * LINE, -1)
    return owner


@entry(4)
def make_children(address, me, workers, count):
    m = machine_at(address)
    owner = _make(m, me, workers, count, False)
    _end_child(m, me, owner)
    return 0


@entry(4)
def make_children_badly(address, me, workers, count):
    m = machine_at(address)
    _make(m, me, workers, count, True)
    return 0


@entry(4)
def end_children(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    spins = 0
    while not over(m):
        child = get_word(m, SLOT + me * LINE)
        if child < 0:
            break
        if child == 0:
            spins = spin(spins)
            continue
        spins = 0
        _end_child(m, me, child - 1)
        set_word(m, SLOT + me * LINE, 0)
    return 0


# --- owners that exit while their children do ------------------------------------------------------


@hot
def _recycle_open(m, me, i):
    """Control: `recycle_thread` of a thread that takes its spare out and does not close the word."""
    t = m.threads[i]
    spare = exchange(t, "spare", SPARE_NONE)
    if spare >= 0:
        free_thread(m, me, spare)
    dawdle(random_below(m, me, 20))
    free_thread(m, me, i)


@entry(5)
def own_and_exit(address, me, workers, count, bad):
    """Worker 0 makes a thread with one child for each other worker, and all exit at once."""
    m = machine_at(address)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        owner = allocate_thread(m, me, 0)
        for to in range(1, workers):
            child = take_spare(m, me, owner)
            set_word(m, SLOT + to * LINE, child + 1)
        done += 1
        result(m, me, done)
        dawdle(random_below(m, me, 8))
        t = m.threads[owner]
        set_where(m, t, RUNNABLE, 0)
        set_where(m, t, RUNNING, 0)
        set_where(m, t, DEAD, 0)
        if bad:
            _recycle_open(m, me, owner)
        else:
            recycle_thread(m, me, owner)
        for to in range(1, workers):
            spins = 0
            while get_word(m, SLOT + to * LINE) != 0 and not over(m):
                spins = spin(spins)
        if m.fresh_thread >= 8 * workers:
            violation(m)  # some were lost: never more than one and its children are alive
    for to in range(1, workers):
        set_word(m, SLOT + to * LINE, -1)
    return 0


@hot
def _give_slowly(m, me, child):
    """`recycle_thread` of a child that the host holds up between its look at the creator and the swap."""
    t = m.threads[child]
    set_where(m, t, RUNNABLE, 0)
    set_where(m, t, RUNNING, 0)
    set_where(m, t, DEAD, 0)
    creator = thread_index(m, t.creator)
    if creator >= 0 and load_relaxed(m.threads[creator], "spare") == SPARE_NONE:
        next_generation(t)
        set_where(m, t, FREE, 0)
        set_where(m, t, NEW, 0)
        dawdle(random_below(m, me, 40))
        if compare_exchange(m.threads[creator], "spare", SPARE_NONE, child):
            return
    free_thread(m, me, child)


@entry(5)
def exit_with_owner(address, me, workers, count, bad):
    m = machine_at(address)
    meet(m, workers)
    spins = 0
    while not over(m):
        child = get_word(m, SLOT + me * LINE)
        if child < 0:
            break
        if child == 0:
            spins = spin(spins)
            continue
        spins = 0
        _give_slowly(m, me, child - 1)
        set_word(m, SLOT + me * LINE, 0)
    return 0
