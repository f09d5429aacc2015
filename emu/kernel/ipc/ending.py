"""The end of a thread, for those that wait for it: in its queues of IPC (endpoint.py), or for that end itself.

A thread that leaves is unlisted from its task first and then ends all sleeps in its two queues; who joins a queue looks
under its lock whether the owner is still listed.  So a sleeper either finds that it has left, or is found.
"""

from ...abi.errno import ESRCH
from ...hot import hot, never_inline
from ...shm.atomics import load_relaxed
from ..critical import noncritical
from ..sleep.endings import finish
from ..sleep.waitqueue import lock_waiters, unlock_waiters
from ..thread.sleep_word import reason_of
from ..thread.states import SLEEP_JOIN
from .endpoint import is_thread, lock_senders, sleep_in, take_out, unlock_senders


@hot
def wait_for_end(m, me, i, n, tid):
    """The running thread i sleeps until the one with a tid has left: 0, and the caller returns BLOCK; or -ESRCH."""
    noncritical(m, me)
    t, named = m.threads[i], m.threads[n]
    found = -ESRCH
    lock_waiters(m, me, named.callers)
    if is_thread(m, n, tid):
        found = 0
        t.partner = n + 1
        sleep_in(m, me, i, named.callers, SLEEP_JOIN, 0)
    unlock_waiters(m, me, named.callers)
    return found


@hot
def end_endpoint(m, me, i, status):
    """Thread i leaves, and is in its task's list no more: who waits to send to it, or for its messages, is told.

    Who waits for its end gets `status`.
    """
    noncritical(m, me)
    t = m.threads[i]
    while _refuse_sender(m, me, t):
        pass
    while _refuse_caller(m, me, t, status):
        pass


@hot
def refuse_all(m, me, i):
    """As end_endpoint for a thread that goes on. A bounded number of times: those that are told may come again."""
    never_inline()
    t = m.threads[i]
    for _ in range(load_relaxed(m, "fresh_thread")):
        if not _refuse_sender(m, me, t):
            break
    for _ in range(load_relaxed(m, "fresh_thread")):
        if not _refuse_caller(m, me, t, -ESRCH):
            break


@hot
def _refuse_sender(m, me, t):
    """End the sleep of one that waits to send to thread t; False when there is none."""
    lock_senders(m, me, t)
    s = t.senders.head - 1
    if s >= 0:
        take_out(m, me, s, t.senders)
    unlock_senders(m, me, t)
    if s >= 0:
        finish(m, me, s, -ESRCH)
    return s >= 0


@hot
def _refuse_caller(m, me, t, status):
    """End the sleep of one that waits for a message or the end of thread t; False when there is none."""
    lock_waiters(m, me, t.callers)
    s = t.callers.head - 1
    reason = 0
    if s >= 0:
        reason = reason_of(load_relaxed(m.threads[s], "sleep"))
        take_out(m, me, s, t.callers)
    unlock_waiters(m, me, t.callers)
    if s >= 0:
        finish(m, me, s, status if reason == SLEEP_JOIN else -ESRCH)
    return s >= 0
