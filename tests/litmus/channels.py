"""Senders and receivers of ports, each on a CPU of its own, all of one task (kernel/ipc/).

Each thread has a page of guest memory for its messages: BASE and its CPU's number.
"""

from emu.abi.errno import EAGAIN, EBADF, EINTR, EPIPE, ETIMEDOUT
from emu.abi.registers import A0
from emu.hot import entry, hot
from emu.kernel.ipc.channel import LOOKS_AGAIN, receive, send
from emu.kernel.ipc.handles import ALL, end_index, find_port, lock_port, unlock_port
from emu.kernel.ipc.port import close_port, create_channel, create_port, drop_channel
from emu.kernel.ipc.ring import append_message, make_room, room_of, space_of
from emu.kernel.ipc.select import select
from emu.kernel.native.ports import SLEEPS, UNIT
from emu.kernel.sched.core import block
from emu.kernel.sched.randomness import random_below
from emu.kernel.sleep.endings import expire, interrupt_sleep
from emu.kernel.sleep.waitqueue import join_natively, wake_queue
from emu.kernel.thread.sleep_word import sleep_word
from emu.kernel.vm.address_space import map_region
from emu.kernel.vm.usercopy import get_word as get_guest
from emu.kernel.vm.usercopy import put_word as put_guest
from emu.limits import PAGE_SIZE
from emu.shm.atomics import exchange
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield
from emu.shm.spinlock import field_address
from emu.testing.crew import (
    LINE,
    OWN,
    STOP,
    add_word,
    dawdle,
    get_word,
    over,
    result,
    set_word,
    spin,
    violation,
)
from tests.litmus import mutexes
from tests.litmus.mutexes import TASK, THREADS, _await_running, _begin

ROUND, PASSED, GOT, SHOWN, WOKEN, ENDED, PORT, CHANNEL, SENT = (OWN + (60 + k) * LINE for k in range(9))
LAST = OWN + 70 * LINE  # a line for each sender
RECEIVER = 0
BASE = 1 << 32
RECEIVES, SELECTS = range(2)
RECORD = 16  # bytes of a message: who sends, and which one it is


def make_threads(window, words, count):
    """A task with a thread for each CPU, and memory."""
    mutexes.make_threads(window, words, count)
    assert map_region(window.address, 0, int(words[TASK]), BASE, count * PAGE_SIZE, 3) == 0


@hot
def _page(me):
    return BASE + me * PAGE_SIZE


@hot
def _clear(m, me):
    exchange(m.cpus[me], "pending", 0)
    m.cpus[me].kicks = 0


@hot
def _thread(m, worker):
    return get_word(m, THREADS + worker * LINE)


@hot
def _open(m, me, unit, limit):
    """A port of the task's and a channel to it, for all to find."""
    task = get_word(m, TASK)
    port = create_port(m, me, task, unit, limit)
    set_word(m, CHANNEL, create_channel(m, me, task, port))
    set_word(m, PORT, port)


# --- nobody sleeps over a message -------------------------------------------------------------------------------------


@hot
def _wait(m, me, i, how):
    """Wait for an empty message: whether the thread sleeps."""
    port = get_word(m, PORT)
    answer = LOOKS_AGAIN
    while answer == LOOKS_AGAIN:
        if how == RECEIVES:
            answer, _, _ = receive(m, me, i, port, 0, 0, 1, -1, 0)
        else:
            answer = select(m, me, i, _page(me), 1, -1)
            if answer == 0:
                answer, _, _ = receive(m, me, i, port, 0, 0, 1, 0, 0)
    return answer == SLEEPS


@hot
def _wait_badly(m, me, i, how):
    """Control: the receiver gives the port's lock back before it joins; the selector looks for no news."""
    task = get_word(m, TASK)
    n = find_port(m, me, get_word(m, PORT), task)
    waiting = m.ports[n].waiting
    if how == SELECTS:
        m.ports[n].selected = 1
    unlock_port(m, me, m.ports[n])
    if waiting != 0:
        return _wait(m, me, i, how)
    join_natively(m, me, i, m.ports[n].queue if how == RECEIVES else m.tasks[task].select_queue, 0)
    return True


@entry(5)
def one_receiver(address, me, workers, count, how):
    """Every second round is the control's."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    _open(m, me, 0, 0)
    put_guest(m, me, get_word(m, TASK), _page(me), get_word(m, PORT))
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 60))  # as the sender does: so that each is now the earlier one
        slept = _wait_badly(m, me, i, how) if done % 2 == 0 else _wait(m, me, i, how)
        while slept and not over(m):
            set_word(m, PASSED, done)
            block(m, me, i)
            if not _await_running(m, me, i):
                break
            set_word(m, PASSED, 0)  # before a sleep is declared again
            slept = _wait(m, me, i, how)
        if slept:
            break
        set_word(m, GOT, done)
        _clear(m, me)
    set_word(m, STOP, 1)
    return 0


@entry(5)
def one_sender(address, me, workers, count, how):
    """A message each round. Who has sent finds a receiver that is awake, or about to be, or has the message."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    other = _thread(m, RECEIVER)
    done = 0
    while done < count and not over(m):
        done += 1
        spins = 0
        while get_word(m, ROUND) != done and not over(m):
            spins = spin(spins)
        if over(m):
            break
        dawdle(random_below(m, me, 60))
        if send(m, me, i, get_word(m, CHANNEL), 0, 0, 1) != 1:
            violation(m)
        p = m.ports[end_index(get_word(m, PORT))]
        spins = 0
        while get_word(m, GOT) != done and not over(m):
            word = sleep_word(m.threads[other])
            if get_word(m, PASSED) == done and word != 0 and get_word(m, GOT) != done:
                if done % 2 != 0:
                    violation(m)
                add_word(m, SHOWN, 1)
                wake_queue(m, me, p.queue if how == RECEIVES else m.tasks[get_word(m, TASK)].select_queue, ALL)
            spins = spin(spins)
        _clear(m, me)
    return 0


# --- several senders and receivers, and sleeps that others end --------------------------------------------------------


@hot
def _take_records(m, me, n):
    """Look at the records received: of each sender each comes once, and one receiver sees them in order."""
    task = get_word(m, TASK)
    for k in range(n):
        error, sender = get_guest(m, me, task, _page(me) + k * RECORD)
        error, number = get_guest(m, me, task, _page(me) + k * RECORD + 8)
        if error < 0 or sender < 0 or sender >= 64:
            violation(m)
            return
        if number <= get_word(m, LAST + (me * 8 + sender) * LINE):
            violation(m)
        set_word(m, LAST + (me * 8 + sender) * LINE, number)
        add_word(m, GOT, 1)


@entry(4)
def receiver(address, me, workers, count):
    """One or more of these receive what all senders send, whatever ends their sleeps."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    x = m.threads[i].x
    if me == RECEIVER:
        _open(m, me, RECORD, 0)
    spins = 0
    while get_word(m, PORT) == 0 and not over(m):
        spins = spin(spins)
    while get_word(m, GOT) < count and not over(m):
        most = 1 + random_below(m, me, 20)
        answer, _, taken = receive(m, me, i, get_word(m, PORT), _page(me), UNIT, most, -1, 0)
        if answer >= 0 and answer != taken * RECORD:
            violation(m)
        if answer > 0:
            _take_records(m, me, taken)
            result(m, me, get_word(m, GOT))
        elif answer == SLEEPS:
            block(m, me, i)
            if not _await_running(m, me, i):
                break
            if m.threads[i].restart == 0:
                if x[A0] != -EINTR and x[A0] != -ETIMEDOUT:
                    violation(m)
                add_word(m, ENDED, 1)
            else:
                add_word(m, WOKEN, 1)
        elif answer != LOOKS_AGAIN:
            violation(m)
        _clear(m, me)
    set_word(m, STOP, 1)
    return 0


@entry(4)
def sender(address, me, workers, count):
    m = machine_at(address)
    i = _begin(m, me, workers)
    task = get_word(m, TASK)
    spins = 0
    while get_word(m, PORT) == 0 and not over(m):
        spins = spin(spins)
    done = 0
    while done < count and not over(m):
        n = min(count - done, 1 + random_below(m, me, 8))
        for k in range(n):
            put_guest(m, me, task, _page(me) + k * RECORD, me)
            put_guest(m, me, task, _page(me) + k * RECORD + 8, done + k + 1)
        answer = send(m, me, i, get_word(m, CHANNEL), _page(me), UNIT, n)
        if answer > 0:
            done += answer
            add_word(m, SENT, answer)
        elif answer == -EAGAIN:
            host_yield()
        elif not over(m):
            violation(m)
        if random_below(m, me, 4) == 0:
            dawdle(random_below(m, me, 200))  # so that receivers sleep now and then
        _clear(m, me)
    return 0


@entry(4)
def meddler(address, me, workers, count):
    """Ends the receivers' sleeps as time-outs and signals do."""
    m = machine_at(address)
    _begin(m, me, workers)
    while not over(m):
        other = _thread(m, random_below(m, me, workers - 1))
        word = sleep_word(m.threads[other])
        if word != 0 and random_below(m, me, 2) == 0:
            expire(m, me, other, word)
        elif word != 0:
            interrupt_sleep(m, me, other)
        dawdle(random_below(m, me, 2000))
        _clear(m, me)
    return 0


# --- ports that go while others send to them --------------------------------------------------------------------------


@entry(5)
def owner(address, me, workers, count, bad):
    """One port after the other has the same record; each finds messages for itself alone."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    task = get_word(m, TASK)
    life = 0
    while life < count and not over(m):
        life += 1
        result(m, me, life)
        set_word(m, ROUND, life)
        _open(m, me, 0, 0)
        port, channel = get_word(m, PORT), get_word(m, CHANNEL)
        for _ in range(10):
            dawdle(20)
            size = 8
            while size == 8:
                size, _, _ = receive(m, me, i, port, _page(me), 8, 1, 0, 0)
                error, text = get_guest(m, me, task, _page(me))
                if size == 8 and (error < 0 or text != life):
                    violation(m)
                add_word(m, GOT, 1 if size == 8 else 0)
        closes_first = random_below(m, me, 2)
        if closes_first and close_port(m, me, task, port) != 0:
            violation(m)
        if drop_channel(m, me, task, channel) != 0:
            violation(m)
        if not closes_first and close_port(m, me, task, port) != 0:
            violation(m)
    set_word(m, STOP, 1)
    return 0


@hot
def _send_to_index(m, me, n, life):
    """Control: a sender that keeps the port's index alone."""
    p = m.ports[n]
    c = m.cpus[me]
    lock_port(m, me, p)
    if p.owner != 0 and room_of(p) >= space_of(8) and make_room(m, me, p, space_of(8)):
        c.message[0] = life
        append_message(m, p, field_address(c, "message"), 8)
    unlock_port(m, me, p)


@entry(5)
def old_friend(address, me, workers, count, bad):
    """Sends to the ports by the channel's number, and clones it now and then."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    task = get_word(m, TASK)
    while not over(m):
        life = get_word(m, ROUND)
        channel = get_word(m, CHANNEL)
        if life == 0 or channel == 0 or get_word(m, ROUND) != life:
            continue
        put_guest(m, me, task, _page(me), life)
        if bad:
            _send_to_index(m, me, end_index(get_word(m, PORT)), life)
            continue
        clone = create_channel(m, me, task, channel) if random_below(m, me, 8) == 0 else 0
        answer = send(m, me, i, clone if clone > 0 else channel, _page(me), 8, 1)
        if answer != 1 and answer != -EBADF and answer != -EPIPE and answer != -EAGAIN:
            violation(m)
        if clone > 0 and (answer == -EBADF or drop_channel(m, me, task, clone) != 0):
            violation(m)
        _clear(m, me)
    return 0
