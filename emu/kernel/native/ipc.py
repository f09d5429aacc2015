"""l4_ipc: send, receive, both, or answer, in one call (cz-7).

    a0 to: a tid, or 0: nothing is sent          a3 time-out in ns for all of it; negative: none, 0: do not wait
    a1 from: a tid, -1 anybody, 0 nothing        a4 an extended message's bytes
    a2 flags: FLAGS of kernel/ipc/transfer.py    a5 where an extended message is received
    t0…t5 message registers

Result in a0: the sender's tid where something was received, else 0, or an error; a1: bytes received beside registers;
a6: 1 once the message was sent.  A call that does both sends first; if that fails nothing is received.
"""

from ...abi.errno import EFAULT, EINVAL
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...shm.clock import steady_ns
from ..actions import BLOCK, GIVE, HAND_OVER, RESUME
from ..ipc.endpoint import AGAIN, ASLEEP, NOBODY, SENT, receive, send
from ..ipc.transfer import PHASE, are_valid, has_room, is_reply
from ..sleep.heap import NEVER
from ..thread.sleep_word import hand_over


@hot
def sys_ipc(m, me, i):
    """What the running thread's CPU does next (actions.py)."""
    never_inline()
    t = m.threads[i]
    to, source, flags = t.x[A0], t.x[A0 + 1], t.x[A0 + 2]
    if not are_valid(flags):
        return _end(t, -EINVAL)
    t.ipc_flags = flags
    t.ipc_from = source
    waits, deadline_ns = _patience(m, t)
    if source != NOBODY and not has_room(m, me, i):
        if t.sleep_done & SENT:
            m.cpus[me].missing = 0  # the call does not begin anew: its message is sent
        return _end(t, -EFAULT)
    c = m.cpus[me]
    c.heir = -1
    if to != NOBODY and t.sleep_done & SENT == 0:
        found = send(m, me, i, to, waits and not is_reply(flags), deadline_ns)
        if found == ASLEEP:
            return BLOCK
        if found < 0:
            return _end(t, found)
        t.sleep_done |= SENT
    if source == NOBODY:
        t.x[A0] = 0
        t.x[PHASE] = t.sleep_done & SENT
        return _with_heir(m, c, RESUME)
    found = receive(m, me, i, source, waits, deadline_ns)
    if found == ASLEEP:
        return _with_heir(m, c, BLOCK)
    if found < 0:
        t.x[A0] = found
        if t.sleep_done & SENT:
            c.missing = 0
    return _with_heir(m, c, RESUME)


@hot
def _patience(m, t):
    """(whether the call waits, until when: 0 for ever). Read once: the registers are results afterwards."""
    if t.sleep_done & AGAIN:
        deadline_ns = t.resume_deadline_ns
        t.resume_deadline_ns = 0
        return True, deadline_ns
    timeout_ns = t.x[A0 + 3]
    if timeout_ns <= 0:
        return timeout_ns < 0, 0
    now = steady_ns(m)
    return True, now + min(timeout_ns, NEVER - now)


@hot
def _end(t, result):
    """The call fails; a6 says whether its message was sent before."""
    t.x[A0] = result
    t.x[PHASE] = t.sleep_done & SENT
    return RESUME


@hot
def _with_heir(m, c, action):
    """Wake the receiver of the message, if there is one: it gets this CPU, if it slept here."""
    if c.heir < 0:
        return action
    hand_over(m.threads[c.heir])
    return HAND_OVER if action == BLOCK else GIVE
