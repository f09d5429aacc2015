"""The native personality: calls of emu's own, beside those of Linux in every task; a file for each kind.

`native_call` returns what the CPU does next (actions.py), as linux_call does.
"""

from ...abi.registers import A0
from ...hot import hot, never_inline
from ..actions import RESUME, SERVE
from ..ipc.utcb import get_utcb
from .aio import aio_end, aio_submit
from .blocking import blocking_call
from .control_calls import control_call
from .ipc import sys_ipc
from .mailboxes import mailbox_call
from .numbers import (
    AIO_END,
    AIO_SUBMIT,
    BLOCKING_BEGIN,
    BLOCKING_END,
    CACHE_CONTROL,
    CLOSED_FILE,
    CONTAINER_CONTROL,
    COPY,
    EXCHANGE_REGISTERS,
    EXPLORE_BEGIN,
    FIRST_HOT,
    GETID,
    IPC,
    IPC_CONTROL,
    KMEM_CONTROL,
    KSE_CREATE,
    KSE_SWITCHIN,
    MAILBOX_COUNT,
    MAILBOX_SEND,
    MAP,
    MUTEX_CONTROL,
    NAME_SERVER,
    PORT_CREATE,
    PORT_SELECT,
    SCHEDULE,
    THREAD_CONTROL,
    THREAD_SWITCH,
    UNMAP,
    UTCB,
)
from .ports import port_call
from .servers import closed_file, name_server
from .spaces import cache_control, copy_for, map_for, mutex_control, thread_switch, unmap_for
from .thread_control import exchange_registers, getid, schedule, thread_control
from .threads import thread_call
from .upcalls import upcall_call


@hot
def native_call(m, me, i, number):
    """Execute a native call of the running thread i; those that are not known here are the server's."""
    never_inline()
    if number == IPC:
        return sys_ipc(m, me, i)
    if number >= FIRST_HOT and number <= KMEM_CONTROL:
        return thread_call(m, me, i, number)
    if number >= MAILBOX_SEND and number <= MAILBOX_COUNT:
        return mailbox_call(m, me, i, number)
    if number >= KSE_CREATE and number <= KSE_SWITCHIN:
        return upcall_call(m, me, i, number)
    if number >= PORT_CREATE and number <= PORT_SELECT:
        return port_call(m, me, i, number)
    if number >= IPC_CONTROL and number <= CONTAINER_CONTROL:
        return control_call(m, me, i, number)
    if number == THREAD_CONTROL:
        return thread_control(m, me, i)
    if number == EXCHANGE_REGISTERS:
        return exchange_registers(m, me, i)
    if number == THREAD_SWITCH:
        return thread_switch(m, me, i)
    if number == MUTEX_CONTROL:
        return mutex_control(m, me, i)
    if number == BLOCKING_BEGIN or number == BLOCKING_END:
        return blocking_call(m, me, i, number)
    if number == AIO_END:
        return aio_end(m, me, i)
    t = m.threads[i]
    if number == AIO_SUBMIT:
        t.x[A0] = aio_submit(m, me, i)
    elif number == UTCB:
        t.x[A0] = get_utcb(m, me, i)
    elif number == MAP:
        t.x[A0] = map_for(m, me, i)
    elif number == UNMAP:
        t.x[A0] = unmap_for(m, me, i)
    elif number == COPY:
        t.x[A0] = copy_for(m, me, i)
    elif number == GETID:
        t.x[A0] = getid(m, me, i)
    elif number == SCHEDULE:
        t.x[A0] = schedule(m, me, i)
    elif number == CACHE_CONTROL:
        t.x[A0] = cache_control(m, me, i)
    elif number == NAME_SERVER:
        t.x[A0] = name_server(m, me, i)
    elif number == CLOSED_FILE:
        t.x[A0] = closed_file(m, me, i)
    elif number == EXPLORE_BEGIN:
        t.x[A0] = 0  # it means something in `emu explore` only (world/calls.py)
    else:
        return SERVE
    return RESUME
