"""Whose messages a thread accepts, and whom a container's threads may send to (cz-17).

A thread says itself who may send to it: anybody, its own task, nobody.  It does so between two receptions, under the
lock of its `senders`, and refuses those that wait there and may not (refusing.py).  A sender looks under that lock
before it joins the queue; one that finds the receiver waiting looks after it has read that sleep's word, and takes the
sleep by the same word, so what it read was said before the receiver slept.  So after the call nobody's message arrives
that may not.

A page fault's message comes from the kernel, and always may.
"""

from ...hot import hot
from ...shm.atomics import load_relaxed
from ..containers.capabilities import may_reach

ACCEPT_ANYBODY, ACCEPT_TASK, ACCEPT_NOBODY = range(3)


@hot
def may_send(m, i, r):
    """Whether thread i may send to thread r."""
    t, receiver = m.threads[i], m.threads[r]
    accepted = load_relaxed(receiver, "accepts")
    mine = m.tasks[t.task].container
    if accepted == ACCEPT_ANYBODY and mine == 0:
        return True
    if t.faulting != 0:
        return True
    if accepted != ACCEPT_ANYBODY and (accepted == ACCEPT_NOBODY or t.task != receiver.task):
        return False
    return may_reach(m, mine, m.tasks[receiver.task].container)
