"""Native calls of ports and channels (rust-11): kernel/ipc/port.py, kernel/ipc/channel.py."""

from ...abi.errno import EINVAL
from ...abi.registers import A0
from ...hot import hot, never_inline
from ..actions import BLOCK, RESUME, YIELD
from ..files.pipe import SLEEPS
from ..ipc.channel import LOOKS_AGAIN, receive, send
from ..ipc.port import close_port, create_channel, create_port, drop_channel
from ..ipc.select import select
from ..thread.states import RESTART_WOKEN
from .numbers import (
    CHANNEL_DROP,
    CHANNEL_MAKE,
    CHANNEL_SEND,
    CHANNEL_SEND_MANY,
    PORT_CLOSE,
    PORT_CREATE,
    PORT_RECEIVE,
    PORT_SELECT,
)

UNIT = -1  # as a size: the port's unit, or as many of it as there are messages


@hot
def port_call(m, me, i, number):
    """Execute one of these calls of the running thread i; what the CPU does next (actions.py)."""
    never_inline()
    t = m.threads[i]
    x = t.x
    if number == CHANNEL_SEND:
        result = send(m, me, i, x[A0], x[A0 + 1], x[A0 + 2], 1) if x[A0 + 2] >= 0 else -EINVAL
        x[A0] = min(result, 0)
    elif number == CHANNEL_SEND_MANY:
        x[A0] = send(m, me, i, x[A0], x[A0 + 1], UNIT, x[A0 + 2]) if x[A0 + 2] > 0 else -EINVAL
    elif number >= PORT_RECEIVE:
        return _receive(m, me, i, number)
    elif number == PORT_CREATE:
        x[A0] = create_port(m, me, t.task, x[A0], x[A0 + 1])
    elif number == PORT_CLOSE:
        x[A0] = close_port(m, me, t.task, x[A0])
    elif number == CHANNEL_MAKE:
        x[A0] = create_channel(m, me, t.task, x[A0])
    elif number == CHANNEL_DROP:
        x[A0] = drop_channel(m, me, t.task, x[A0])
    return RESUME


@hot
def _receive(m, me, i, number):
    """The calls that may wait."""
    t = m.threads[i]
    x = t.x
    if number == PORT_SELECT:
        result = select(m, me, i, x[A0], x[A0 + 1], x[A0 + 2])
    elif number == PORT_RECEIVE:
        result = -EINVAL
        if x[A0 + 2] >= 0:
            result, at, _ = receive(m, me, i, x[A0], x[A0 + 1], x[A0 + 2], 1, x[A0 + 3], x[A0 + 4])
            if result >= 0:
                x[A0 + 1] = at
    else:
        result = _receive_many(m, me, i)
    if result == SLEEPS:
        return BLOCK
    if result == LOOKS_AGAIN:  # others of this CPU have their turn first
        t.restart = RESTART_WOKEN
        return YIELD
    x[A0] = result
    return RESUME


@hot
def _receive_many(m, me, i):
    """Messages of the port's unit; how many were received."""
    x = m.threads[i].x
    if x[A0 + 2] <= 0:
        return -EINVAL
    size, at, count = receive(m, me, i, x[A0], x[A0 + 1], UNIT, x[A0 + 2], x[A0 + 3], 0)
    if size < 0:
        return size
    x[A0 + 1] = at
    return count
