"""A thread that waits on a futex again and again, against who wakes it, moves it to another word, or interrupts it."""

from emu.hot import entry, hot
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import start_thread
from emu.kernel.sleep.endings import finish, interrupt_sleep
from emu.kernel.sleep.futex import MATCH_ANY, remove_waiter, requeue, wait_on, wake_on
from emu.kernel.thread.sleep_word import sleep_word, take
from emu.kernel.vm.address_space import map_region
from emu.shm.atomics import load_relaxed, load_seq_cst
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.exits import ACCESS_WRITE
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield, load_s32, store_32
from emu.testing.crew import DONE, LINE, OWN, dawdle, get_word, meet, over, result, set_word, spin, violation
from tests.kernel.guest_words import user_address
from tests.litmus.blocking import make_thread

THREAD, ROUND, WOKEN = OWN, OWN + LINE, OWN + 2 * LINE
VA, OTHER, THIRD = 0x10000, 0x10400, 0x10800  # each in a bucket of its own


def prepare(window):
    """A thread of a task with a page of memory; its index."""
    i = make_thread(window)
    assert map_region(window.address, 0, int(window.machine["threads"][i]["task"]), VA, 4096, 3) == 0
    return i


@hot
def _begin(m, me, workers):
    i = get_word(m, THREAD)
    store_mask(m.threads[i], "affinity", mask_of(me))
    start_thread(m, me, i)
    pick_next(m, me)
    host = user_address(m, me, m.threads[i].task, VA, ACCESS_WRITE)
    store_32(host, 0)
    user_address(m, me, m.threads[i].task, OTHER, ACCESS_WRITE)
    meet(m, workers)
    return i


@hot
def _wait_badly(m, me, i, host, expected):
    """Control: the word is compared before the thread is listed, not under the bucket's lock."""
    if load_s32(host) != expected:
        return -1
    dawdle(random_below(m, me, 8))
    return wait_on(m, me, i, VA, load_s32(host), 0, MATCH_ANY, 1)


# --- waiting against waking -----------------------------------------------------------------------


@hot
def _wait_in_rounds(m, me, workers, count, bad):
    i = _begin(m, me, workers)
    t = m.threads[i]
    host = user_address(m, me, t.task, VA, ACCESS_WRITE)
    done = 0
    while done < count and not over(m):
        set_word(m, ROUND, done + 1)
        dawdle(random_below(m, me, 8))
        error = _wait_badly(m, me, i, host, done) if bad else wait_on(m, me, i, VA, done, 0, MATCH_ANY, 1)
        if error == 0 and block(m, me, i):
            spins = 0
            while pick_next(m, me) != i and not over(m):
                woken = get_word(m, WOKEN)
                word = sleep_word(t)
                if woken == done + 1 and word != 0:  # the word has changed, the waker is done, and it sleeps
                    violation(m)
                spins = spin(spins)
        spins = 0
        while get_word(m, WOKEN) != done + 1 and not over(m):
            spins = spin(spins)
        done += 1
        result(m, me, done)


@entry(4)
def waiter(address, me, workers, count):
    _wait_in_rounds(machine_at(address), me, workers, count, False)
    return 0


@entry(4)
def bad_waiter(address, me, workers, count):
    _wait_in_rounds(machine_at(address), me, workers, count, True)
    return 0


@entry(4)
def waker(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    task = m.threads[get_word(m, THREAD)].task
    host = user_address(m, me, task, VA, ACCESS_WRITE)
    done = 0
    while done < count and not over(m):
        while get_word(m, ROUND) != done + 1 and not over(m):
            load_s32(host)
        dawdle(random_below(m, me, 8))
        store_32(host, done + 1)
        wake_on(m, me, task, VA, 1, MATCH_ANY, 1)
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)
        set_word(m, WOKEN, done)
    return 0


# --- comparing requeues against a new value --------------------------------------------------------


@entry(4)
def waiter_for_new_values(address, me, workers, count):
    """Changes the word, then waits for the new value: nobody ever waits for an old one."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    host = user_address(m, me, m.threads[i].task, VA, ACCESS_WRITE)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 20))
        store_32(host, done)
        if wait_on(m, me, i, VA, done, 0, MATCH_ANY, 1) == 0 and block(m, me, i):
            spins = 0
            while pick_next(m, me) != i and not over(m):
                spins = spin(spins)
    set_word(m, DONE, 1)
    return 0


@hot
def _requeue_badly(m, me, task, host, expected):
    """Control: compares without the lock under which it then moves."""
    if load_s32(host) != expected:
        return -1
    dawdle(20)
    return requeue(m, me, task, VA, OTHER, 0, 1, False, 0, 1)


@hot
def _requeue_in_rounds(m, me, workers, bad):
    """Moves who waits while the word is old: nobody does. Then wakes the waiter, wherever it is."""
    meet(m, workers)
    task = m.threads[get_word(m, THREAD)].task
    host = user_address(m, me, task, VA, ACCESS_WRITE)
    while get_word(m, DONE) == 0 and not over(m):
        old = get_word(m, ROUND) - 1
        dawdle(random_below(m, me, 20))
        if bad:
            moved = _requeue_badly(m, me, task, host, old)
        else:
            moved = requeue(m, me, task, VA, OTHER, 0, 1, True, old, 1)
        if moved > 0:
            violation(m)
        if moved < 0:  # the word is new
            wake_on(m, me, task, VA, 1, MATCH_ANY, 1)
        m.cpus[me].kicks = 0


@entry(4)
def comparing_mover(address, me, workers, count):
    _requeue_in_rounds(machine_at(address), me, workers, False)
    return 0


@entry(4)
def bad_comparing_mover(address, me, workers, count):
    _requeue_in_rounds(machine_at(address), me, workers, True)
    return 0


# --- interrupts against requeues --------------------------------------------------------------------


@hot
def _take_badly(m, me, i):
    """Control: a waiter is taken and unlisted without the lock of the bucket that it is in."""
    word = sleep_word(m.threads[i])
    if word == 0 or load_relaxed(m.threads[i], "bucket") < 0 or not take(m.threads[i], word):
        return False
    for _ in range(random_below(m, me, 4)):
        host_yield()  # as when the host takes the core away: it is moved meanwhile
    remove_waiter(m, i)
    finish(m, me, i, 0)
    return True


@entry(4)
def moved_waiter(address, me, workers, count):
    """When it is awake again, it is on no list: no bucket has anybody."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    t = m.threads[i]
    done = 0
    while done < count and not over(m):
        if wait_on(m, me, i, VA, 0, 0, MATCH_ANY, 1) == 0 and block(m, me, i):
            spins = 0
            while pick_next(m, me) != i and not over(m):
                spins = spin(spins)
        if over(m):
            break
        if load_seq_cst(t, "bucket") != -1:
            violation(m)
        for b in range(len(m.buckets)):
            if load_seq_cst(m.buckets[b], "head") != -1:
                violation(m)
        done += 1
        result(m, me, done)
    set_word(m, DONE, 1)
    return 0


@entry(4)
def mover(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    task = m.threads[get_word(m, THREAD)].task
    while get_word(m, DONE) == 0 and not over(m):
        requeue(m, me, task, VA, OTHER, 0, 1, False, 0, 1)
        requeue(m, me, task, OTHER, THIRD, 0, 1, False, 0, 1)  # does not need the lock of the first
        requeue(m, me, task, THIRD, VA, 0, 1, False, 0, 1)
        host_yield()  # three processes, and perhaps two cores
    return 0


@hot
def _interrupt_in_rounds(m, me, workers, bad):
    meet(m, workers)
    i = get_word(m, THREAD)
    while get_word(m, DONE) == 0 and not over(m):
        dawdle(random_below(m, me, 20))
        if bad:
            _take_badly(m, me, i)
        else:
            interrupt_sleep(m, me, i)
        m.cpus[me].kicks = 0
        host_yield()


@entry(4)
def interrupter(address, me, workers, count):
    _interrupt_in_rounds(machine_at(address), me, workers, False)
    return 0


@entry(4)
def bad_interrupter(address, me, workers, count):
    _interrupt_in_rounds(machine_at(address), me, workers, True)
    return 0
