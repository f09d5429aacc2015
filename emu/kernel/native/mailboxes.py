"""Native calls of mailboxes (inko-4): kernel/ipc/mailbox.py."""

from ...abi.registers import A0
from ...hot import hot, never_inline
from ..actions import BLOCK, RESUME
from ..files.pipe import SLEEPS
from ..ipc.mailbox import receive_message, send_message, waiting_messages
from .numbers import MAILBOX_COUNT, MAILBOX_SEND


@hot
def mailbox_call(m, me, i, number):
    """Execute one of these calls of the running thread i; what the CPU does next (actions.py)."""
    never_inline()
    t = m.threads[i]
    if number == MAILBOX_SEND:
        t.x[A0] = send_message(m, me, i, t.x[A0])
    elif number == MAILBOX_COUNT:
        t.x[A0] = waiting_messages(m, t.x[A0])
    else:
        result = receive_message(m, me, i, t.x[A0])
        if result == SLEEPS:
            return BLOCK
        if result < 0:
            t.x[A0] = result
    return RESUME
