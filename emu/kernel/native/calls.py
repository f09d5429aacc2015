"""The native personality: calls of emu's own, beside those of Linux in every task; a file for each kind.

`native_call` returns what the CPU does next (actions.py), as linux_call does.
"""

from ...hot import hot, never_inline
from ..actions import SERVE
from .mailboxes import mailbox_call
from .numbers import FIRST_HOT, KMEM_CONTROL, MAILBOX_COUNT, MAILBOX_SEND, PORT_CREATE, PORT_SELECT
from .ports import port_call
from .threads import thread_call


@hot
def native_call(m, me, i, number):
    """Execute a native call of the running thread i; those that are not known here are the server's."""
    never_inline()
    if number >= FIRST_HOT and number <= KMEM_CONTROL:
        return thread_call(m, me, i, number)
    if number >= PORT_CREATE and number <= PORT_SELECT:
        return port_call(m, me, i, number)
    if number >= MAILBOX_SEND and number <= MAILBOX_COUNT:
        return mailbox_call(m, me, i, number)
    return SERVE
