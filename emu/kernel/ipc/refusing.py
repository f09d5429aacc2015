"""Ending the sleeps of those whose messages a thread accepts no more (accepting.py): -EPERM, and nothing is sent."""

from ...abi.errno import EPERM
from ...hot import hot, never_inline
from ...shm.atomics import store_relaxed
from ..critical import noncritical
from ..sleep.endings import finish
from .accepting import ACCEPT_ANYBODY, may_send
from .endpoint import lock_senders, take_out, unlock_senders


@hot
def set_accepted(m, me, i, accepted):
    """Thread i, which runs, accepts ACCEPT_* from now on (accepting.py); who waits to send, and may not, is told."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    lock_senders(m, me, t)
    store_relaxed(t, "accepts", accepted)  # who takes this lock, or takes a later sleep of the thread's, sees it
    unlock_senders(m, me, t)
    while accepted != ACCEPT_ANYBODY and _refuse_unwanted(m, me, i):
        pass


@hot
def _refuse_unwanted(m, me, i):
    """End the sleep of one that waits to send to thread i and may not; False when there is none."""
    t = m.threads[i]
    lock_senders(m, me, t)
    s = t.senders.head - 1
    while s >= 0 and may_send(m, s, i):
        s = m.threads[s].wait_next
    if s >= 0:
        take_out(m, me, s, t.senders)
    unlock_senders(m, me, t)
    if s >= 0:
        finish(m, me, s, -EPERM)
    return s >= 0


@hot
def count_senders(m, me, i):
    """How many threads wait to send to thread i."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    count = 0
    lock_senders(m, me, t)
    s = t.senders.head - 1
    while s >= 0:
        count += 1
        s = m.threads[s].wait_next
    unlock_senders(m, me, t)
    return count
