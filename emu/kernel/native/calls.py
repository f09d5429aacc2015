"""The native personality: calls of emu's own, beside those of Linux in every task; a file for each kind.

`native_call` returns what the CPU does next (actions.py), as linux_call does.
"""

from ...abi.registers import A0
from ...hot import hot, never_inline
from ..actions import RESUME, SERVE
from ..ipc.utcb import get_utcb
from .ipc import sys_ipc
from .numbers import FIRST_HOT, IPC, KMEM_CONTROL, UTCB
from .threads import thread_call


@hot
def native_call(m, me, i, number):
    """Execute a native call of the running thread i; those that are not known here are the server's."""
    never_inline()
    if number == IPC:
        return sys_ipc(m, me, i)
    if number == UTCB:
        m.threads[i].x[A0] = get_utcb(m, me, i)
        return RESUME
    if number >= FIRST_HOT and number <= KMEM_CONTROL:
        return thread_call(m, me, i, number)
    return SERVE
