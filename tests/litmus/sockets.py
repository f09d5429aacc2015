"""Sockets between actors: who takes a reference while another drops the last, who writes while another closes, and who
reads while the server writes something with which files travel."""

from emu.abi.errno import EAGAIN, ECONNRESET, EPIPE
from emu.hot import entry, hot
from emu.kernel.files.descriptions import FILE_FREE, drop_description
from emu.kernel.files.pipe import (
    AT_MARK,
    SERVES,
    begin_writing,
    close_end,
    end_writing,
    finish_pipe,
    lock_pipe,
    unlock_pipe,
)
from emu.kernel.files.pipe_io import THE_SERVER, read_pipe, write_marked, write_pipe
from emu.kernel.files.socket_ends import DATAGRAM
from emu.kernel.files.sockets import hold_if_open, new_socket, new_socket_pair
from emu.kernel.sched.randomness import random_below
from emu.shm.atomics import fetch_add, load_relaxed
from emu.shm.layout import machine_at
from emu.shm.memory import load_64, store_64
from emu.testing.crew import (
    LINE,
    OWN,
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

ONE, OTHER, TAKEN = (OWN + k * LINE for k in range(3))
BUFFERS = 4096  # 8 words for each actor


# --- a reference, while another drops the last ------------------------------------------------------------------------


@hot
def _hold_badly(m, me, f):
    """Control: the count is looked at, and raised afterwards."""
    if load_relaxed(f, "references") <= 0:
        return False
    dawdle(random_below(m, me, 8))
    fetch_add(f, "references", 1)
    return True


@entry(5)
def holder(address, me, workers, count, bad):
    """Actor 0 opens a socket in each round and closes it; the others use it where they find it open."""
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        done += 1
        if me == 0:
            set_word(m, ONE, new_socket(m, me, 0, DATAGRAM, 1))
        if not meet(m, workers):
            break
        d = get_word(m, ONE)
        f = m.descriptions[d]
        dawdle(random_below(m, me, 8))
        if me == 0:
            drop_description(m, me, d)
        elif _hold_badly(m, me, f) if bad else hold_if_open(f):
            dawdle(random_below(m, me, 24))
            if f.kind == FILE_FREE or m.pipes[f.object].readers != 1:
                violation(m)
            elif not bad:
                drop_description(m, me, d)
        result(m, me, done)
        if not meet(m, workers):
            break
    return 0


# --- a write, while the peer closes -----------------------------------------------------------------------------------


@hot
def _close_badly(m, me, f):
    """Control: it is looked for unread bytes while the other can still write."""
    p = m.pipes[f.object]
    unread = p.tail != p.head
    dawdle(random_below(m, me, 8))
    close_end(m, me, f.object, 1, 0)
    if unread:
        finish_pipe(m, me, f.output, 0, ECONNRESET)
    close_end(m, me, f.output, 0, 1)


@entry(5)
def closer(address, me, workers, count, bad):
    """Actor 1 closes its socket without reading, while actor 0 writes: a write that succeeded is told of the reset."""
    m = machine_at(address)
    host = word_at(m, BUFFERS + me * 8)
    done = 0
    while done < count and not over(m):
        done += 1
        if me == 0:
            one, other = new_socket_pair(m, me, 0, 0)
            set_word(m, ONE, one)
            set_word(m, OTHER, other)
        if not meet(m, workers):
            break
        one = get_word(m, ONE)
        f = m.descriptions[one]
        dawdle(random_below(m, me, 12))
        written = 0
        if me == 0:
            n, error = write_pipe(m, me, THE_SERVER, m.pipes[f.output], THE_SERVER, host, 0, 8, 0, True, False)
            written = n
            if n != 8 and error != -EPIPE:
                violation(m)
        elif bad:
            _close_badly(m, me, m.descriptions[get_word(m, OTHER)])
        else:
            drop_description(m, me, get_word(m, OTHER))
        m.cpus[me].kicks = 0
        if not meet(m, workers):
            break
        if me == 0:
            n = read_pipe(m, me, THE_SERVER, m.pipes[f.object], THE_SERVER, host, 0, 8, False)
            if n != (-ECONNRESET if written else 0):
                violation(m)
            drop_description(m, me, one)
        result(m, me, done)
    return 0


# --- bytes with which something travels -------------------------------------------------------------------------------


@hot
def _write_badly(m, me, p, host):
    """Control: the byte can be read before it is marked."""
    n = begin_writing(m, me, THE_SERVER, p, 8, True, False, 0)
    if n < 0:
        return n
    end_writing(m, me, p, 0)
    n, error = write_pipe(m, me, THE_SERVER, p, THE_SERVER, host, 0, 8, 0, True, False)
    dawdle(random_below(m, me, 4))
    lock_pipe(m, me, p)
    p.mark = p.tail - 7
    unlock_pipe(m, me, p)
    return n


@hot
def _write_word(m, me, p, host, word, bad):
    store_64(host, word)
    n = -EAGAIN
    spins = 0
    while n == -EAGAIN and not over(m):
        if word == 0:
            n, error = write_pipe(m, me, THE_SERVER, p, THE_SERVER, host, 0, 8, 0, True, False)
        elif bad:
            n, error = _write_badly(m, me, p, host), 0
        else:
            n, error = write_marked(m, me, p, host, 8)
        n = error if error < 0 else n
        spins = spin(spins)


@entry(5)
def marker(address, me, workers, count, bad):
    """Actor 0 writes words, the odd ones with something that travels; actor 1 reads them and must stop at those."""
    m = machine_at(address)
    host = word_at(m, BUFFERS + me * 8)
    if me == 0:
        one, other = new_socket_pair(m, me, 0, 0)
        set_word(m, ONE, one)
        set_word(m, OTHER, other)
    meet(m, workers)
    p = m.pipes[m.descriptions[get_word(m, ONE)].output]
    done = 0
    while done < count and not over(m):
        done += 1
        if me == 0:
            for _ in range(random_below(m, me, 3)):
                _write_word(m, me, p, host, 0, bad)
            _write_word(m, me, p, host, 1, bad)
            spins = 0
            while get_word(m, TAKEN) != done and not over(m):
                spins = spin(spins)
        else:
            n = 0
            spins = 0
            while n != SERVES and not over(m):
                n = read_pipe(m, me, THE_SERVER, p, THE_SERVER, host, 0, 8, False)
                if n == 8 and load_64(host) != 0:
                    violation(m)  # what travels would have been lost
                spins = spin(spins)
            if not over(m) and (read_pipe(m, me, AT_MARK, p, THE_SERVER, host, 0, 8, False) != 8 or load_64(host) != 1):
                violation(m)
            lock_pipe(m, me, p)
            p.mark = 0
            unlock_pipe(m, me, p)
            set_word(m, TAKEN, done)
        m.cpus[me].kicks = 0
        result(m, me, done)
    return 0
