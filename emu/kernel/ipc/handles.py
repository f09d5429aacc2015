"""Handles of ports and channels, and telling those who wait for a port (rust-11; port.py says what the two are).

A handle is index, kind and generation in one number.  `find_port` and `find_channel` lock what it names; whatever is
wrong with it is -EBADF.  A channel's handle leads to its port.
"""

from ...abi.errno import EBADF
from ...hot import hot, never_inline
from ...limits import MAX_CHANNELS, MAX_PORTS
from ...shm import lockrank
from ...shm.atomics import load_acquire, load_relaxed
from ...shm.bits import bits
from ...shm.spinlock import acquire, field_address, release
from ..critical import critical, either, noncritical
from ..sleep.waitqueue import wake_queue

HANDLE = bits("index:24 kind:8 generation:*")  # of a port or channel
end_index, end_kind, end_generation = HANDLE.getters()
make_end = HANDLE.packer()
OF_PORT, OF_CHANNEL = 1, 2
ALL = 1 << 30
# What a change of a port has to tell others, once its lock is free; above these bits, the owner's index + 1.
NEWS = bits("receivers:1 selectors:1 owner:*")
tells_receivers, tells_selectors, told_owner = NEWS.getters()
pack_news = NEWS.packer()


@hot
def lock_port(m, me, p):
    acquire(m, me, field_address(p, "lock"), lockrank.PORT)


@hot
def unlock_port(m, me, p):
    release(m, me, field_address(p, "lock"))


@hot
def find_port(m, me, handle, task):
    """The index of a task's own open port, which is locked from here on; or -EBADF."""
    either(m, me)
    n = end_index(handle)
    if end_kind(handle) != OF_PORT or n >= MAX_PORTS:
        return -EBADF
    p = m.ports[n]
    lock_port(m, me, p)
    if p.generation == end_generation(handle) and p.owner == task + 1:
        return n
    unlock_port(m, me, p)
    return -EBADF


@hot
def find_channel(m, me, handle):
    """The index of the port that a channel sends to, which is locked from here on, and may be closed; or -EBADF."""
    either(m, me)
    k = end_index(handle)
    if end_kind(handle) != OF_CHANNEL or k >= MAX_CHANNELS:
        return -EBADF
    c = m.channels[k]
    n = load_relaxed(c, "port")
    lock_port(m, me, m.ports[n])
    # The owner first: where a new channel has one, its port is seen too; pairs with store_release in _begin_channel.
    if load_acquire(c, "owner") != 0 and c.generation == end_generation(handle) and load_relaxed(c, "port") == n:
        return n
    unlock_port(m, me, m.ports[n])
    return -EBADF


@hot
def is_dead(p):
    """True when nobody can send to a locked port any more. One that never had a channel may still get its first."""
    return p.channels == 0 and p.had_channels != 0


# --- telling receivers ------------------------------------------------------------------------------------------------


@hot
def news_of(m, me, p):
    """What a change of the locked port has to tell others: see `tell`."""
    critical(m, me)
    selected = p.selected
    p.selected = 0
    return pack_news(1 if p.queue.head != 0 else 0, selected, p.owner)


@hot
def tell(m, me, p, news):
    """Wake those who wait for the port, whose lock is free again: all, since one might be killed before it looks.

    Its record may be another port's by now, or its owner's another task's: then some look once more than they need.
    """
    noncritical(m, me)
    if tells_receivers(news):
        wake_queue(m, me, p.queue, ALL)
    if tells_selectors(news) and told_owner(news) != 0:
        _tell_selectors(m, me, m.tasks[told_owner(news) - 1])


@hot
def _tell_selectors(m, me, t):
    """Wake the threads of a task that wait for several ports (select.py)."""
    never_inline()
    lock = field_address(t, "select_lock")
    acquire(m, me, lock, lockrank.SELECT)
    t.select_news += 1
    sleeps = t.select_queue.head != 0
    release(m, me, lock)
    if sleeps:
        wake_queue(m, me, t.select_queue, ALL)
