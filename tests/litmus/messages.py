"""Threads that send each other messages on CPUs of their own, while an actor interrupts them and looks at their queues.

Each CPU has one thread, all of one task, that makes IPC calls as a guest does.  What endpoint.py says is always true is
looked at by the meddler under each queue's lock (`_check`), and by each thread about its own calls: who is told that
its message was not sent sends the same one again, and the receiver must get each number once and in order.
"""

from emu.abi.registers import A0
from emu.hot import entry, hot
from emu.kernel.actions import GIVE, HAND_OVER, RESUME
from emu.kernel.ipc.ending import end_endpoint
from emu.kernel.ipc.endpoint import (
    ANYBODY,
    ASLEEP,
    NOBODY,
    lock_senders,
    receive,
    unlock_senders,
)
from emu.kernel.ipc.transfer import PHASE
from emu.kernel.native.calls import native_call
from emu.kernel.native.numbers import IPC
from emu.kernel.sched.core import block, switch_to
from emu.kernel.sched.randomness import random_below
from emu.kernel.sleep.endings import expire, interrupt_sleep, stay_awake
from emu.kernel.sleep.waitqueue import join_locked, lock_waiters, unlock_waiters
from emu.kernel.thread.handles import tid_of
from emu.kernel.thread.records import lock_task, next_generation, unlock_task
from emu.kernel.thread.sleep_word import prepare_sleep, reason_of, sleep_word
from emu.kernel.thread.states import (
    RESTART_WOKEN,
    SLEEP_RECEIVE,
    SLEEP_RECEIVE_FROM,
    SLEEP_SEND,
)
from emu.shm.atomics import exchange, load_relaxed, load_seq_cst
from emu.shm.layout import machine_at
from emu.shm.memory import address_of, host_yield
from emu.testing.crew import (
    LINE,
    add_word,
    dawdle,
    get_word,
    meet,
    over,
    result,
    set_word,
    violation,
)
from tests.litmus.mutexes import THREADS, _await_running, _begin

SENT, ENDED, LEFT = (THREADS + (8 + k) * LINE for k in range(3))
EXPECTED = THREADS + 16 * LINE  # a line for each thread: the number that its next message has
EAGAIN, EINTR, ESRCH, ETIMEDOUT = 11, 4, 3, 110
T0, T3 = 5, 28  # registers
GOOD, SLEEPS_LATE, JOINS_BLINDLY = range(3)


@hot
def thread(m, k):
    return get_word(m, THREADS + k * LINE)


@hot
def partner_tid(m, k):
    return tid_of(m, thread(m, k))


# --- a guest's call ---------------------------------------------------------------------------------------------------


@hot
def ipc(m, me, i, to, source, flags, number, how):
    """One call, from beginning to end: its result; EINTR where the run is over. Message registers have the number."""
    t = m.threads[i]
    t.x[A0 + 2] = flags
    t.ipc_flags = flags
    t.ipc_from = source
    t.x[A0 + 3] = -1
    t.x[PHASE] = 0
    t.restart_a0 = to
    t.sleep_done = 0
    for k in range(3):
        t.x[T0 + k] = number
        t.x[T3 + k] = number
    t.x[A0 + 1] = source
    while True:
        t.x[A0] = to
        action = _call(m, me, i, how)
        if action == RESUME:
            break
        if action == GIVE:
            switch_to(m, me, i, m.cpus[me].heir, False)  # which runs on a CPU of its own
            break
        if load_seq_cst(t, "suspend") != 0:
            stay_awake(m, me, i)
        if action == HAND_OVER:
            switch_to(m, me, i, m.cpus[me].heir, True)
        else:
            block(m, me, i)
        if not _await_running(m, me, i):
            return -EINTR
        if t.restart != RESTART_WOKEN:
            break
        t.restart = 0
    exchange(t, "suspend", 0)
    exchange(m.cpus[me], "pending", 0)
    m.cpus[me].kicks = 0
    if load_relaxed(t, "wait_queue") != 0:
        violation(m)  # it is awake, and in a queue
    return t.x[A0]


@hot
def _call(m, me, i, how):
    t = m.threads[i]
    if how == SLEEPS_LATE and t.x[A0] == NOBODY and t.x[A0 + 1] == ANYBODY:
        return _receive_badly(m, me, i)
    if how == JOINS_BLINDLY and t.x[A0] != NOBODY:
        return _send_badly(m, me, i)
    return native_call(m, me, i, IPC)


@hot
def _receive_badly(m, me, i):
    """Control: the receiver declares its sleep when it has given the lock back."""
    t = m.threads[i]
    lock_senders(m, me, t)
    waits = t.senders.head != 0
    unlock_senders(m, me, t)
    if waits:
        receive(m, me, i, ANYBODY, True, 0)
        return RESUME
    dawdle(20)
    prepare_sleep(t, SLEEP_RECEIVE)
    return ASLEEP


@hot
def _send_badly(m, me, i):
    """Control: the sender joins the queue without a look whether its owner has left."""
    t = m.threads[i]
    r = (t.x[A0] - 1) & 0x3FFF
    receiver = m.threads[r]
    dawdle(20)
    lock_senders(m, me, receiver)
    t.partner = r + 1
    join_locked(m, me, i, receiver.senders, SLEEP_SEND)
    unlock_senders(m, me, receiver)
    return ASLEEP


@hot
def is_whole(t):
    """Whether all message registers are of one message."""
    same = True
    for k in range(3):
        same = same and t.x[T0 + k] == t.x[T0] and t.x[T3 + k] == t.x[T0]
    return same


# --- two senders, a receiver, and one that interrupts -----------------------------------------------------------------


@entry(5)
def sender(address, me, workers, count, how):
    """Sends its numbers in order to thread 0; what was not sent is sent again."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    number = 0
    while number < count and not over(m):
        result(m, me, number)
        answer = ipc(m, me, i, partner_tid(m, 0), NOBODY, 0, number, GOOD)
        if over(m):
            break
        if answer == 0:
            number += 1
            add_word(m, SENT, 1)
            if m.threads[i].x[PHASE] != 1:
                violation(m)
        elif (answer != -EINTR and answer != -ETIMEDOUT) or m.threads[i].x[PHASE] != 0:
            violation(m)
    return 0


@entry(5)
def receiver(address, me, workers, count, how):
    """Receives from anybody or from one of the senders, and knows which number is next."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    t = m.threads[i]
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        k = random_below(m, me, 4)
        source = partner_tid(m, k) if k == 1 or k == 2 else ANYBODY
        answer = ipc(m, me, i, NOBODY, source, 0, -1, how)
        if over(m):
            break
        if answer == -EINTR or answer == -ETIMEDOUT:
            add_word(m, ENDED, 1)
            if t.x[T0] != -1:
                violation(m)  # it was told that nothing came
            continue
        k = 1 if answer == partner_tid(m, 1) else 2
        if answer != partner_tid(m, k) or (source != ANYBODY and answer != source) or not is_whole(t):
            violation(m)
        if t.x[T0] != get_word(m, EXPECTED + k * LINE):
            violation(m)  # lost, twice, or out of order
        set_word(m, EXPECTED + k * LINE, t.x[T0] + 1)
    return 0


@hot
def check_endpoint(m, me, workers, r, how):
    """What is always true of a thread's two queues while the lock is free."""
    t = m.threads[r]
    lock_senders(m, me, t)
    tid = tid_of(m, r)
    word = load_seq_cst(t, "sleep")
    if word > 0 and reason_of(word) == SLEEP_RECEIVE and t.senders.head != 0:
        violation(m)  # one waits to send and the other to receive
    partner = t.partner
    if load_seq_cst(t, "sleep") != word:
        word = 0  # it may be the partner of another sleep
    _look(m, t.senders, SLEEP_SEND, tid, word, partner, workers)
    lock_waiters(m, me, t.callers)
    _look(m, t.callers, SLEEP_RECEIVE_FROM, tid_of(m, r), 0, 0, workers)  # it may have left meanwhile, and be another
    unlock_waiters(m, me, t.callers)
    unlock_senders(m, me, t)


@hot
def _look(m, q, reason, tid, word, partner, workers):
    """Who is in a locked queue of the thread with this tid: each of them sleeps there, and for that thread."""
    previous = -1
    i = q.head - 1
    length = 0
    while i >= 0 and length <= workers:
        s = m.threads[i]
        sleep = load_seq_cst(s, "sleep")
        if load_relaxed(s, "wait_queue") != address_of(q) or sleep <= 0 or reason_of(sleep) != reason:
            violation(m)
        if (s.restart_a0 if reason == SLEEP_SEND else s.x[A0 + 1]) != tid:
            violation(m)  # it waits for one that has left
        if word > 0 and reason_of(word) == SLEEP_RECEIVE_FROM and partner == i + 1:
            violation(m)  # the very one that the owner waits for
        if s.wait_previous != previous:
            violation(m)
        previous = i
        i = s.wait_next
        length += 1
    if length > workers or q.tail != previous + 1:
        violation(m)


@entry(5)
def meddler(address, me, workers, count, how):
    """Ends sleeps, as signals and time do, and looks at the queues."""
    m = machine_at(address)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        i = thread(m, random_below(m, me, workers - 1))
        what = random_below(m, me, 8)
        if what == 0:
            interrupt_sleep(m, me, i)
        elif what == 1:
            word = sleep_word(m.threads[i])
            if word != 0:
                expire(m, me, i, word)
        elif what < 5:
            check_endpoint(m, me, workers, i, how)
        else:
            dawdle(random_below(m, me, 30))
        m.cpus[me].kicks = 0
        if done % 64 == 0:
            host_yield()
    return 0


# --- threads that leave -----------------------------------------------------------------------------------------------


@hot
def _leave(m, me, i):
    """Thread i leaves, and another one has its record at once."""
    t = m.threads[i]
    lock_task(m, me, t.task)
    t.is_listed = 0
    unlock_task(m, me, t.task)
    end_endpoint(m, me, i, 0)
    next_generation(t)
    lock_task(m, me, t.task)
    t.is_listed = 1
    unlock_task(m, me, t.task)
    add_word(m, LEFT, 1)


@entry(5)
def comes_and_goes(address, me, workers, count, how):
    """Sends to, or receives from, a thread that may leave meanwhile, or leaves itself."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        what = random_below(m, me, 8)
        other = partner_tid(m, (me + 1 + random_below(m, me, workers - 2)) % (workers - 1))
        answer = 0
        if what == 0:
            _leave(m, me, i)
        elif what < 3:
            answer = ipc(m, me, i, other, NOBODY, 0, done, how)
        elif what < 5:
            answer = ipc(m, me, i, NOBODY, other, 0, done, GOOD)
        elif what == 5:
            answer = ipc(m, me, i, other, other, 0, done, GOOD)
        else:
            answer = ipc(m, me, i, NOBODY, ANYBODY, 0, done, GOOD)
        if answer == 0 and what < 3:
            add_word(m, SENT, 1)
        if answer < 0 and answer != -EINTR and answer != -ETIMEDOUT and answer != -ESRCH and not over(m):
            violation(m)
    return 0
