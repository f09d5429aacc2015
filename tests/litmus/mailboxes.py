"""Senders and the receiver of one mailbox, each on a CPU of its own (kernel/ipc/mailbox.py)."""

from emu.abi.errno import EAGAIN, EINTR, ETIMEDOUT
from emu.abi.registers import A0
from emu.hot import entry, hot
from emu.kernel.ipc.mailbox import (
    SLEEPS,
    _look,
    _put,
    close_mailbox,
    lock_mailbox,
    receive_message,
    send_message,
    unlock_mailbox,
)
from emu.kernel.sched.core import block
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import make_runnable
from emu.kernel.sleep.endings import expire, interrupt_sleep
from emu.kernel.thread.handles import tid_of
from emu.kernel.thread.sleep_word import claim, prepare_sleep, sleep_word
from emu.kernel.thread.states import RESTART_WOKEN, SLEEP_MAIL
from emu.shm.atomics import exchange, load_acquire, load_seq_cst, store_release
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield
from emu.testing.crew import (
    LINE,
    OWN,
    STOP,
    add_word,
    dawdle,
    get_word,
    over,
    prepare_slow_stores,
    result,
    set_word,
    slow_store,
    spin,
    violation,
)
from tests.litmus.mutexes import THREADS, _await_running, _begin

ROUND, PASSED, GOT, SHOWN, WOKEN, ENDED, SENT, EARLY = (OWN + (40 + k) * LINE for k in range(8))
RECEIVER = 0


@hot
def _thread(m, worker):
    return get_word(m, THREADS + worker * LINE)


@hot
def _clear(m, me):
    exchange(m.cpus[me], "pending", 0)
    m.cpus[me].kicks = 0


# --- nobody sleeps over a message -------------------------------------------------------------------------------------


@hot
def _sleep_at_once(m, i):
    """Control: a receiver that has looked at the count, and does not look again once its sleep is declared."""
    if m.mailboxes[i].known == 0:
        _look(m.mailboxes[i])
    if m.mailboxes[i].known != 0:
        return False
    m.threads[i].restart = RESTART_WOKEN
    prepare_sleep(m.threads[i], SLEEP_MAIL)
    return True


@hot
def _is_receivers(number):
    return number % 4 == 0


@hot
def _is_senders(number):
    return number % 4 == 2


@hot
def _send_early(m, me, i, n):
    """Control: a sender that has read the sleep word before its message is in place."""
    b = m.mailboxes[n]
    lock_mailbox(m, me, b)
    word = sleep_word(m.threads[n])
    _put(m, me, i, b, b.tid, tid_of(m, i))
    unlock_mailbox(m, me, b)
    if word != 0 and claim(m.threads[n], word):
        make_runnable(m, me, n)
    return 0


@entry(4)
def one_receiver(address, me, workers, count):
    """Every fourth round is this one's control, every fourth the sender's."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    t = m.threads[i]
    prepare_slow_stores(m)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        set_word(m, ROUND, done)
        slow_store(
            m, done
        )  # the sleep word comes after it, so that the count is read early where nothing prevents that
        slept = _is_receivers(done) and _sleep_at_once(m, i)
        if not slept:
            slept = receive_message(m, me, i, -1) == SLEEPS
        while slept and not over(m):
            set_word(m, PASSED, done)
            block(m, me, i)
            if not _await_running(m, me, i):
                break
            set_word(m, PASSED, 0)  # before a sleep is declared again
            slept = receive_message(m, me, i, -1) == SLEEPS
        if slept:
            break
        if t.x[A0 + 1] != done:
            violation(m)
        set_word(m, GOT, done)
        _clear(m, me)
    set_word(m, STOP, 1)
    return 0


@entry(4)
def one_sender(address, me, workers, count):
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
        m.threads[i].x[A0 + 1] = done
        sent = _send_early(m, me, i, other) if _is_senders(done) else send_message(m, me, i, tid_of(m, other))
        if sent != 0:
            violation(m)
        spins = 0
        while get_word(m, GOT) != done and not over(m):
            word = sleep_word(m.threads[other])
            if get_word(m, PASSED) == done and word != 0 and get_word(m, GOT) != done:
                if _is_senders(done):
                    add_word(m, EARLY, 1)
                elif _is_receivers(done):
                    add_word(m, SHOWN, 1)
                else:
                    violation(m)
                if claim(m.threads[other], word):
                    make_runnable(m, me, other)
            spins = spin(spins)
        _clear(m, me)
    return 0


# --- several senders, and sleeps that others end ----------------------------------------------------------------------


@entry(4)
def receiver(address, me, workers, count):
    """Each sender's messages come whole, each once, in order, whatever ends the sleeps meanwhile."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    x = m.threads[i].x
    done = 0
    while done < count and not over(m):
        answer = receive_message(m, me, i, -1)
        if answer == SLEEPS:
            block(m, me, i)
            if not _await_running(m, me, i):
                break
            if m.threads[i].restart == 0:
                if x[A0] != -EINTR and x[A0] != -ETIMEDOUT:
                    violation(m)
                add_word(m, ENDED, 1)
                continue
            m.threads[i].restart = 0
            add_word(m, WOKEN, 1)
            continue  # to make the call again
        sender, number = x[A0 + 1], x[A0 + 2]
        if sender < 1 or sender >= workers or x[A0] != tid_of(m, _thread(m, sender)):
            violation(m)
            break
        expected = get_word(m, GOT + (sender + 8) * LINE) + 1
        if number != expected or x[A0 + 3] != number * sender or x[A0 + 4] != -number:
            violation(m)
        set_word(m, GOT + (sender + 8) * LINE, expected)
        done += 1
        result(m, me, done)
        _clear(m, me)
    set_word(m, STOP, 1)
    return 0


@entry(4)
def sender(address, me, workers, count):
    m = machine_at(address)
    i = _begin(m, me, workers)
    tid = tid_of(m, _thread(m, RECEIVER))
    x = m.threads[i].x
    done = 0
    while done < count and not over(m):
        done += 1
        x[A0 + 1], x[A0 + 2], x[A0 + 3], x[A0 + 4] = me, done, done * me, -done
        answer = send_message(m, me, i, tid)
        while answer == -EAGAIN and not over(m):
            host_yield()
            answer = send_message(m, me, i, tid)
        if answer != 0 and not over(m):
            violation(m)
        if answer == 0:
            add_word(m, SENT, 1)
        if random_below(m, me, 4) == 0:
            dawdle(random_below(m, me, 200))  # so that the receiver sleeps now and then
        _clear(m, me)
    return 0


@entry(4)
def meddler(address, me, workers, count):
    """Ends the receiver's sleeps as time-outs and signals do."""
    m = machine_at(address)
    _begin(m, me, workers)
    other = _thread(m, RECEIVER)
    while not over(m):
        word = sleep_word(m.threads[other])
        if word != 0 and random_below(m, me, 2) == 0:
            expire(m, me, other, word)
        elif word != 0:
            interrupt_sleep(m, me, other)
        dawdle(random_below(m, me, 2000))
        _clear(m, me)
    return 0


# --- records that are used again --------------------------------------------------------------------------------------


@hot
def _send_to_whoever(m, me, i, n):
    """Control: a sender that does not look under the lock whose mailbox it is."""
    b = m.mailboxes[n]
    lock_mailbox(m, me, b)
    if b.tid != 0:
        _put(m, me, i, b, b.tid, b.tid)
    unlock_mailbox(m, me, b)


@entry(5)
def owner(address, me, workers, count, bad):
    """One after the other, threads have this CPU's record and its mailbox; each finds messages for itself alone."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    b = m.mailboxes[i]
    close_mailbox(m, me, i)
    life = 0
    while life < count and not over(m):
        life += 1
        result(m, me, life)
        store_release(b, "tid", i + 1 + (life << 14))
        set_word(m, ROUND, life)
        for _ in range(20):
            dawdle(20)
            while receive_message(m, me, i, 0) == 0:
                add_word(m, GOT, 1)
                if m.threads[i].x[A0 + 1] != life:
                    violation(m)
        close_mailbox(m, me, i)
        if load_seq_cst(b, "count") != 0 or b.tail != 0 or b.head != 0:
            violation(m)
    set_word(m, STOP, 1)
    return 0


@entry(5)
def old_friend(address, me, workers, count, bad):
    """Sends to those who have the record, by their tids."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    n = _thread(m, RECEIVER)
    while not over(m):
        life = get_word(m, ROUND)
        m.threads[i].x[A0 + 1] = life
        tid = n + 1 + (life << 14)
        if not bad:
            send_message(m, me, i, tid)
        elif load_acquire(m.mailboxes[n], "tid") == tid:
            _send_to_whoever(m, me, i, n)
        _clear(m, me)
    return 0
