"""Ending a sleep from outside: time-outs, signals, kill, and the system server's answers."""

from ..hot import entry, hot, never_inline
from ..shm.atomics import exchange, load_seq_cst
from ..shm.layout import machine_at
from ..shm.memory import monotonic_ns
from ..shm.spinlock import field_address
from .errno import EINTR, ERESTART, ETIMEDOUT
from .futex import take_waiter
from .sched import make_runnable
from .states import SLEEP_FUTEX, SLEEP_SERVER, SLEEP_TIME
from .timeouts import next_deadline, remove_first
from .vm.usercopy import put_word
from .wait import A0, hand_over, sleep_word, take


@hot
def _take(m, me, i, word):
    """Take a sleep, whatever its reason; False if another was first."""
    if word & 0xFF == SLEEP_FUTEX:
        return take_waiter(m, me, i, word)
    return take(m.threads[i], word)


@hot
def _finish(m, me, i, result):
    """Give a thread whose sleep was taken its result, and make it runnable."""
    t = m.threads[i]
    t.x[A0] = result
    hand_over(t)
    make_runnable(m, me, i)


@hot
def expire_timeouts(m, me):
    """End the sleeps whose time has come on this CPU; returns the next deadline, 0 for none."""
    never_inline()
    while True:
        deadline = next_deadline(m, me)
        if deadline == 0 or deadline > monotonic_ns():
            return deadline
        c = m.cpus[me]
        i = c.timer_thread[0]
        word = c.timer_sleep[0]
        remove_first(m, me)
        if _take(m, me, i, word):
            _finish(m, me, i, 0 if word & 0xFF == SLEEP_TIME else -ETIMEDOUT)


@hot
def interrupt_sleep(m, me, i):
    """A signal or kill for thread i: end its sleep, if it sleeps, with EINTR or a restart."""
    never_inline()
    t = m.threads[i]
    word = sleep_word(t)
    if word == 0 or not _take(m, me, i, word):
        return False
    reason = word & 0xFF
    result = -ERESTART
    if reason == SLEEP_TIME:
        result = -EINTR
        if t.sleep_remainder != 0:
            _store_remainder(m, me, t)
    elif reason == SLEEP_FUTEX and t.deadline_ns != 0:
        result = -EINTR  # a relative time-out must not begin anew
    t.restart = 1 if result == -ERESTART else 0
    _finish(m, me, i, result)
    return True


@hot
def _store_remainder(m, me, t):
    left = max(t.deadline_ns - monotonic_ns(), 0)
    scratch = field_address(m.cpus[me], "scratch")
    put_word(m, me, t.task, t.sleep_remainder, scratch, left // 1_000_000_000)
    put_word(m, me, t.task, t.sleep_remainder + 8, scratch, left % 1_000_000_000)


# --- the system server's side -------------------------------------------------


@entry(3)
def begin_serving(address, me, i):
    """The server takes on a thread that asked for it; 0 when the thread no longer waits."""
    t = machine_at(address).threads[i]
    word = load_seq_cst(t, "sleep")
    if word <= 0 or word & 0xFF != SLEEP_SERVER:
        return 0
    return 1 if take(t, word) else 0


@entry(4)
def finish_serving(address, me, i, result):
    """The thread gets its result and runs."""
    m = machine_at(address)
    _finish(m, me, i, result)
    return 0


@entry(3)
def finish_without_result(address, me, i):
    """The thread runs with the registers as the server left them."""
    m = machine_at(address)
    hand_over(m.threads[i])
    make_runnable(m, me, i)
    return 0


@entry(3)
def serve_later(address, me, i):
    """The call has to wait: the thread sleeps on, and signals may end that.

    Returns the sleep's word.  The caller then looks for signals and kill once more.
    """
    t = machine_at(address).threads[i]
    t.sleep_sequence += 1
    word = (t.sleep_sequence << 8) | SLEEP_SERVER
    exchange(t, "sleep", word)  # before signals are looked at; pairs with fetch_or in post_signal
    return word


@entry(3)
def interrupt(address, me, i):
    """Cold form of interrupt_sleep."""
    return 1 if interrupt_sleep(machine_at(address), me, i) else 0
