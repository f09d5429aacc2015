"""Ports and channels after a CPU was killed: lists, counts and free records made anew from the truth words (rust-11).

Truth are who owns a port or a channel, which port a channel names, and the messages in a ring from head to tail.  From
these follow how many channels and references a port has, how many messages wait, what each task has, and which records
are free.  A port that turns out to be closed is emptied, since whoever was doing that is dead.

The caller has released the locks that the dead CPU held, and nobody else may be making, using or dropping ports and
channels.
"""

from ...hot import hot, never_inline
from ...limits import MAX_TASKS
from ..critical import noncritical
from .port import empty_port, push_end, reset_ends
from .ring import HEADER_BYTES, is_moved, load_word, message_size, space_of


@hot
def rebuild_ports(m, me):
    """List and count all ports and channels anew."""
    never_inline()
    noncritical(m, me)
    for k in range(MAX_TASKS):
        reset_ends(m.tasks[k])
    m.free_port = 0
    m.free_channel = 0
    for n in range(m.fresh_port):
        p = m.ports[n]
        p.channels = 0
        p.references = 1 if p.owner != 0 else 0
        p.selected = 1  # who waits for several looks once more than he needs
    for k in range(m.fresh_channel):
        c = m.channels[k]
        if c.owner != 0:
            t = m.tasks[c.owner - 1]
            t.first_channel = push_end(m.channels, k, t.first_channel)
            t.nr_channels += 1
            m.ports[c.port].channels += 1
            m.ports[c.port].references += 1
        else:
            m.free_channel = push_end(m.channels, k, m.free_channel)
    for n in range(m.fresh_port):
        _rebuild_port(m, me, n)


@hot
def _rebuild_port(m, me, n):
    p = m.ports[n]
    if p.owner != 0:
        t = m.tasks[p.owner - 1]
        t.first_port = push_end(m.ports, n, t.first_port)
        t.nr_ports += 1
    else:
        empty_port(m, me, p)
        if p.references == 0:
            m.free_port = push_end(m.ports, n, m.free_port)
    p.waiting = 0
    at = p.head
    while at < p.tail:
        header = load_word(m, p, at)
        at += HEADER_BYTES * 2 if is_moved(header) else space_of(message_size(header))
        p.waiting += 1
