"""Epoll sets: what is added, changed and removed, and what is ready (epoll(7), epoll_ctl(2), epoll_wait(2)).

A watch is marked when its file has news; only marked ones are looked at, so 1,000 idle files cost nothing.  Level: a
watch that is reported is marked again, at the end of the list.  Edge (EPOLLET): it is not.  EPOLLONESHOT: its events
are cleared, and it hears of nothing until it is modified.  EPOLLEXCLUSIVE: of the sets that watch a file so, one that
wakes a thread is told (watches.py).

A look at a set that is in this one needs other locks than this set's.  So the set's lock is given back for that look,
and the watch counts only if it is still the same one afterwards (its serial).
"""

from ...abi.epoll import EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP, MODES
from ...abi.errno import EEXIST, EINVAL, ENOENT
from ...abi.files import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from ...hot import hot, never_inline
from ...limits import EVENTS_AT_ONCE
from ..critical import noncritical
from .descriptions import FILE_EPOLL
from .readiness import ready_file, ready_now, set_is_ready, watch_sources
from .watch_sets import end_watch, find_watch, new_watch
from .watches import (
    lock_set,
    lock_watches,
    mark,
    tell_outer,
    unlock_set,
    unlock_watches,
    unmark,
    wake_one,
    with_synonyms,
)

ALWAYS = POLLERR | POLLHUP  # what poll and epoll report whether it was asked for or not
ALONE = EPOLLEXCLUSIVE | EPOLLET | EPOLLWAKEUP | POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | ALWAYS


@hot
def add_to_set(m, me, s, d, fd, events, data):
    """Let set s watch description d, of which the caller keeps a reference; 0, -EEXIST, -ENOSPC, -ELOOP, -EINVAL."""
    never_inline()
    noncritical(m, me)
    if events & EPOLLEXCLUSIVE and (events & ~ALONE or m.descriptions[d].kind == FILE_EPOLL):
        return -EINVAL
    lock_watches(m, me)
    if find_watch(m, me, s, d, fd) >= 0:
        unlock_watches(m, me)
        return -EEXIST
    w = new_watch(m, me, s, d, fd, events, data)
    if w < 0:
        unlock_watches(m, me)
        return w
    error = watch_sources(m, me, w)
    serial = m.watches[w].serial
    if error < 0:
        end_watch(m, me, w)
    unlock_watches(m, me)
    if error == 0:
        _look_first(m, me, s, w, serial)
    return error


@hot
def _look_first(m, me, s, w, serial):
    """Mark a watch whose file is ready already; what comes from here on marks it by itself."""
    e, watch = m.epoll_sets[s], m.watches[w]
    ready = ready_file(m, me, watch.description)
    nested = False
    lock_set(m, me, e)
    if watch.set == s and watch.serial == serial and ready & watch.events & ~MODES:
        mark(m, me, e, w)
        wake_one(m, me, e)
        nested = e.watches != 0
    unlock_set(m, me, e)
    if nested:
        tell_outer(m, me, s)


@hot
def change_in_set(m, me, s, d, fd, events, data):
    """Let set s watch a file for something else from now on, also where it was reported once; 0, -ENOENT, -EINVAL."""
    never_inline()
    noncritical(m, me)
    e = m.epoll_sets[s]
    lock_watches(m, me)
    w = find_watch(m, me, s, d, fd)
    error = 0 if w >= 0 else -ENOENT
    serial = 0
    if w >= 0:
        serial = m.watches[w].serial
        if (events | m.watches[w].events) & EPOLLEXCLUSIVE:
            error = -EINVAL
        else:
            lock_set(m, me, e)  # who marks it later sees the new events
            m.watches[w].events = events
            m.watches[w].data = data
            unlock_set(m, me, e)
    unlock_watches(m, me)
    if error == 0:
        _look_first(m, me, s, w, serial)
    return error


@hot
def remove_from_set(m, me, s, d, fd):
    """Set s does not watch a file any more; 0 or -ENOENT."""
    never_inline()
    noncritical(m, me)
    lock_watches(m, me)
    w = find_watch(m, me, s, d, fd)
    if w >= 0:
        end_watch(m, me, w)
    unlock_watches(m, me)
    return 0 if w >= 0 else -ENOENT


@hot
def take_ready(m, me, s, most, round):
    """Take up to `most`, at most EVENTS_AT_ONCE, events of set s into `me`'s words (CPU.ready_events).

    (how many, the number of this round, with which the caller goes on; 0 begins one).  A watch comes once in a round.
    """
    never_inline()
    noncritical(m, me)
    c, e = m.cpus[me], m.epoll_sets[s]
    most = min(most, EVENTS_AT_ONCE)
    n = 0
    lock_set(m, me, e)
    if round == 0:
        e.round += 1
        round = e.round
    while n < most:
        w = e.first_ready - 1
        if w < 0 or m.watches[w].round == round:
            break
        watch = m.watches[w]
        unmark(m, me, e, w)  # before the look: what comes after it is news
        watch.round = round
        serial = watch.serial
        if m.descriptions[watch.description].kind == FILE_EPOLL:
            inner = m.descriptions[watch.description].object
            unlock_set(m, me, e)
            ready = with_synonyms(POLLIN) if set_is_ready(m, me, inner) else 0
            lock_set(m, me, e)
        else:
            ready = ready_now(m, me, watch.description)
        if watch.set != s or watch.serial != serial:
            continue
        events = watch.events
        ready &= events & ~MODES
        if ready == 0:
            continue
        c.ready_events[2 * n] = ready
        c.ready_events[2 * n + 1] = watch.data
        c.ready_watches[2 * n] = w
        c.ready_watches[2 * n + 1] = serial
        n += 1
        if events & EPOLLONESHOT:
            watch.events &= MODES
        elif events & EPOLLET == 0:
            mark(m, me, e, w)
    if e.first_ready != 0 and e.queue.head != 0:
        wake_one(m, me, e)  # for what is left; pairs with the one wake-up of each mark
    unlock_set(m, me, e)
    return n, round


@hot
def put_back(m, me, s, first, n):
    """The guest has not got events `first` to n: mark their watches again."""
    never_inline()
    noncritical(m, me)
    c, e = m.cpus[me], m.epoll_sets[s]
    lock_set(m, me, e)
    for k in range(first, n):
        w = c.ready_watches[2 * k]
        if m.watches[w].set == s and m.watches[w].serial == c.ready_watches[2 * k + 1]:
            if m.watches[w].events & EPOLLONESHOT:
                m.watches[w].events |= c.ready_events[2 * k]
            mark(m, me, e, w)
    unlock_set(m, me, e)
