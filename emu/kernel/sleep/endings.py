"""Ending a sleep from outside: time-outs, signals, kill, and the system server's answers."""

from ...abi.errno import EAGAIN, EINTR, ERESTARTSYS, ETIMEDOUT
from ...abi.registers import A0
from ...hot import entry, hot, never_inline
from ...shm.atomics import load_seq_cst
from ...shm.clock import steady_ns
from ...shm.events import TIMER, emit
from ...shm.layout import machine_at
from ..actions import YIELD
from ..groups.spares import take_kept
from ..sched.recording import WAKE_SIGNAL
from ..sched.waking import make_runnable
from ..thread.leaving import must_come
from ..thread.sleep_word import hand_over, prepare_sleep, reason_of, sleep_word, take
from ..thread.states import (
    CALL_FORWARDED,
    NATIVE_SLEEPS,
    RESTART_ALWAYS,
    RESTART_CALL,
    RESTART_UNHANDLED,
    RESTART_WOKEN,
    SLEEP_FUTEX,
    SLEEP_JOIN,
    SLEEP_KERNEL,
    SLEEP_PERIOD,
    SLEEP_PORT,
    SLEEP_QUEUE,
    SLEEP_RECEIVE_FROM,
    SLEEP_RELEASED,
    SLEEP_RETRY,
    SLEEP_SEND,
    SLEEP_SERVER,
    SLEEP_SPARE,
    SLEEP_STOP,
    SLEEP_SUSPEND,
    SLEEP_TIME,
    SLEEP_TIMED,
    SLEEP_VECTOR,
    SLEEP_VFORK,
)
from .futex import FUTEX_MOVED, FUTEX_PLAIN, take_waiter
from .futex_vector import take_vector
from .heap import count_stale
from .periods import take_periods
from .waitqueue import take_from_queue

ECALL_BYTES = 4
IN_QUEUES = (
    1 << SLEEP_QUEUE | 1 << SLEEP_RETRY | 1 << SLEEP_STOP | 1 << SLEEP_SEND | 1 << SLEEP_RECEIVE_FROM | 1 << SLEEP_JOIN
    | 1 << SLEEP_PORT | 1 << SLEEP_RELEASED
)  # fmt: skip
ENDED_BY_KILLS = 1 << SLEEP_SUSPEND | 1 << SLEEP_VFORK | 1 << SLEEP_STOP | 1 << SLEEP_SPARE  # and not by signals


@hot
def _take(m, me, i, word):
    """Take a sleep, whatever its reason; False if another actor was first."""
    if reason_of(word) == SLEEP_FUTEX:
        return take_waiter(m, me, i, word)
    if reason_of(word) == SLEEP_VECTOR:
        return take_vector(m, me, i, word)
    if (IN_QUEUES >> reason_of(word)) & 1:
        return take_from_queue(m, me, i, word)
    if reason_of(word) == SLEEP_SPARE:
        return take_kept(m, me, i, word)
    return take(m.threads[i], word)


@hot
def finish(m, me, i, result):
    """Give a thread whose sleep was taken its result, and make it runnable."""
    t = m.threads[i]
    t.x[A0] = result
    hand_over(t)
    make_runnable(m, me, i)


@hot
def expire(m, me, i, word):
    """End thread i's sleep because its time has come; False if something else has ended it."""
    never_inline()
    if not _take(m, me, i, word):
        return False
    emit(m, me, TIMER, i, steady_ns(m) - m.threads[i].deadline_ns, 0)
    if reason_of(word) != SLEEP_RETRY and reason_of(word) != SLEEP_RELEASED:  # they look at the time themselves
        m.threads[i].restart = 0
        m.threads[i].resume_deadline_ns = 0
    result = 0 if reason_of(word) == SLEEP_TIME else -ETIMEDOUT
    finish(m, me, i, take_periods(m, m.threads[i]) if reason_of(word) == SLEEP_PERIOD else result)
    return True


@hot
def interrupt_sleep(m, me, i):
    """A signal, kill or suspend for thread i: end its sleep, if it sleeps. True when this ended it.

    THREAD.restart says how its call goes on (states.py, RESTART_*).  Native sleeps always end with EINTR (cz-6): what
    their calls did before they slept, such as to release a lock, is not done twice.
    """
    never_inline()
    t = m.threads[i]
    word = sleep_word(t)
    reason = reason_of(word)
    if word == 0 or reason == SLEEP_KERNEL:
        return False
    # `faulting` was written before the sleep was declared, and changes only after it has ended.
    by_kills = (ENDED_BY_KILLS >> reason) & 1 or t.faulting >= CALL_FORWARDED
    if by_kills and not must_come(m, i):
        return False
    if not _take(m, me, i, word):
        return False
    m.cpus[me].wake_cause = WAKE_SIGNAL
    count_stale(m, word)
    if (NATIVE_SLEEPS >> reason) & 1:
        t.restart = 0
        t.resume_deadline_ns = 0
        finish(m, me, i, -EINTR)
        return True
    if reason == SLEEP_RETRY:
        finish(m, me, i, -ERESTARTSYS)  # RESTART_WOKEN
        return True
    if reason == SLEEP_SERVER and t.sleep_done > 0:
        t.restart = 0
        finish(m, me, i, t.sleep_done)
        return True
    if reason == SLEEP_FUTEX and t.futex_kind != FUTEX_PLAIN:
        # A thread that was moved would find another value in the word it has slept on (Linux's reason too).
        t.restart = 0 if t.futex_kind == FUTEX_MOVED else RESTART_ALWAYS
        finish(m, me, i, -EAGAIN if t.futex_kind == FUTEX_MOVED else -ERESTARTSYS)
        return True
    if reason == SLEEP_VECTOR:  # its time-out is absolute
        t.restart = RESTART_CALL
        finish(m, me, i, -ERESTARTSYS)
        return True
    t.resume_deadline_ns = t.deadline_ns if word & SLEEP_TIMED or reason == SLEEP_SERVER else 0
    if reason != SLEEP_TIME:
        t.sleep_remainder = 0
    if reason == SLEEP_SERVER:
        t.restart = t.sleep_restart
    else:
        t.restart = RESTART_UNHANDLED if word & SLEEP_TIMED else RESTART_CALL
    finish(m, me, i, -ERESTARTSYS)
    return True


@hot
def stay_awake(m, me, i):
    """The running thread has declared a sleep, and its event has come before (cz-4): that ends the sleep at once."""
    never_inline()
    t = m.threads[i]
    if not interrupt_sleep(m, me, i) or t.restart != RESTART_WOKEN:
        return
    t.restart = t.sleep_restart  # it has looked again already
    if t.sleep_done > 0:
        t.restart = 0
        t.x[A0] = t.sleep_done


@hot
def begin_anew(t):
    """Have the thread make an interrupted call again, with the mask from before it: no handler ran for the signal."""
    never_inline()
    t.restart = 0
    t.awaited = 0
    if t.mask_is_saved != 0:
        t.signal_mask = t.saved_mask
        t.mask_is_saved = 0
    t.pc -= ECALL_BYTES
    t.x[A0] = t.restart_a0


@hot
def end_interrupted(t):
    """An interrupted call of the thread ends with -EINTR, as if a handler had run; its mask is that from before it."""
    never_inline()
    t.restart = 0
    t.awaited = 0
    if t.mask_is_saved != 0:
        t.signal_mask = t.saved_mask
        t.mask_is_saved = 0
    t.x[A0] = -EINTR


@hot
def look_again(t):
    """The call of the running thread is made again, once other threads of its CPU have had their turn."""
    t.restart = RESTART_WOKEN
    return YIELD


# --- the system server's side -------------------------------------------------


@entry(3)
def begin_serving(address, me, i):
    """The server begins to work for a thread that asked for it; 0 when the thread no longer waits."""
    t = machine_at(address).threads[i]
    word = load_seq_cst(t, "sleep")
    if word <= 0 or (reason_of(word) != SLEEP_SERVER and reason_of(word) != SLEEP_KERNEL):
        return 0
    return 1 if take(t, word) else 0


@entry(4)
def finish_serving(address, me, i, result):
    """The thread gets its result and runs."""
    m = machine_at(address)
    finish(m, me, i, result)
    return 0


@entry(3)
def finish_without_result(address, me, i):
    """The thread runs with the registers as the server left them."""
    m = machine_at(address)
    hand_over(m.threads[i])
    make_runnable(m, me, i)
    return 0


@entry(6)
def serve_later(address, me, i, restart, deadline_ns, done):
    """The served call has to wait: the thread sleeps on, and signals may end that (RESTART_*; 0: they may not).

    `deadline_ns` (0: none) is kept in case the call begins anew; the server itself watches the time.  Where `done` is
    not 0, it is the result of the call when it is interrupted: a write that began anew would write those bytes twice.
    Returns the sleep's word.  The caller then looks once more for signals and for a kill.
    """
    t = machine_at(address).threads[i]
    t.sleep_restart = restart
    t.sleep_done = done
    t.deadline_ns = deadline_ns
    # Before signals are looked at; pairs with fetch_or in siginfo.post.
    return prepare_sleep(t, SLEEP_SERVER if restart != 0 else SLEEP_KERNEL)


@entry(3)
def interrupt(address, me, i):
    """Cold form of interrupt_sleep."""
    return 1 if interrupt_sleep(machine_at(address), me, i) else 0
