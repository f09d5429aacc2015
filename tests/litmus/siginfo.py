"""Actors that queue real-time signals for threads, which take them: each is taken once, in its sender's order.

The threads are of tasks of their own, whose records come from one pool.  The value of a signal is (sender, count).  A
taker sleeps when no bit is set, so a bit that is lost leaves it asleep with signals in its queue.  (That a sleeper
looks once more before it sleeps: blocking.py.)
"""

from emu.hot import entry, hot
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import start_thread
from emu.kernel.sleep.endings import interrupt_sleep
from emu.kernel.task.records import create_task
from emu.kernel.task.siginfo import SI_QUEUE, _allocate, _append, siginfo, take
from emu.kernel.task.signals import signal_thread, take_signal
from emu.kernel.thread.pending import signal_waits
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.sleep_word import prepare_sleep
from emu.kernel.thread.states import RUNNING, SLEEP_TIME, state_of
from emu.shm.atomics import fetch_or
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.layout import machine_at
from emu.shm.memory import copy_bytes, monotonic_ns
from emu.shm.spinlock import field_address
from emu.testing.crew import DONE, LINE, OWN, add_word, dawdle, get_word, meet, over, result, set_word, spin, violation

TAKERS = OWN  # how many; the other actors send
THREAD = OWN + LINE  # a line for each taker
LAST = OWN + 8 * LINE  # a line for each taker and sender: the last count that was taken
SENDERS = 8  # at most
NUMBERS = 4  # real-time signals in use, from FIRST
FIRST = 40
LOST_NS = 300_000_000
EAGAIN = 11
GOOD, UNLOCKED_TAKE, UNLOCKED_POST = range(3)


@hot
def _take_unlocked(m, me, i):
    """Control: the taker does not take the lock."""
    return take(m, me, m.threads[i].task, m.threads[i], -1)


_take = hot(take_signal.function)


@hot
def last_of(taker, sender):
    """Where the last count stands that a taker took of a sender's."""
    return LAST + (taker * SENDERS + sender) * LINE


@hot
def _note(m, me):
    """What was taken must be the next of its sender."""
    value = m.cpus[me].siginfo[3]
    sender, count = value >> 32, value & 0xFFFFFFFF
    if sender < 1 or sender >= SENDERS:
        violation(m)
        return
    at = last_of(me, sender)
    if count != get_word(m, at) + 1:
        violation(m)
        return
    set_word(m, at, count)


@hot
def _sleep(m, me, i):
    """Until a signal is there; False when the run is over first."""
    t = m.threads[i]
    prepare_sleep(t, SLEEP_TIME)
    if signal_waits(m, t):
        interrupt_sleep(m, me, i)
    block(m, me, i)
    spins = 0
    while state_of(t) != RUNNING and pick_next(m, me) != i:
        spins = spin(spins)
        if over(m):
            return False
    return True


@hot
def _receive(m, address, me, workers, count, kind):
    i = get_word(m, THREAD + me * LINE)
    t = m.threads[i]
    store_mask(t, "affinity", mask_of(me))
    start_thread(m, me, i)
    pick_next(m, me)
    meet(m, workers)
    senders = workers - get_word(m, TAKERS)
    left = count * senders
    slept = 0
    idle_ns = monotonic_ns()
    while left > 0 and not over(m):
        m.cpus[me].pending = 0
        number = _take_unlocked(m, me, i) if kind == UNLOCKED_TAKE else _take(address, me, i, -1)
        if number != 0:
            _note(m, me)
            left -= 1
            idle_ns = monotonic_ns()
        elif kind == UNLOCKED_TAKE or kind == UNLOCKED_POST:
            if get_word(m, DONE) == senders and monotonic_ns() > idle_ns + LOST_NS:
                violation(m)  # everything was sent, no bit is set, and not everything has come
        else:
            slept += 1
            result(m, me, slept)
            if not _sleep(m, me, i):
                break


@hot
def _post_unlocked(m, me, i, number):
    """Control: a record is appended and the bit set without the lock."""
    t = m.threads[i]
    record = _allocate(m, me, t.task, False)
    if record == 0:
        return -EAGAIN
    copy_bytes(field_address(m.siginfos[record - 1], "words"), field_address(m.cpus[me], "siginfo"), 56)
    _append(m, t, record)
    fetch_or(t, "signals", 1 << (number - 1))
    return 0


@hot
def _send_all(m, me, workers, count, kind):
    """The same number of signals to each taker, in turn."""
    meet(m, workers)
    takers = get_word(m, TAKERS)
    done = 0
    spins = 0
    while done < count * takers and not over(m):
        i = get_word(m, THREAD + done % takers * LINE)
        number = FIRST + me % NUMBERS
        siginfo(m, me, number, SI_QUEUE, 0, (me << 32) | (done // takers + 1))
        sent = _post_unlocked(m, me, i, number) if kind == UNLOCKED_POST else signal_thread(m, me, i, number)
        if sent == 0:
            done += 1
            result(m, me, done // takers)
            spins = 0
            dawdle(random_below(m, me, 8))
        else:
            spins = spin(spins)  # the task's share of records is used up
        m.cpus[me].kicks = 0
    add_word(m, DONE, 1)


@entry(5)
def taker(address, me, workers, count, kind):
    _receive(machine_at(address), address, me, workers, count, kind)
    return 0


@entry(5)
def sender(address, me, workers, count, kind):
    _send_all(machine_at(address), me, workers, count, kind)
    return 0


def make_taker(window):
    """A thread of a task of its own; its index."""
    task = create_task(window.address, 0)
    return create_thread(window.address, 0, task)
