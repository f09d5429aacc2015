"""Epoll sets between actors, each a CPU with one thread: no news is lost, none is told twice, none is stale."""

from emu.abi.epoll import EPOLLET
from emu.abi.files import POLLHUP, POLLIN
from emu.hot import entry, hot
from emu.kernel.files.descriptions import (
    FILE_COUNTER,
    FILE_EPOLL,
    drop_description,
    free_description,
    let_go,
    new_description,
    new_pipe_ends,
)
from emu.kernel.files.epoll import add_to_set, take_ready
from emu.kernel.files.event_counter import free_counter, new_counter, read_counter, write_counter
from emu.kernel.files.watch_sets import new_set
from emu.kernel.files.watches import lock_set, unlock_set
from emu.kernel.linux.events import sleep_in_set
from emu.kernel.sched.core import block
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import make_runnable
from emu.kernel.sleep.waitqueue import join_until
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.sleep_word import claim, is_claimed, sleep_word
from emu.shm.atomics import exchange, load_relaxed
from emu.shm.layout import machine_at
from emu.testing.crew import (
    LINE,
    OWN,
    add_word,
    dawdle,
    get_word,
    over,
    result,
    set_word,
    spin,
    violation,
)
from tests.litmus.pipes import THREADS, begin, is_awake

SET, OUTER, FILE, OTHER_END, ROUND, POSTED, TAKEN, CLOSED = (OWN + k * LINE for k in range(8))
LOOKED = OWN + 16 * LINE  # behind THREADS
WRITES, CLOSES, ADDS, NESTED, BETWEEN = range(5)


@hot
def _new_counter(m, me, count):
    """The description of a new event counter."""
    return new_description(m, me, FILE_COUNTER, 0, new_counter(m, me, count, 0))


@hot
def _counter(m, d):
    return m.event_counters[m.descriptions[d].object]


@hot
def _new_file(m, me, what):
    """What the waiter watches in the next round."""
    s = get_word(m, SET)
    if what == CLOSES:
        reader, writer = new_pipe_ends(m, me, 0)
        set_word(m, FILE, reader)
        set_word(m, OTHER_END, writer)
        add_to_set(m, me, s, reader, 0, POLLIN | POLLHUP, 1)
    elif what == ADDS:
        set_word(m, FILE, _new_counter(m, me, 1))


# --- a sleeper and what it waits for ----------------------------------------------------------------------------------


@hot
def _sleep_badly(m, me, i, e):
    """Control: no second look between the look and the sleep."""
    dawdle(random_below(m, me, 12))
    lock_set(m, me, e)
    join_until(m, me, i, e.queue, 0)
    unlock_set(m, me, e)
    return True


@hot
def _sleep(m, me, i, e):
    """Sleep unless something has come; whether it sleeps."""
    lock_set(m, me, e)
    return sleep_in_set(m, me, i, e, 0)


@entry(6)
def waiter(address, me, workers, count, what, bad):
    """Waits for one event in each round."""
    m = machine_at(address)
    i = begin(m, me, workers)
    t = m.threads[i]
    s = get_word(m, OUTER if what == NESTED else SET)
    e = m.epoll_sets[s]
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        if what == CLOSES or what == ADDS:
            _new_file(m, me, what)
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 12))
        n = 0
        while n == 0 and not over(m):
            n, _ = take_ready(m, me, s, 4, 0)
            if n == 0 and (_sleep_badly(m, me, i, e) if bad else _sleep(m, me, i, e)):
                block(m, me, i)
                spins = 0
                while not is_awake(m, me, i) and not over(m):
                    posted = get_word(m, POSTED) == done
                    word = sleep_word(t)
                    if posted and word != 0:  # the other is done with this round, and it sleeps on
                        violation(m)
                        if claim(t, word):
                            make_runnable(m, me, i)
                    spins = spin(spins)
        spins = 0
        while get_word(m, POSTED) != done and not over(m):
            spins = spin(spins)
        if what == CLOSES or what == ADDS:
            drop_description(m, me, get_word(m, FILE))
        else:
            read_counter(m, me, -1, _counter(m, get_word(m, FILE)), True)
        m.cpus[me].kicks = 0
    return 0


@entry(6)
def poster(address, me, workers, count, what, bad):
    """Makes the file ready in each round: writes, closes the last other end, or adds it to the set."""
    m = machine_at(address)
    i = begin(m, me, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        spins = 0
        while get_word(m, ROUND) < done and not over(m):
            spins = spin(spins)
        dawdle(random_below(m, me, 12))
        d = get_word(m, FILE)
        if what == CLOSES:
            drop_description(m, me, get_word(m, OTHER_END))
        elif what == ADDS:
            add_to_set(m, me, get_word(m, SET), d, 0, POLLIN, 1)
        else:
            write_counter(m, me, i, _counter(m, d), 1, True)
        m.cpus[me].kicks = 0
        set_word(m, POSTED, done)
    return 0


# --- by edge ----------------------------------------------------------------------------------------------------------


@entry(5)
def taker(address, me, workers, count, mode):
    """All but actor 0 take what is ready; that writes, and waits until the event of it has been taken, once."""
    m = machine_at(address)
    begin(m, me, workers)
    s, d = get_word(m, SET), get_word(m, FILE)
    done = 0
    while done < count and not over(m):
        if me == 0:
            done += 1
            result(m, me, done)
            write_counter(m, me, -1, _counter(m, d), 1, True)
            spins = 0
            while get_word(m, TAKEN) < done and not over(m):
                spins = spin(spins)
            dawdle(random_below(m, me, 40))
            if get_word(m, TAKEN) > done:  # less when the time is over
                violation(m)
            if done == count:
                set_word(m, CLOSED, 1)
        else:
            n, _ = take_ready(m, me, s, 4, 0)
            if n > 0:
                add_word(m, TAKEN, n)
            if get_word(m, CLOSED) != 0:
                break
        m.cpus[me].kicks = 0
    return 0


# --- the last close beside a look -------------------------------------------------------------------------------------


@hot
def _close_badly(m, me, d):
    """Control: the file is freed and its watches stay."""
    free_counter(m, me, m.descriptions[d].object)
    free_description(m, me, d)


@entry(5)
def closer(address, me, workers, count, bad):
    """Actor 1 adds a file that is ready, and closes it; actor 0 looks, and finds no file that was closed before."""
    m = machine_at(address)
    begin(m, me, workers)
    s = get_word(m, SET)
    done = 0
    while done < count and not over(m):
        if me == 1:
            done += 1
            result(m, me, done)
            spins = 0
            while bad and get_word(m, LOOKED) < done - 2 and not over(m):  # or it uses up all watches unseen
                spins = spin(spins)
            d = _new_counter(m, me, 1)
            add_to_set(m, me, s, d, done & 1023, POLLIN, done)  # of other numbers, or a watch that stayed is in the way
            dawdle(random_below(m, me, 30))
            if bad:
                _close_badly(m, me, d)
            else:
                drop_description(m, me, d)
            set_word(m, CLOSED, done)
        else:
            closed = get_word(m, CLOSED)
            n, _ = take_ready(m, me, s, 4, 0)
            for k in range(n):
                add_word(m, TAKEN, 1)
                if m.cpus[me].ready_events[2 * k + 1] <= closed:
                    violation(m)
            set_word(m, LOOKED, closed)
            done = max(done, closed)
        m.cpus[me].kicks = 0
    return 0


# --- for the test -----------------------------------------------------------------------------------------------------


@entry(4)
def prepare_sets(address, me, what, mode):
    """A set, in another one, and a counter that the inner one watches unless rounds have files of their own."""
    m = machine_at(address)
    s, outer = new_set(m, me), new_set(m, me)
    set_word(m, SET, s)
    set_word(m, OUTER, outer)
    inner = new_description(m, me, FILE_EPOLL, 0, s)
    add_to_set(m, me, outer, inner, 0, POLLIN, 1)
    if what == WRITES or what == NESTED:
        d = _new_counter(m, me, 0)
        set_word(m, FILE, d)
        add_to_set(m, me, s, d, 0, POLLIN | mode, 1)
    return 0


@entry(4)
def passes_on(address, me, first, second):
    """Two threads sleep in a set; a write wakes the first, which is killed: whether that wakes the second."""
    m = machine_at(address)
    s = new_set(m, me)
    e = m.epoll_sets[s]
    inner = new_description(m, me, FILE_EPOLL, 0, s)
    d = _new_counter(m, me, 0)
    add_to_set(m, me, s, d, 0, POLLIN | EPOLLET, 1)
    for i in (first, second):
        lock_set(m, me, e)
        join_until(m, me, i, e.queue, 0)
        unlock_set(m, me, e)
    exchange(m.descriptions[inner], "references", 2)
    m.threads[first].held_file = inner + 1
    write_counter(m, me, first, _counter(m, d), 1, True)
    before = is_claimed(load_relaxed(m.threads[first], "sleep")) and sleep_word(m.threads[second]) != 0
    let_go(m, me, first)
    after = is_claimed(load_relaxed(m.threads[second], "sleep"))
    return 1 if before and after else 0


def prepare(run, what, mode=0):
    """A thread of a task of its own for each actor, and the sets."""
    base = run.window.address
    for me in range(run.workers):
        run.words[THREADS + me * LINE] = create_thread(base, 0, create_task(base, 0))
    prepare_sets(base, 0, what, mode)
