"""Senders of interrupts and one target that parks, over real ZeroMQ messages."""

import time

from emu.actor.mail import Mail
from emu.actor.prepare import pin
from emu.hot import entry, hot
from emu.kernel.ipi import MESSAGE_COMING, PARKED, begin_park, end_park, post, take_kicks, take_pending
from emu.kernel.sched.randomness import random_below
from emu.limits import IPI_CALL
from emu.shm.atomics import compare_exchange, exchange, fetch_or, load_seq_cst
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield, monotonic_ns
from emu.testing.crew import DONE, LINE, OWN, RESULTS, add_word, dawdle, get_word, over, set_word, violation

TARGET = 0
ASKED, ANSWERED, ROUNDS = OWN, OWN + 64 * LINE, OWN + 128 * LINE  # a line for each sender
GIVE_UP_NS = 1_000_000_000  # a control's interrupt that is not answered so long is lost
PATIENCE_NS = 4_000_000_000  # and otherwise, whatever else the host does
END_S = 6  # the target looks up this often, whether the run is over


@entry(2)
def answer_all(address, workers):
    """The target has seen its interrupt: what was asked before it is answered."""
    m = machine_at(address)
    for sender in range(1, workers):
        set_word(m, ANSWERED + sender * LINE, get_word(m, ASKED + sender * LINE))
    return 0


@entry(2)
def is_over(address, workers):
    m = machine_at(address)
    return 1 if over(m) or get_word(m, DONE) == workers - 1 else 0


@entry(3)
def ask(address, me, number):
    """At once or after a random time, so that the target is met in all stages of parking."""
    m = machine_at(address)
    if number % 4 != 0:
        dawdle(random_below(m, me, 100 if number % 4 == 1 else 2000))
    set_word(m, ASKED + me * LINE, number)
    return 0


@entry(4)
def await_answer(address, me, number, patience_ns):
    """1 when the target answered; 0 when the run is over, or it did not in time, which is a violation."""
    m = machine_at(address)
    give_up_ns = monotonic_ns() + patience_ns
    while get_word(m, ANSWERED + me * LINE) != number:
        host_yield()
        if over(m):
            return 0
        if monotonic_ns() > give_up_ns:
            violation(m)
            return 0
    return 1


@hot
def _check_then_park(m, me):
    """Control: pending is looked at before `parked` is set, and not after."""
    if load_seq_cst(m.cpus[me], "pending") != 0:
        return 1
    dawdle(400)
    host_yield()  # also where both share a core
    exchange(m.cpus[me], "parked", PARKED)
    return 0


@entry(2)
def begin_park_badly(address, me):
    return _check_then_park(machine_at(address), me)


@entry(4)
def post_badly(address, me, target, vector):
    """Control: `parked` is looked at before the bit is set."""
    m = machine_at(address)
    t = m.cpus[target]
    parked = load_seq_cst(t, "parked")
    dawdle(3000)
    host_yield()  # also where both share a core
    fetch_or(t, "pending", vector)
    if parked == PARKED and compare_exchange(t, "parked", PARKED, MESSAGE_COMING):
        m.cpus[me].kicked[0] = target
        m.cpus[me].kicks = 1
    return take_kicks(m, me)


def _target(window, me, workers, directory, park):
    base, mail, consumed = window.address, Mail(directory, me, window.machine), 0
    pin(me, True)  # not ZeroMQ's own thread, which runs already
    try:
        while not is_over(base, workers):
            if take_pending(base, me):
                answer_all(base, workers)
                continue
            state = park(base, me)
            if state == 1:
                continue
            took = mail.sleep(time.monotonic_ns() + END_S * 1_000_000_000)
            consumed += took
            if end_park(base, me, int(took)):
                consumed += mail.sleep()
                end_park(base, me, 1)
        window.memory(0, 64).view("i8")[RESULTS + me * LINE] = consumed
    finally:
        mail.close()


def target(window, me, workers, directory, rounds):
    _target(window, me, workers, directory, begin_park)


def bad_target(window, me, workers, directory, rounds):
    _target(window, me, workers, directory, begin_park_badly)


def _sender(window, me, workers, directory, rounds, send, patience_ns):
    base, mail, sent = window.address, Mail(directory, me, window.machine), 0
    words = window.memory(0, 64).view("i8")
    pin(me, True)
    try:
        for number in range(1, rounds + 1):
            ask(base, me, number)
            kicks = send(base, me, TARGET, IPI_CALL)
            sent += kicks
            mail.wake(kicks)
            if not await_answer(base, me, number, patience_ns):
                break
            words[RESULTS + me * LINE], words[ROUNDS + me * LINE] = sent, number
        words[RESULTS + me * LINE] = sent + _leave(base, me, mail)
    finally:
        mail.close()


@entry(1)
def count_done(address):
    return add_word(machine_at(address), DONE, 1)


def _leave(base, me, mail):
    """Say that this sender is done, and tell the target, which may be asleep."""
    count_done(base)
    kicks = post(base, me, TARGET, IPI_CALL)
    mail.wake(kicks)
    return kicks


def sender(window, me, workers, directory, rounds):
    _sender(window, me, workers, directory, rounds, post, PATIENCE_NS)


def impatient_sender(window, me, workers, directory, rounds):
    """For controls: with the ordinary `post`, but it notices when it is not answered."""
    _sender(window, me, workers, directory, rounds, post, GIVE_UP_NS)


def bad_sender(window, me, workers, directory, rounds):
    _sender(window, me, workers, directory, rounds, post_badly, GIVE_UP_NS)
