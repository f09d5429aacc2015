"""A message that the kernel sends for a thread, and the answer that the thread waits for in its place.

THREAD.faulting says why (kernel/thread/states.py), and what the message consists of (transfer.py).  The thread's
registers stay as they are, but for a0, which the wait uses: the caller of `ask` keeps it.  Whoever is asked receives
from anybody, and answers as it answers every client.
"""

from ...abi.registers import A0
from ...hot import hot, never_inline
from ...shm.clock import steady_ns
from ..actions import BLOCK, HAND_OVER, RESUME
from ..critical import noncritical
from ..thread.sleep_word import hand_over
from .endpoint import ASLEEP, SENT, TAKEN, receive, send


@hot
def ask(m, me, i, tid, kind, patience_ns):
    """The running thread asks the one with a tid, and waits for so long: BLOCK, HAND_OVER or RESUME.

    RESUME: it has an error in a0, as after a sleep.  THREAD.faulting is `kind` until the answer is looked at.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    c = m.cpus[me]
    t.faulting = kind
    t.ipc_flags = 0
    t.ipc_from = tid
    t.sleep_done = 0
    c.heir = -1
    deadline_ns = steady_ns(m) + patience_ns
    found = send(m, me, i, tid, True, deadline_ns)
    if found == TAKEN:
        t.sleep_done = SENT
        found = receive(m, me, i, tid, True, deadline_ns)
    if found == ASLEEP:
        if c.heir < 0:
            return BLOCK
        hand_over(m.threads[c.heir])
        return HAND_OVER
    t.x[A0] = found  # left, or about to: its sleep cannot have been taken
    return RESUME
