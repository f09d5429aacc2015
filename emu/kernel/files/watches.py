"""Watches: which epoll set hears of which file, and how a change of the file marks them (epoll(7)).

A watch (WATCH) belongs to a set (EPOLL_SET) and to a description, and is in the lists of what that can change: its
sources, at most two (a socket reads one pipe and writes another).  poll and select make a set of their own while they
sleep.  For a new kind of file:

    what it is now     a case in readiness.py: `ready_now`, which takes no lock, and `sources_of`, the lists' heads
    it has changed     tell(m, me, head, k, key), in the locked section that makes the change: marks watches and wakes

    who changes a file: locks it                       who waits: locks its set
                        changes it                                takes a mark out of the ready list
                        tell: locks the set, marks                looks at the file: reports, marks again (level)
                              the watch, wakes one                nothing: joins the set's queue
                        unlocks both                              unlocks

No news is lost: a watch is put into a source's list under the source's lock, and looked at afterwards; so each change
is seen by that look or finds the watch in the list.  A mark is taken out before the look, under the set's lock, under
which each mark is made; so what the look misses is marked after it.  Who finds no mark joins the queue under that lock.

Always, while the locks that say so are free: `set` says whether a watch is used; it is then in the list of its set, of
its description and of its sources, and in the set's ready list exactly when `is_ready`.

A watch ends with its description (the last close), its set, or by hand.  All three hold watches_lock from the moment
they find it until it is out of all lists, so a file's record is never freed before.  It holds no reference of the file.

Sets may be in sets.  Those links have a lock of their own, nests_lock, which is taken before a set's lock, and of sets
one at a time is locked.  A set is in no circle and at most NEST_LEVELS deep; each walk comes once to each set.

Locks: watches_lock, then a source's, nests_lock, a set's, its queue's.  Rejected: a lock for each description instead
of watches_lock: adding and closing would take three locks in an order that depends on who ends what.
"""

from ...abi.epoll import EPOLLEXCLUSIVE, MODES
from ...abi.errno import ELOOP
from ...abi.files import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from ...hot import hot, never_inline
from ...limits import IPI_CALL, NEST_LEVELS, SERVER
from ...shm import lockrank
from ...shm.atomics import load_relaxed, store_relaxed
from ...shm.memory import load_64, store_64
from ...shm.spinlock import acquire, field_address, release
from ..critical import critical, either, noncritical
from ..ipi import send_ipi
from ..sleep.waitqueue import wake_queue


@hot
def lock_watches(m, me):
    acquire(m, me, field_address(m, "watches_lock"), lockrank.WATCHES)


@hot
def unlock_watches(m, me):
    release(m, me, field_address(m, "watches_lock"))


@hot
def lock_nests(m, me):
    acquire(m, me, field_address(m, "nests_lock"), lockrank.NESTS)


@hot
def unlock_nests(m, me):
    release(m, me, field_address(m, "nests_lock"))


@hot
def lock_set(m, me, e):
    acquire(m, me, field_address(e, "lock"), lockrank.EPOLL_SET)


@hot
def unlock_set(m, me, e):
    release(m, me, field_address(e, "lock"))


@hot
def with_synonyms(ready):
    """POLL* bits with those that Linux has for the same."""
    if ready & POLLIN:
        ready |= POLLRDNORM
    return ready | POLLWRNORM if ready & POLLOUT else ready


# --- marks ------------------------------------------------------------------------------------------------------------


@hot
def mark(m, me, e, w):
    """Put a watch at the end of its locked set's ready list, if it is not there."""
    critical(m, me)
    watch = m.watches[w]
    if watch.is_ready == 0:
        watch.is_ready = 1
        watch.ready_next = 0
        watch.ready_previous = e.last_ready
        if e.last_ready != 0:
            m.watches[e.last_ready - 1].ready_next = w + 1
        else:
            store_relaxed(e, "first_ready", w + 1)
        e.last_ready = w + 1


@hot
def unmark(m, me, e, w):
    """Take a marked watch out of its locked set's ready list."""
    critical(m, me)
    watch = m.watches[w]
    watch.is_ready = 0
    if watch.ready_previous != 0:
        m.watches[watch.ready_previous - 1].ready_next = watch.ready_next
    else:
        store_relaxed(e, "first_ready", watch.ready_next)
    if watch.ready_next != 0:
        m.watches[watch.ready_next - 1].ready_previous = watch.ready_previous
    else:
        e.last_ready = watch.ready_previous


@hot
def wake_one(m, me, e):
    """Wake one of those that wait for a locked set, and the server if it does; how many threads were woken.

    A thread that is woken and does not look (it is killed) wakes the next one: `pass_on`.
    """
    critical(m, me)
    store_relaxed(e, "changes", e.changes + 1)
    if e.polled != 0:
        e.polled = 0
        send_ipi(m, me, SERVER, IPI_CALL)
    return wake_queue(m, me, e.queue, 1) if e.queue.head != 0 else 0


@hot
def pass_on(m, me, s):
    """A thread that waited for set s does not look at it: another one does, if there is something."""
    never_inline()
    noncritical(m, me)
    e = m.epoll_sets[s]
    lock_set(m, me, e)
    if e.first_ready != 0:
        wake_one(m, me, e)
    unlock_set(m, me, e)


@hot
def mark_for(m, me, w, key):
    """Mark a watch that listens to one of these POLL* bits: (how many threads were woken, a set in others or -1)."""
    critical(m, me)
    key = with_synonyms(key)
    watch = m.watches[w]
    s = load_relaxed(watch, "set")
    if s < 0:
        return 0, -1  # it is about to leave the list
    e = m.epoll_sets[s]
    woken = 0
    outer = -1
    lock_set(m, me, e)
    if load_relaxed(watch, "set") == s and watch.events & ~MODES & key:
        mark(m, me, e, w)
        woken = wake_one(m, me, e)
        if e.watches != 0:
            outer = s
    unlock_set(m, me, e)
    return woken, outer


@hot
def tell(m, me, head, k, key):
    """A locked file has changed so that these POLL* bits hold now: mark who watches it.

    `head` is the first watch + 1 of the source's list, in which watches have their links k.  Of those that are
    EPOLLEXCLUSIVE one that wakes a thread is enough.
    """
    never_inline()
    critical(m, me)
    w = head - 1
    exclusive_woken = 0
    while w >= 0:
        watch = m.watches[w]
        is_exclusive = watch.events & EPOLLEXCLUSIVE != 0
        if not is_exclusive or exclusive_woken == 0:
            woken, outer = mark_for(m, me, w, key)
            if is_exclusive:
                exclusive_woken = woken
            if outer >= 0:
                tell_outer(m, me, outer)
        w = watch.next[k] - 1


@hot
def tell_outer(m, me, s):
    """Set s has news: so have the sets that it is in, and those that they are in."""
    never_inline()
    either(m, me)
    c = m.cpus[me]
    lock_nests(m, me)
    walk = begin_walk(m)
    depth = 0
    w = m.epoll_sets[s].watches - 1
    while True:
        if w < 0:
            if depth == 0:
                break
            depth -= 1
            w = m.watches[c.nest[depth]].next[0] - 1
            continue
        _, outer = mark_for(m, me, w, POLLIN)
        if outer >= 0 and m.epoll_sets[outer].visited != walk and depth < NEST_LEVELS:
            m.epoll_sets[outer].visited = walk
            c.nest[depth] = w
            depth += 1
            w = m.epoll_sets[outer].watches - 1
        else:
            w = m.watches[w].next[0] - 1
    unlock_nests(m, me)


# --- sources ----------------------------------------------------------------------------------------------------------


@hot
def attach(m, me, w, k, head_at, lock_at):
    """Put a watch into a source's list: the words at these host addresses. watches_lock is held."""
    critical(m, me)
    watch = m.watches[w]
    acquire(m, me, lock_at, lockrank.SOURCE)
    _link(m, w, k, head_at)
    watch.source_lock[k] = lock_at
    release(m, me, lock_at)


@hot
def _link(m, w, k, head_at):
    watch = m.watches[w]
    first = load_64(head_at)
    watch.next[k] = first
    watch.previous[k] = 0
    if first != 0:
        m.watches[first - 1].previous[k] = w + 1
    watch.source[k] = head_at
    store_64(head_at, w + 1)


@hot
def _unlink(m, w, k):
    watch = m.watches[w]
    if watch.previous[k] != 0:
        m.watches[watch.previous[k] - 1].next[k] = watch.next[k]
    else:
        store_64(watch.source[k], watch.next[k])
    if watch.next[k] != 0:
        m.watches[watch.next[k] - 1].previous[k] = watch.previous[k]
    watch.source[k] = 0


@hot
def detach(m, me, w, k):
    """Take a watch out of a source's list, if it is in one. watches_lock is held."""
    critical(m, me)
    lock_at = m.watches[w].source_lock[k]
    if m.watches[w].source[k] == 0:
        return
    if lock_at != 0:
        acquire(m, me, lock_at, lockrank.SOURCE)
        _unlink(m, w, k)
        release(m, me, lock_at)
    elif k == 0:
        _leave_nest(m, me, w)


@hot
def enter_nest(m, me, w, outer, inner):
    """A new watch lets set `inner` be in set `outer`; 0 or -ELOOP. watches_lock is held."""
    never_inline()
    critical(m, me)
    e = m.epoll_sets[inner]
    error = 0
    lock_nests(m, me)
    below = _levels(m, me, inner, False, outer)
    if below < 0 or below + _levels(m, me, outer, True, -1) > NEST_LEVELS:
        error = -ELOOP
    else:
        _link(m, w, 1, field_address(m.epoll_sets[outer], "nested"))
        lock_set(m, me, e)  # who marks something in it afterwards finds the watch
        _link(m, w, 0, field_address(e, "watches"))
        unlock_set(m, me, e)
    unlock_nests(m, me)
    return error


@hot
def _leave_nest(m, me, w):
    watch = m.watches[w]
    e = m.epoll_sets[m.descriptions[watch.description].object]
    lock_nests(m, me)
    lock_set(m, me, e)
    _unlink(m, w, 0)
    unlock_set(m, me, e)
    _unlink(m, w, 1)
    unlock_nests(m, me)


@hot
def begin_walk(m):
    """A number for a walk over nested sets. nests_lock is held."""
    m.nest_walks += 1
    return m.nest_walks


@hot
def _first_link(m, s, up):
    return (m.epoll_sets[s].watches if up else m.epoll_sets[s].nested) - 1


@hot
def _levels(m, me, s, up, forbidden):
    """How many levels of sets there are from set s on, inwards or `up`, with itself; -1 where `forbidden` is one."""
    never_inline()
    critical(m, me)
    c = m.cpus[me]
    walk = begin_walk(m)
    k = 0 if up else 1
    depth = 0
    m.epoll_sets[s].levels = 1
    if s == forbidden:
        return -1
    w = _first_link(m, s, up)
    while True:
        if w < 0:  # set s is done: its outcome counts for the one from which the walk came here
            if depth == 0:
                return m.epoll_sets[s].levels
            levels = m.epoll_sets[s].levels
            depth -= 1
            w = c.nest[depth]
            s = c.nest_sets[depth]
            watch = m.watches[w]
        else:
            watch = m.watches[w]
            following = watch.set if up else m.descriptions[watch.description].object
            if following == forbidden:
                return -1
            if following >= 0 and m.epoll_sets[following].visited != walk:
                if depth == NEST_LEVELS:
                    return NEST_LEVELS + 1
                m.epoll_sets[following].visited = walk
                m.epoll_sets[following].levels = 1
                c.nest[depth] = w
                c.nest_sets[depth] = s
                depth += 1
                s = following
                w = _first_link(m, s, up)
                continue
            levels = m.epoll_sets[following].levels if following >= 0 else 0
        m.epoll_sets[s].levels = max(m.epoll_sets[s].levels, levels + 1)
        w = watch.next[k] - 1
