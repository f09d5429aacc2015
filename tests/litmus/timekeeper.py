"""Sleepers with time-outs, wakers, and a process that plays the timekeeper, all on one bare machine."""

from emu.abi.errno import ETIMEDOUT
from emu.hot import entry, hot
from emu.kernel.sched.core import block
from emu.kernel.sched.randomness import random_below
from emu.kernel.sleep.endings import finish
from emu.kernel.sleep.heap import NEVER, compact, is_fragmented, next_deadline, remove_first
from emu.kernel.sleep.timeout_ring import nr_waiting, post, stay_awake, write_message
from emu.kernel.sleep.until import clear_timeout, set_infinite_timeout, set_timeout
from emu.kernel.thread.sleep_word import SLEEP_CLAIMED, SLEEP_SERVED
from emu.kernel.thread.states import SLEEP_TIME, SLEEP_TIMED
from emu.kernel.timekeeper import expire_due, go_to_sleep, take_messages
from emu.limits import IPI_TIMER, TIMEKEEPER
from emu.shm.atomics import exchange, load_relaxed, load_seq_cst, store_relaxed, store_release
from emu.shm.layout import machine_at
from emu.shm.memory import monotonic_ns
from emu.shm.spinlock import acquire, release
from emu.testing.crew import (
    DONE,
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
from tests.litmus.sleeps import THREAD, become_the_sleeper, load_a0, wait_until_picked

LOCK, WAITING, CLEARED, EXPIRED, WON = (OWN + k * LINE for k in range(8, 13))
SLEEPS = OWN + 64 * LINE  # a sleep word for each sender
RANK = 5  # of LOCK: below the kernel's
FAR = 1 << 60
PATIENCE_NS = 4_000_000_000  # whatever else the host does
GIVE_UP_NS = 300_000_000  # a control's time-out that takes longer is lost


# --- set_timeout against clear_timeout ---------------------------------------------------------


@hot
def _sleep_under_lock(m, me, workers, count, timed, bad):
    i = become_the_sleeper(m, me)
    lock = word_at(m, LOCK)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        acquire(m, me, lock, RANK)
        set_word(m, WAITING, 1)
        mine = lock
        if bad:  # control: the lock is released before the sleep is recorded
            release(m, me, lock)
            dawdle(random_below(m, me, 4))
            mine = 0
        if timed:
            set_timeout(m, me, i, FAR, False, mine)
        else:
            set_infinite_timeout(m, me, i, mine)
        if block(m, me, i) and not wait_until_picked(m, me, i):
            break
        if load_a0(m, i) != 0:
            violation(m)
        done += 1
        result(m, me, done)
    set_word(m, DONE, 1)


@entry(4)
def sleeper(address, me, workers, count):
    _sleep_under_lock(machine_at(address), me, workers, count, False, False)
    return 0


@entry(4)
def timed_sleeper(address, me, workers, count):
    _sleep_under_lock(machine_at(address), me, workers, count, True, False)
    return 0


@entry(4)
def bad_sleeper(address, me, workers, count):
    _sleep_under_lock(machine_at(address), me, workers, count, False, True)
    return 0


@entry(4)
def waker_under_lock(address, me, workers, count):
    """Who finds the note finds the sleeper: clear_timeout wakes it."""
    m = machine_at(address)
    lock = word_at(m, LOCK)
    meet(m, workers)
    i = get_word(m, THREAD)
    spins = 0
    while get_word(m, DONE) == 0 and not over(m):
        if get_word(m, WAITING) == 0:
            spins = spin(spins)
            continue
        spins = 0
        acquire(m, me, lock, RANK)
        if get_word(m, WAITING) != 0:
            set_word(m, WAITING, 0)
            if not clear_timeout(m, me, i):
                violation(m)  # it sleeps for ever
        release(m, me, lock)
    return 0


# --- a time-out against a wake-up ------------------------------------------------------------------


@entry(4)
def short_sleeper(address, me, workers, count):
    """Sleeps that end at about the time that the waker comes; the result says which of the two it was."""
    m = machine_at(address)
    i = become_the_sleeper(m, me)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        set_timeout(m, me, i, monotonic_ns() + random_below(m, me, 2048), True, 0)
        if block(m, me, i) and not wait_until_picked(m, me, i):
            break
        a0 = load_a0(m, i)
        if a0 == 0:
            add_word(m, CLEARED, 1)
        elif a0 == -ETIMEDOUT:
            add_word(m, EXPIRED, 1)
        else:
            violation(m)
        done += 1
        result(m, me, done)
    set_word(m, DONE, 1)
    return 0


@hot
def _count_win(m, i):
    if add_word(m, WON, 1) >= m.threads[i].sleep_sequence:
        violation(m)


@entry(4)
def waker(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    i = get_word(m, THREAD)
    cleared = 0
    while get_word(m, DONE) == 0 and not over(m):
        if clear_timeout(m, me, i):
            cleared += 1
            _count_win(m, i)
        dawdle(random_below(m, me, 64))
    result(m, me, cleared)
    return 0


@entry(4)
def keeper(address, me, workers, count):
    """The timekeeper's turns, by a CPU that never sleeps; until the sleeper is done, who may wait for room."""
    m = machine_at(address)
    meet(m, workers)
    while get_word(m, DONE) == 0:
        before = m.timeouts_expired
        if take_messages(m) + expire_due(m, me) == 0:
            dawdle(4)
        for _ in range(m.timeouts_expired - before):
            _count_win(m, get_word(m, THREAD))
        if is_fragmented(m):
            compact(m)
    result(m, me, m.timeouts_expired)
    return 0


@entry(4)
def bad_keeper(address, me, workers, count):
    """Control: a time-out that looks at the sleep word and then stores."""
    m = machine_at(address)
    meet(m, workers)
    i = get_word(m, THREAD)
    t = m.threads[i]
    while get_word(m, DONE) == 0:
        take_messages(m)
        if next_deadline(m) <= monotonic_ns():
            word = m.timeouts[0].word
            remove_first(m)
            if load_seq_cst(t, "sleep") == word:
                dawdle(20)
                store_relaxed(t, "sleep", SLEEP_SERVED)
                _count_win(m, i)
                finish(m, me, i, -ETIMEDOUT)
    return 0


# --- an earlier deadline while the timekeeper goes to sleep --------------------------------------------


@hot
def _go_to_sleep_badly(m):
    """Control: looks at the rings, then says what it sleeps for, and does not look again."""
    for actor in range(m.nr_cpus):
        if nr_waiting(m, actor) > 0:
            return False
    dawdle(4)
    exchange(m, "sleeps_until_ns", NEVER)
    return True


@hot
def _sleep_and_expire(m, me, workers, bad):
    """The timekeeper, which polls its interrupts instead of a socket: it hears what would be a message."""
    c = m.cpus[TIMEKEEPER]
    meet(m, workers)
    slept = 0
    while get_word(m, DONE) < workers - 1 and not over(m):
        result(m, me, slept)
        if take_messages(m) + expire_due(m, TIMEKEEPER) > 0:
            continue
        if (bad and _go_to_sleep_badly(m)) or (not bad and go_to_sleep(m, TIMEKEEPER, NEVER)):
            slept += 1
            spins = 0
            while load_seq_cst(c, "pending") == 0 and get_word(m, DONE) < workers - 1 and not over(m):
                spins = spin(spins)
            exchange(c, "parked", 0)
        stay_awake(m)
        exchange(c, "pending", 0)
    result(m, me, slept)


@entry(4)
def sleeping_keeper(address, me, workers, count):
    m = machine_at(address)
    _sleep_and_expire(m, me, workers, False)
    return 0


@entry(4)
def bad_sleeping_keeper(address, me, workers, count):
    _sleep_and_expire(machine_at(address), me, workers, True)
    return 0


@hot
def _post_without_fence(m, me, deadline_ns, where, word):
    """Control: the read of what the timekeeper sleeps for may come before the message is seen."""
    ring = m.timeout_rings[me]
    head = ring.head
    write_message(ring, head, deadline_ns, where, word, -1)
    store_release(ring, "head", head + 1)
    if deadline_ns < load_relaxed(m, "sleeps_until_ns"):
        exchange(m.cpus[TIMEKEEPER], "pending", IPI_TIMER)


@hot
def _post_and_wait(m, me, workers, count, patience_ns, fenced):
    """Time-outs whose time has come: the timekeeper, asleep or not, must end each at once."""
    meet(m, workers)
    where = word_at(m, SLEEPS + me * LINE)
    done = 0
    while done < count and not over(m):
        word = (done + 1) << 8 | SLEEP_TIME | SLEEP_TIMED
        set_word(m, SLEEPS + me * LINE, word)
        dawdle(random_below(m, me, 16))
        if fenced:
            post(m, me, 1, where, word, -1)
        else:
            _post_without_fence(m, me, 1, where, word)
        give_up_ns = monotonic_ns() + patience_ns
        spins = 0
        while get_word(m, SLEEPS + me * LINE) != SLEEP_CLAIMED and not over(m):
            spins = spin(spins)
            if spins > 200 and monotonic_ns() > give_up_ns:
                violation(m)
        done += 1
        result(m, me, done)
    add_word(m, DONE, 1)


@entry(4)
def sender(address, me, workers, count):
    _post_and_wait(machine_at(address), me, workers, count, PATIENCE_NS, True)
    return 0


@entry(4)
def impatient_sender(address, me, workers, count):
    """For the control of the timekeeper: an ordinary sender that soon says when it is not heard."""
    _post_and_wait(machine_at(address), me, workers, count, GIVE_UP_NS, True)
    return 0


@entry(4)
def unfenced_sender(address, me, workers, count):
    _post_and_wait(machine_at(address), me, workers, count, GIVE_UP_NS, False)
    return 0
