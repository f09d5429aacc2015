"""Ports and channels: who may receive and who may send, from the first handle to the last (rust-11).

A port is the end where messages are received; it belongs to the task that made it.  A channel is a right to send to a
port; it belongs to the task that made or cloned it.  Both are named by handles, numbers that a message may hold.  Who
knows a channel's number may send through it, and clone it, which makes one of its own; only its owner drops it.  A port
is never anybody else's.  A task that ends, or executes a program, drops all that it has.  A child has nothing of what
its parent has.

A port's record lives until the port is closed and its last channel is gone: `references` is 1 for the open port, 1 for
each channel.  Who closes a port marks it (owner 0) under the lock, after which nobody puts anything in or takes it
out; then it frees what was not received, with no lock held, and last gives its reference back.

Always, while a port's lock is free: `channels` is how many channels name it.  A channel's record changes under the lock
of the port that it names, before or after: so who locks the port that a channel names, and finds an owner and the
handle's generation, has that channel, and it stays as long as the lock is held.

Locks: PORT.lock; MACHINE.ports_lock for free records and for the lists of what a task has.  Never both.
"""

from ...abi.errno import EBADF, EINVAL, EMFILE, ENFILE, EPERM, EPIPE
from ...hot import hot, never_inline
from ...limits import CHANNELS_PER_TASK, MAX_CHANNELS, MAX_PORTS, MESSAGE_BYTES, MOVED_BYTES, PAGE_SIZE, PORTS_PER_TASK
from ...shm import lockrank
from ...shm.atomics import load_relaxed, store_release
from ...shm.layout.messages import CHANNEL, PORT
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_CHANNEL, TAG_PORT, count_freed, count_made
from ..critical import noncritical
from .handles import (
    OF_CHANNEL,
    OF_PORT,
    end_generation,
    end_index,
    end_kind,
    find_channel,
    find_port,
    lock_port,
    make_end,
    news_of,
    tell,
    unlock_port,
)
from .moved import drop_areas
from .ring import HEADER_BYTES, forget_pages, is_moved, load_word, message_size, space_of

PORT_BYTES, CHANNEL_BYTES = PORT.size, CHANNEL.size


@hot
def _lock_ports(m, me):
    acquire(m, me, field_address(m, "ports_lock"), lockrank.PORTS)


@hot
def _unlock_ports(m, me):
    release(m, me, field_address(m, "ports_lock"))


# --- ports ------------------------------------------------------------------------------------------------------------


@hot
def create_port(m, me, task, unit, limit):
    """A port for messages of `unit` bytes (0: any size), of which `limit` may wait (0: what has room); a handle.

    -EINVAL, -EMFILE (the task has too many), -ENFILE (the machine has).
    """
    never_inline()
    noncritical(m, me)
    if unit < 0 or unit > MOVED_BYTES or limit < 0 or (unit > MESSAGE_BYTES and unit & (PAGE_SIZE - 1) != 0):
        return -EINVAL
    t = m.tasks[task]
    n = -EMFILE
    _lock_ports(m, me)
    if t.nr_ports < PORTS_PER_TASK:
        n = m.free_port - 1
        if n >= 0:
            m.free_port = m.ports[n].next
        elif m.fresh_port < MAX_PORTS:
            n = m.fresh_port
            m.fresh_port += 1
        else:
            n = -ENFILE
    if n >= 0:
        t.first_port = push_end(m.ports, n, t.first_port)
        t.nr_ports += 1
    _unlock_ports(m, me)
    if n < 0:
        return n
    count_made(m, me, TAG_PORT, PORT_BYTES)
    p = m.ports[n]
    lock_port(m, me, p)  # who guesses the handle finds it whole or not at all
    p.unit = unit
    p.limit = limit
    p.references = 1
    p.channels = 0
    p.had_channels = 0
    p.selected = 0
    p.owner = task + 1
    handle = make_end(n, OF_PORT, p.generation)
    unlock_port(m, me, p)
    return handle


@hot
def close_port(m, me, task, handle):
    """The task wants no more messages: what waits is freed, who sends from now on gets -EPIPE. 0 or -EBADF."""
    never_inline()
    n = find_port(m, me, handle, task)
    if n < 0:
        return n
    unlock_port(m, me, m.ports[n])
    return 0 if _close(m, me, task, n, end_generation(handle)) else -EBADF


@hot
def _close(m, me, task, n, generation):
    """close_port of the port with this index and generation; False where another thread has closed it."""
    noncritical(m, me)
    p = m.ports[n]
    lock_port(m, me, p)
    mine = p.owner == task + 1 and p.generation == generation
    news = 0
    if mine:
        news = news_of(m, me, p)
        p.owner = 0
    unlock_port(m, me, p)
    if not mine:
        return False
    tell(m, me, p, news)
    t = m.tasks[task]
    _lock_ports(m, me)
    t.first_port = _unlink(m.ports, n, t.first_port)
    t.nr_ports -= 1
    _unlock_ports(m, me)
    empty_port(m, me, p)
    _drop_reference(m, me, n)
    return True


@hot
def empty_port(m, me, p):
    """Free all that a closed port holds; the caller has a reference, and nobody else touches the ring."""
    never_inline()
    while p.head < p.tail:
        header = load_word(m, p, p.head)
        if is_moved(header):
            drop_areas(m, me, load_word(m, p, p.head + HEADER_BYTES) - 1)
            p.head += space_of(8)
        else:
            p.head += space_of(message_size(header))
    forget_pages(m, me, p)


@hot
def _drop_reference(m, me, n):
    """The last one frees the record."""
    p = m.ports[n]
    lock_port(m, me, p)
    p.references -= 1
    gone = p.references == 0
    if gone:
        p.generation = (p.generation + 1) & 0x7FFFFFFF
    unlock_port(m, me, p)
    if gone:
        count_freed(m, me, TAG_PORT, PORT_BYTES)
        _lock_ports(m, me)
        p.next = m.free_port
        m.free_port = n + 1
        _unlock_ports(m, me)


# --- channels ---------------------------------------------------------------------------------------------------------


@hot
def _new_channel(m, me, task):
    """A record in a task's list that names nothing yet; -EMFILE, -ENFILE."""
    t = m.tasks[task]
    k = -EMFILE
    _lock_ports(m, me)
    if t.nr_channels < CHANNELS_PER_TASK:
        k = m.free_channel - 1
        if k >= 0:
            m.free_channel = m.channels[k].next
        elif m.fresh_channel < MAX_CHANNELS:
            k = m.fresh_channel
            m.fresh_channel += 1
        else:
            k = -ENFILE
    if k >= 0:
        t.first_channel = push_end(m.channels, k, t.first_channel)
        t.nr_channels += 1
    _unlock_ports(m, me)
    if k >= 0:
        count_made(m, me, TAG_CHANNEL, CHANNEL_BYTES)
    return k


@hot
def _free_channel(m, me, task, k):
    """A record that names nothing any more leaves its task's list."""
    t = m.tasks[task]
    count_freed(m, me, TAG_CHANNEL, CHANNEL_BYTES)
    _lock_ports(m, me)
    t.first_channel = _unlink(m.channels, k, t.first_channel)
    t.nr_channels -= 1
    m.channels[k].next = m.free_channel
    m.free_channel = k + 1
    _unlock_ports(m, me)


@hot
def _begin_channel(m, task, k, n):
    """The record becomes a channel to the locked port n; its handle."""
    p, c = m.ports[n], m.channels[k]
    p.channels += 1
    p.references += 1
    p.had_channels = 1
    c.port = n
    store_release(c, "owner", task + 1)  # after the port; pairs with load_acquire in find_channel
    return make_end(k, OF_CHANNEL, c.generation)


@hot
def create_channel(m, me, task, handle):
    """A channel to one of the task's own ports, or to the port of a channel; its handle.

    -EBADF; -EPIPE: that port is closed; -EMFILE, -ENFILE.
    """
    never_inline()
    noncritical(m, me)
    k = _new_channel(m, me, task)
    if k < 0:
        return k
    n = find_channel(m, me, handle) if end_kind(handle) == OF_CHANNEL else find_port(m, me, handle, task)
    result = n
    if n >= 0:
        result = _begin_channel(m, task, k, n) if m.ports[n].owner != 0 else -EPIPE
        unlock_port(m, me, m.ports[n])
    if result < 0:
        _free_channel(m, me, task, k)
    return result


@hot
def drop_channel(m, me, task, handle):
    """Give a channel of the task's back: 0, -EBADF, or -EPERM where it is another's. The last one ends its port."""
    never_inline()
    noncritical(m, me)
    n = find_channel(m, me, handle)
    if n < 0:
        return n
    k = end_index(handle)
    p, c = m.ports[n], m.channels[k]
    mine = load_relaxed(c, "owner") == task + 1
    news = 0
    if mine:
        c.owner = 0
        c.generation = (c.generation + 1) & 0x7FFFFFFF
        p.channels -= 1
        if p.channels == 0:
            news = news_of(m, me, p)
    unlock_port(m, me, p)
    if not mine:
        return -EPERM
    tell(m, me, p, news)
    _free_channel(m, me, task, k)
    _drop_reference(m, me, n)
    return 0


@hot
def drop_ends(m, me, task):
    """A task ends, or begins another program, its last thread apart: it gives back all that it has."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    while t.first_channel != 0:
        k = t.first_channel - 1
        if drop_channel(m, me, task, make_end(k, OF_CHANNEL, m.channels[k].generation)) < 0:
            _free_channel(m, me, task, k)  # one that names nothing: its maker was killed in between
    while t.first_port != 0:
        n = t.first_port - 1
        if not _close(m, me, task, n, m.ports[n].generation):
            break


@hot
def reset_ends(t):
    """A new task has no ports and channels."""
    t.first_port = 0
    t.first_channel = 0
    t.nr_ports = 0
    t.nr_channels = 0


# --- lists of what a task has: ports_lock held ------------------------------------------------------------------------


@hot
def push_end(records, n, first):
    """Put a record before the first one of a list; the list's word afterwards."""
    records[n].next = first
    records[n].previous = 0
    if first != 0:
        records[first - 1].previous = n + 1
    return n + 1


@hot
def _unlink(records, n, first):
    """Take a record out of the list; the list's word afterwards."""
    following, previous = records[n].next, records[n].previous
    if following != 0:
        records[following - 1].previous = previous
    if previous == 0:
        return following
    records[previous - 1].next = following
    return first
