"""Threads that call a server, which answers without waiting for them, while an actor suspends them (kernel/ipc).

Who calls waits for the answer from the moment on in which its message is taken, so the answer never comes too early; a
suspend that comes while the message is taken is found afterwards.  How a call is made: messages.py.
"""

from emu.hot import entry, hot
from emu.kernel.ipc.endpoint import ANYBODY, NOBODY
from emu.kernel.ipc.transfer import PHASE
from emu.kernel.sched.randomness import random_below
from emu.kernel.sleep.endings import interrupt_sleep
from emu.kernel.thread.sleep_word import reason_of
from emu.kernel.thread.states import BLOCKED, SLEEP_RECEIVE_FROM, state_of
from emu.shm.atomics import compare_exchange, load_seq_cst
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield
from emu.testing.crew import LINE, add_word, dawdle, get_word, meet, over, result, set_word, shown, spin, violation
from tests.litmus.messages import EAGAIN, EINTR, ENDED, GOOD, T0, check_endpoint, ipc, is_whole, partner_tid, thread
from tests.litmus.mutexes import THREADS, _begin

SHOWN, MEDDLING, CALLED = (THREADS + (12 + k) * LINE for k in range(3))
SUSPENDED = THREADS + 24 * LINE  # a line for each thread: 1 once it was suspended
REPLY = 1 << 4
SEEN = 30  # of a control's violations
IN_TWO_CALLS = 3
CALLS = (1 << 20) + 7  # what begins the number of a message that wants an answer


@entry(5)
def client(address, me, workers, count, how):
    """Calls thread 0, and gets the answer to each of its numbers, unless it is told that it was interrupted."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    t = m.threads[i]
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        server = partner_tid(m, 0)
        if how == IN_TWO_CALLS:
            answer = ipc(m, me, i, server, NOBODY, 0, CALLS + done, GOOD)
            if answer == 0:
                answer = ipc(m, me, i, NOBODY, server, 0, CALLS + done, GOOD)
        else:
            answer = ipc(m, me, i, server, server, 0, CALLS + done, GOOD)
        if over(m):
            break
        if answer == server:
            add_word(m, CALLED, 1)
            if t.x[T0] != -(CALLS + done) or not is_whole(t) or (how != IN_TWO_CALLS and t.x[PHASE] != 1):
                violation(m)
        elif answer == -EINTR:
            add_word(m, ENDED, 1)
        else:
            violation(m)
    return 0


@entry(5)
def server(address, me, workers, count, how):
    """Answers without waiting. Who calls waits for it, unless it was interrupted: suspends are never forgotten."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    t = m.threads[i]
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        answer = ipc(m, me, i, NOBODY, ANYBODY, 0, 0, GOOD)
        if over(m):
            break
        number = t.x[T0]
        if answer <= 0 or not is_whole(t):
            violation(m)
        k = 1 if answer == partner_tid(m, 1) else 2
        caller = m.threads[thread(m, k)]
        spins = 0
        while load_seq_cst(caller, "suspend") != 0 and not over(m):
            spins = spin(spins)
            # Nobody is in the middle of suspending it: who was, or this thread's own receive, has found it asleep.
            word = load_seq_cst(caller, "sleep")
            if word > 0 and reason_of(word) == SLEEP_RECEIVE_FROM and state_of(caller) == BLOCKED:
                if get_word(m, MEDDLING) == 0 and load_seq_cst(caller, "suspend") != 0:
                    if load_seq_cst(caller, "sleep") == word:
                        violation(m)
        was_suspended = get_word(m, SUSPENDED + k * LINE)
        answer = ipc(m, me, i, answer, NOBODY, REPLY, -number, GOOD)
        if answer == 0 or over(m):
            continue
        if answer != -EAGAIN:
            violation(m)
        if how == GOOD and get_word(m, SUSPENDED + k * LINE) == 0 and was_suspended == 0:
            violation(m)  # nobody has suspended it, ever: it is in its call
        if how == IN_TWO_CALLS:
            shown(m, SHOWN, SEEN)
            add_word(m, ENDED, 1)
            _interrupt(m, me, k)  # it would wait for ever for the answer
    return 0


@entry(5)
def hoarder(address, me, workers, count, how):
    """Takes messages, and answers none: its callers join its queue and leave it at the same time."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        ipc(m, me, i, NOBODY, ANYBODY, 0, 0, GOOD)
    return 0


@hot
def _interrupt(m, me, k):
    spins = 0
    while not interrupt_sleep(m, me, thread(m, k)) and not over(m):
        spins = spin(spins)


@entry(5)
def suspender(address, me, workers, count, how):
    """Suspends the clients (threads from 1 on) without a look at what they do, as kernel/task/suspend.py does."""
    m = machine_at(address)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        k = 1 + random_below(m, me, workers - 2)
        i = thread(m, k)
        set_word(m, SUSPENDED + k * LINE, 1)
        add_word(m, MEDDLING, 1)
        if compare_exchange(m.threads[i], "suspend", 0, 1):
            interrupt_sleep(m, me, i)
        add_word(m, MEDDLING, -1)
        m.cpus[me].kicks = 0
        for _ in range(4):
            check_endpoint(m, me, workers, thread(m, 0), how)
            dawdle(random_below(m, me, 50))
        if done % 16 == 0:
            host_yield()
    return 0
