"""Pipes between actors, each of which is a CPU with one thread: who sleeps is woken, and records arrive in one piece.

The bytes come from memory of the actor's own, as the system server's do; sleeping and waking are those of threads.
"""

from emu.hot import entry, hot
from emu.kernel.files.descriptions import (
    FILE_SERVED,
    drop_description,
    free_description,
    new_description,
    new_pipe_ends,
    take_orphan,
)
from emu.kernel.files.pipe import SLEEPS, lock_pipe, unlock_pipe
from emu.kernel.files.pipe_io import THE_SERVER, read_pipe, write_pipe
from emu.kernel.files.table import close_descriptor, install, new_table
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import make_runnable, start_thread
from emu.kernel.sleep.waitqueue import join_to_retry
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.sleep_word import claim, sleep_word
from emu.kernel.thread.states import RUNNING, state_of
from emu.shm.atomics import exchange
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.layout import machine_at
from emu.shm.memory import load_64, store_64
from emu.shm.spinlock import field_address
from emu.testing.crew import (
    LINE,
    OWN,
    add_word,
    dawdle,
    get_word,
    meet,
    over,
    result,
    set_word,
    spin,
    violation,
    word_at,
)

PIPE, READER, WRITER, ROUND, POSTED, CLOSED, FINISHED = (OWN + k * LINE for k in range(7))
THREADS = OWN + 8 * LINE  # a line for each actor
BUFFERS, BUFFER_WORDS = 4096, 1024  # a buffer for each actor
RECORD_WORDS = 511  # the longest record; as many bytes as PIPE_BUF, less a word
READ_WORDS = 700
SMALL = 4096  # capacity of a pipe in which records hardly find room
WRITES, CLOSES = range(2)


@hot
def begin(m, me, workers):
    """The actor's thread runs; its index."""
    i = get_word(m, THREADS + me * LINE)
    store_mask(m.threads[i], "affinity", mask_of(me))
    start_thread(m, me, i)
    pick_next(m, me)
    meet(m, workers)
    return i


@hot
def is_awake(m, me, i):
    m.threads[i].restart = 0
    exchange(m.cpus[me], "pending", 0)
    m.cpus[me].kicks = 0
    return state_of(m.threads[i]) == RUNNING or pick_next(m, me) == i


@hot
def _sleep(m, me, i):
    """The thread has declared a sleep: until it is woken."""
    block(m, me, i)
    spins = 0
    while not is_awake(m, me, i) and not over(m):
        spins = spin(spins)


# --- a sleeper and what it waits for ----------------------------------------------------------------------------------


@hot
def _read_badly(m, me, i, p, host):
    """Control: the pipe's lock is given back between the look and the sleep."""
    lock_pipe(m, me, p)
    empty = p.tail == p.head and p.writers != 0
    unlock_pipe(m, me, p)
    dawdle(random_below(m, me, 12))
    if empty:
        join_to_retry(m, me, i, p.read_queue, 0)
        return SLEEPS
    return read_pipe(m, me, i, p, THE_SERVER, host, 0, 8, False)


@entry(6)
def reader(address, me, workers, count, what, bad):
    """Reads what comes in each round: a word, or the end."""
    m = machine_at(address)
    i = begin(m, me, workers)
    t = m.threads[i]
    host = word_at(m, BUFFERS)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        p = m.pipes[m.descriptions[get_word(m, READER)].object]
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 12))
        n = SLEEPS
        while n == SLEEPS and not over(m):
            n = _read_badly(m, me, i, p, host) if bad else read_pipe(m, me, i, p, THE_SERVER, host, 0, 8, False)
            if n == SLEEPS:
                block(m, me, i)
            spins = 0
            while n == SLEEPS and not is_awake(m, me, i) and not over(m):
                posted = get_word(m, POSTED) == done
                word = sleep_word(t)
                if posted and word != 0:  # the writer is done with this round, and it sleeps on
                    violation(m)
                    if claim(t, word):
                        make_runnable(m, me, i)
                spins = spin(spins)
        if n != (8 if what == WRITES else 0) and not over(m):
            violation(m)
        spins = 0
        while get_word(m, POSTED) != done and not over(m):
            spins = spin(spins)
        if what == CLOSES:
            drop_description(m, me, get_word(m, READER))
            first, second = new_pipe_ends(m, me, 0)
            set_word(m, READER, first)
            set_word(m, WRITER, second)
    return 0


@entry(6)
def writer(address, me, workers, count, what, bad):
    """Writes a word in each round, or closes the end that it writes to."""
    m = machine_at(address)
    i = begin(m, me, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        spins = 0
        while get_word(m, ROUND) < done and not over(m):
            spins = spin(spins)
        d = get_word(m, WRITER)
        dawdle(random_below(m, me, 12))
        if what == WRITES:
            write_pipe(m, me, i, m.pipes[m.descriptions[d].object], THE_SERVER, word_at(m, ROUND), 0, 8, 0, True, False)
        else:
            drop_description(m, me, d)
        m.cpus[me].kicks = 0
        set_word(m, POSTED, done)
    return 0


# --- records of several writers ---------------------------------------------------------------------------------------


@entry(5)
def record_writer(address, me, workers, count, whole):
    """Writes records of random lengths, all words of which are alike: (writer, words, which one)."""
    m = machine_at(address)
    i = begin(m, me, workers)
    p = m.pipes[m.descriptions[get_word(m, WRITER)].object]
    host = word_at(m, BUFFERS + me * BUFFER_WORDS)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        words = 1 + random_below(m, me, RECORD_WORDS)
        for k in range(words):
            store_64(host + k * 8, (me << 48) | (words << 32) | done)
        moved = 0
        while moved < words * 8 and not over(m):
            n, _ = write_pipe(m, me, i, p, THE_SERVER, host, 0, words * 8, moved, whole != 0, False)
            if n == SLEEPS:
                _sleep(m, me, i)
            else:
                moved += n
        m.cpus[me].kicks = 0
    if add_word(m, FINISHED, 1) + 2 == workers:
        drop_description(m, me, get_word(m, WRITER))
    return 0


@entry(5)
def record_reader(address, me, workers, count, whole):
    """Actor 0: reads pieces of any length until nobody writes, and looks whether each record is whole and in order."""
    m = machine_at(address)
    i = begin(m, me, workers)
    p = m.pipes[m.descriptions[get_word(m, READER)].object]
    host = word_at(m, BUFFERS + me * BUFFER_WORDS)
    left, expected, got = 0, 0, 0
    n = 1
    while n != 0 and not over(m):
        want = 8 * (1 + random_below(m, me, READ_WORDS))
        n = read_pipe(m, me, i, p, THE_SERVER, host, 0, want, False)
        if n == SLEEPS:
            _sleep(m, me, i)
            continue
        m.cpus[me].kicks = 0
        for k in range(n // 8):
            word = load_64(host + k * 8)
            if left == 0:
                sender = word >> 48
                left = (word >> 32) & 0xFFFF
                expected = word
                number = THREADS + 256 * LINE + sender * LINE  # how many of its records have come
                if sender < 1 or sender >= workers or add_word(m, number, 1) + 1 != word & 0xFFFFFFFF:
                    violation(m)
                got += 1
                result(m, me, got)
            if word != expected:
                violation(m)
            left -= 1
    if left != 0 and not over(m):
        violation(m)
    return 0


# --- two closes of one descriptor -------------------------------------------------------------------------------------


@hot
def _close_badly(m, f, fd):
    """Control: close without the table's lock."""
    word = load_64(field_address(f, "words") + fd * 8)
    dawdle(2)
    store_64(field_address(f, "words") + fd * 8, 0)
    return 0 if word != 0 else -1


@entry(5)
def closer(address, me, workers, count, bad):
    """Both close the descriptor that actor 0 has opened; one of them does."""
    m = machine_at(address)
    n = new_table(m, me) if me == 0 else 0
    meet(m, workers)
    f = m.file_tables[n]
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        if me == 0:
            set_word(m, CLOSED, 0)
            if install(m, me, f, new_description(m, me, FILE_SERVED, 0, 0), 5, 10, 0) != 5:
                violation(m)
        if not meet(m, workers):
            break
        dawdle(random_below(m, me, 8))
        if (_close_badly(m, f, 5) if bad else close_descriptor(m, me, f, 5)) == 0:
            add_word(m, CLOSED, 1)
        m.cpus[me].kicks = 0
        if not meet(m, workers):
            break
        if me == 0:
            if get_word(m, CLOSED) != 1:
                violation(m)
            d = take_orphan(m, me)
            if d >= 0:
                free_description(m, me, d)
    return 0


# --- for the test -----------------------------------------------------------------------------------------------------


@entry(2)
def make_pipe(address, me):
    """A pipe, whose ends all actors use."""
    m = machine_at(address)
    first, second = new_pipe_ends(m, me, 0)
    set_word(m, READER, first)
    set_word(m, WRITER, second)
    return m.descriptions[first].object


def prepare(run):
    """A thread of a task of its own for each actor, and a pipe; its index."""
    base = run.window.address
    for me in range(run.workers):
        run.words[THREADS + me * LINE] = create_thread(base, 0, create_task(base, 0))
    return make_pipe(base, 0)
