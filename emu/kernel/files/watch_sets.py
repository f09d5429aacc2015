"""Making and ending epoll sets and watches; watches.py says what they are and which locks guard them."""

from ...abi.errno import ENOMEM, ENOSPC
from ...hot import hot, never_inline
from ...limits import MAX_EPOLL_SETS, MAX_WATCHES
from ...shm.atomics import load_relaxed, store_relaxed
from ...shm.layout.events import EPOLL_SET, WATCH
from ...shm.tags import TAG_EPOLL_SET, TAG_WATCH, count_freed, count_made
from ..critical import critical, either, noncritical
from .watches import detach, lock_set, lock_watches, mark_for, tell_outer, unlock_set, unlock_watches, unmark

SET_BYTES, WATCH_BYTES = EPOLL_SET.size, WATCH.size


@hot
def new_set(m, me):
    """An empty set; its index, or -ENOMEM."""
    never_inline()
    either(m, me)
    lock_watches(m, me)
    s = m.free_epoll_set - 1
    if s >= 0:
        m.free_epoll_set = m.epoll_sets[s].next_free
    elif m.fresh_epoll_set < MAX_EPOLL_SETS:
        s = m.fresh_epoll_set
        m.fresh_epoll_set += 1
    unlock_watches(m, me)
    if s < 0:
        return -ENOMEM
    count_made(m, me, TAG_EPOLL_SET, SET_BYTES)
    m.epoll_sets[s].polled = 0
    return s  # its lists are empty; a signal may still look at the queue for a thread that has slept there


@hot
def close_set(m, me, s):
    """Nobody refers to a set any more: it lets go of what it watches, and is free."""
    never_inline()
    noncritical(m, me)
    e = m.epoll_sets[s]
    more = True
    while more:
        lock_watches(m, me)
        w = e.members - 1
        if w >= 0:
            end_watch(m, me, w)
        more = e.members != 0
        unlock_watches(m, me)
    count_freed(m, me, TAG_EPOLL_SET, SET_BYTES)
    lock_watches(m, me)
    e.next_free = m.free_epoll_set
    m.free_epoll_set = s + 1
    unlock_watches(m, me)


@hot
def new_watch(m, me, s, d, fd, events, data):
    """A watch of description d in set s, in no source's list yet; its index, or -ENOSPC. watches_lock is held."""
    never_inline()
    critical(m, me)
    w = m.free_watch - 1
    if w >= 0:
        m.free_watch = m.watches[w].member_next
    elif m.fresh_watch < MAX_WATCHES:
        w = m.fresh_watch
        m.fresh_watch += 1
    else:
        return -ENOSPC
    count_made(m, me, TAG_WATCH, WATCH_BYTES)
    watch = m.watches[w]
    watch.description = d
    watch.fd = fd
    watch.events = events
    watch.data = data
    watch.is_ready = 0
    watch.round = 0
    for k in range(2):
        watch.source[k] = 0
        watch.source_lock[k] = 0
    e, f = m.epoll_sets[s], m.descriptions[d]
    watch.member_previous = 0
    watch.member_next = e.members
    if e.members != 0:
        m.watches[e.members - 1].member_previous = w + 1
    e.members = w + 1
    watch.sibling_previous = 0
    watch.sibling_next = f.first_watch
    if f.first_watch != 0:
        m.watches[f.first_watch - 1].sibling_previous = w + 1
    store_relaxed(f, "first_watch", w + 1)
    lock_set(m, me, e)
    store_relaxed(watch, "set", s)
    unlock_set(m, me, e)
    return w


@hot
def find_watch(m, me, s, d, fd):
    """The watch of a description that set s has by a descriptor, -1 when there is none. watches_lock is held."""
    critical(m, me)
    w = m.descriptions[d].first_watch - 1
    while w >= 0 and (m.watches[w].set != s or m.watches[w].fd != fd):
        w = m.watches[w].sibling_next - 1
    return w


@hot
def end_watch(m, me, w):
    """Take a watch out of all lists and free it. watches_lock is held."""
    never_inline()
    critical(m, me)
    watch = m.watches[w]
    e, f = m.epoll_sets[watch.set], m.descriptions[watch.description]
    lock_set(m, me, e)
    if watch.is_ready != 0:
        unmark(m, me, e, w)
    store_relaxed(watch, "set", -1)  # nobody marks it from here on
    watch.serial += 1
    unlock_set(m, me, e)
    detach(m, me, w, 0)
    detach(m, me, w, 1)
    if watch.member_previous != 0:
        m.watches[watch.member_previous - 1].member_next = watch.member_next
    else:
        e.members = watch.member_next
    if watch.member_next != 0:
        m.watches[watch.member_next - 1].member_previous = watch.member_previous
    if watch.sibling_previous != 0:
        m.watches[watch.sibling_previous - 1].sibling_next = watch.sibling_next
    else:
        store_relaxed(f, "first_watch", watch.sibling_next)
    if watch.sibling_next != 0:
        m.watches[watch.sibling_next - 1].sibling_previous = watch.sibling_previous
    count_freed(m, me, TAG_WATCH, WATCH_BYTES)
    watch.member_next = m.free_watch
    m.free_watch = w + 1


@hot
def end_watches(m, me, d):
    """Description d has no reference any more: nobody watches it from here on."""
    noncritical(m, me)
    f = m.descriptions[d]
    while load_relaxed(f, "first_watch") != 0:  # nobody can add one
        lock_watches(m, me)
        if f.first_watch != 0:
            end_watch(m, me, f.first_watch - 1)
        unlock_watches(m, me)


@hot
def tell_served(m, me, d, ready, fresh):
    """The server has looked at a SERVED description: these POLL* bits hold, and of those `fresh` are news."""
    never_inline()
    noncritical(m, me)
    f = m.descriptions[d]
    lock_watches(m, me)
    store_relaxed(f, "ready", ready)
    w = f.first_watch - 1
    while w >= 0 and fresh != 0:
        _, outer = mark_for(m, me, w, fresh)
        if outer >= 0:
            tell_outer(m, me, outer)
        w = m.watches[w].sibling_next - 1
    unlock_watches(m, me)
