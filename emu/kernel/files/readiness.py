"""What is ready now, file by file: for epoll, poll and select.

A kind of file has a case in `ready_now`, and one in `watch_sources`: the lists in which its watches hear of changes
(watches.py).  `ready_now` is called with a set's lock held, so it takes no lock: it reads words that say what was so at
some moment since the call began, and a change after that marks the watch anew.
"""

from ...abi.epoll import MODES
from ...abi.files import POLLIN, POLLOUT
from ...hot import hot, never_inline
from ...shm.atomics import load_relaxed
from ...shm.spinlock import field_address
from ..critical import critical, either, noncritical
from .descriptions import (
    FILE_COUNTER,
    FILE_EPOLL,
    FILE_FOREIGN,
    FILE_PIPE,
    FILE_SERVED,
    FILE_SOCKET,
    reads,
    writes,
)
from .event_counter import counter_ready, lock_counter, unlock_counter
from .pipe_questions import poll_pipe
from .socket_ends import socket_ready
from .watches import (
    attach,
    begin_walk,
    detach,
    enter_nest,
    lock_nests,
    lock_set,
    lock_watches,
    unlock_nests,
    unlock_set,
    unlock_watches,
    unmark,
    with_synonyms,
)


@hot
def ready_now(m, me, d):
    """POLL* bits that hold now for a description that is no epoll set."""
    f = m.descriptions[d]
    ready = 0
    if f.kind == FILE_COUNTER:
        return counter_ready(m.event_counters[f.object])
    if f.kind == FILE_PIPE:
        flags = load_relaxed(f, "flags")
        ready = poll_pipe(m, me, m.pipes[f.object], reads(flags), writes(flags), False)
    elif f.kind == FILE_SOCKET:
        ready = socket_ready(m, me, f, False)
    elif f.kind == FILE_SERVED:
        ready = load_relaxed(f, "ready")
    elif f.kind == FILE_FOREIGN:
        ready = POLLIN | POLLOUT  # as every file that keeps what is written
    return with_synonyms(ready)


@hot
def ready_file(m, me, d):
    """As ready_now, of any description; no lock is held."""
    if m.descriptions[d].kind == FILE_EPOLL:
        return with_synonyms(POLLIN) if set_is_ready(m, me, m.descriptions[d].object) else 0
    return ready_now(m, me, d)


@hot
def poll_file(m, me, d):
    """As ready_file of one that is not SERVED; the server is told of the next change."""
    either(m, me)
    f = m.descriptions[d]
    if f.kind == FILE_COUNTER:
        lock_counter(m, me, m.event_counters[f.object])
        m.event_counters[f.object].polled = 1
        unlock_counter(m, me, m.event_counters[f.object])
    elif f.kind == FILE_EPOLL:
        lock_set(m, me, m.epoll_sets[f.object])
        m.epoll_sets[f.object].polled = 1
        unlock_set(m, me, m.epoll_sets[f.object])
    elif f.kind == FILE_SOCKET:
        return socket_ready(m, me, f, True)
    elif f.kind == FILE_PIPE:
        flags = load_relaxed(f, "flags")
        return poll_pipe(m, me, m.pipes[f.object], reads(flags), writes(flags), True)
    return ready_file(m, me, d)


@hot
def watch_sources(m, me, w):
    """Put a watch into the lists of what its file depends on; 0 or -ELOOP. watches_lock is held."""
    never_inline()
    critical(m, me)
    f = m.descriptions[m.watches[w].description]
    if f.kind == FILE_COUNTER:
        e = m.event_counters[f.object]
        attach(m, me, w, 0, field_address(e, "watches"), field_address(e, "lock"))
    elif f.kind == FILE_PIPE or f.kind == FILE_SOCKET:
        flags = load_relaxed(f, "flags")
        if f.kind == FILE_SOCKET or reads(flags):
            p = m.pipes[f.object]
            attach(m, me, w, 0, field_address(p, "read_watches"), field_address(p, "lock"))
        if f.kind == FILE_SOCKET or writes(flags):
            _watch_output(m, me, w, f)
    elif f.kind == FILE_EPOLL:
        return enter_nest(m, me, w, m.watches[w].set, f.object)
    return 0


@hot
def _watch_output(m, me, w, f):
    """Put a watch into the list of what its file, a pipe's end or a socket, writes to."""
    output = load_relaxed(f, "output")
    if output >= 0:
        p = m.pipes[output]
        attach(m, me, w, 1, field_address(p, "write_watches"), field_address(p, "lock"))


@hot
def watch_output_anew(m, me, d):
    """Socket d writes to another pipe than before, which is still there: who watches it hears of the new one."""
    never_inline()
    noncritical(m, me)
    f = m.descriptions[d]
    lock_watches(m, me)
    w = f.first_watch - 1
    while w >= 0:
        detach(m, me, w, 1)
        _watch_output(m, me, w, f)
        w = m.watches[w].sibling_next - 1
    unlock_watches(m, me)


# --- sets in sets -----------------------------------------------------------------------------------------------------


@hot
def _any_ready(m, me, s):
    """Whether a file of set s, that is no set, is ready. Marks of those that are not are taken away."""
    e = m.epoll_sets[s]
    found = False
    lock_set(m, me, e)
    w = e.first_ready - 1
    while w >= 0 and not found:
        watch = m.watches[w]
        following = watch.ready_next - 1
        if m.descriptions[watch.description].kind != FILE_EPOLL:
            found = ready_now(m, me, watch.description) & watch.events & ~MODES != 0
            if not found:
                unmark(m, me, e, w)
        w = following
    unlock_set(m, me, e)
    return found


@hot
def set_is_ready(m, me, s):
    """Whether epoll_wait on set s would find something, in it or in the sets that are in it."""
    never_inline()
    noncritical(m, me)
    if _any_ready(m, me, s):
        return True
    if load_relaxed(m.epoll_sets[s], "nested") == 0:
        return False
    c = m.cpus[me]
    lock_nests(m, me)
    walk = begin_walk(m)
    depth = 0
    found = False
    w = m.epoll_sets[s].nested - 1
    while not found:
        if w < 0:
            if depth == 0:
                break
            depth -= 1
            w = m.watches[c.nest[depth]].next[1] - 1
            continue
        watch = m.watches[w]
        inner = m.descriptions[watch.description].object
        if watch.events & with_synonyms(POLLIN) == 0 or m.epoll_sets[inner].visited == walk:
            w = watch.next[1] - 1
            continue
        m.epoll_sets[inner].visited = walk
        found = _any_ready(m, me, inner)
        c.nest[depth] = w
        depth += 1
        w = m.epoll_sets[inner].nested - 1
    unlock_nests(m, me)
    return found
