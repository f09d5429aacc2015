"""eventfd2, read and write of event counters, epoll_create1, epoll_ctl, epoll_pwait, epoll_pwait2.

The server adds to a set the files that it keeps itself (server/calls/events.py).  A thread in epoll_wait keeps a
reference of the set while it sleeps, also where nobody else could close it: who does not look when it is woken, because
it is killed, passes the wake-up on (`let_go`).
"""

from ...abi.epoll import EFD_SEMAPHORE, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLL_EVENT_BYTES
from ...abi.errno import EBADF, EFAULT, EINVAL, EPERM
from ...abi.files import O_CLOEXEC, O_NONBLOCK, O_RDWR
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import hot, never_inline
from ...limits import EVENTS_AT_ONCE
from ...shm.atomics import load_relaxed
from ...shm.clock import steady_ns
from ...shm.exits import ACCESS_WRITE
from ...shm.spinlock import field_address
from ..actions import BLOCK, RESUME, SERVE
from ..critical import critical
from ..files.descriptions import (
    FILE_COUNTER,
    FILE_EPOLL,
    FILE_FOREIGN,
    FILE_SERVED,
    drop_description,
    hold_description,
    new_description,
)
from ..files.epoll import ALWAYS, add_to_set, change_in_set, put_back, remove_from_set, take_ready
from ..files.event_counter import free_counter, new_counter, read_counter, write_counter
from ..files.pipe import SLEEPS
from ..files.pipe_io import get_segment
from ..files.table import descriptor_limit, find_description, install, table_of
from ..files.watch_sets import close_set, new_set
from ..files.watches import lock_set, unlock_set
from ..sleep.endings import look_again
from ..sleep.heap import NEVER
from ..sleep.timeout_ring import post_timeout
from ..sleep.timespec import get_time
from ..sleep.waitqueue import join_until
from ..vm.usercopy import copy_user, get_word, put_word
from .masks import restore_mask, wait_with_mask

COUNTER_BYTES = 8
NS_PER_MS = 1_000_000
MOST_EVENTS = 0x7FFFFFFF // EPOLL_EVENT_BYTES
FOR_EVER = -1  # as a time
SERVE_IT = -1003  # a result beside errors
LOOKS_AGAIN = -1004  # likewise: something has come between the look and the sleep


# --- event counters ---------------------------------------------------------------------------------------------------


@hot
def _give(m, me, task, d, close_on_exec):
    """The lowest free descriptor for a new description, which is dropped where there is none."""
    fd = install(m, me, table_of(m, task), d, 0, descriptor_limit(m, task), close_on_exec)
    if fd < 0:
        drop_description(m, me, d)
    return fd


@hot
def sys_eventfd2(m, me, i):
    """eventfd2(count, flags)"""
    never_inline()
    t = m.threads[i]
    count, flags = t.x[A0] & 0xFFFFFFFF, t.x[A0 + 1] & 0xFFFFFFFF
    if flags & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE):
        return -EINVAL
    n = new_counter(m, me, count, flags & EFD_SEMAPHORE)
    if n < 0:
        return n
    d = new_description(m, me, FILE_COUNTER, O_RDWR | flags & O_NONBLOCK, n)
    if d < 0:
        free_counter(m, me, n)
        return d
    return _give(m, me, t.task, d, 1 if flags & O_CLOEXEC else 0)


@hot
def _number_at(m, me, t, vector):
    """(0 or an error, the guest address of the number that a call moves): of a vector, the first segment counts."""
    at, count = t.x[A0 + 1], t.x[A0 + 2]
    error = 0
    if vector:
        if int32(count) <= 0:
            return -EINVAL, 0
        error, at, count = get_segment(m, me, t.task, at, 0)
    if error == 0 and count >= 0 and count < COUNTER_BYTES:
        error = -EINVAL
    return error, at


@hot
def read_event(m, me, i, d, vector):
    """What a read of an event counter returns, or SLEEPS."""
    never_inline()
    t = m.threads[i]
    f = m.descriptions[d]
    error, at = _number_at(m, me, t, vector)
    if error < 0:
        return error
    nonblocking = load_relaxed(f, "flags") & O_NONBLOCK != 0
    error, taken = read_counter(m, me, i, m.event_counters[f.object], nonblocking)
    if error == 0:
        error = put_word(m, me, t.task, at, taken)
        if error != 0 and m.cpus[me].missing != 0:  # the call is made again when that page is in memory
            write_counter(m, me, i, m.event_counters[f.object], taken, True)
    return COUNTER_BYTES if error == 0 else error


@hot
def write_event(m, me, i, d, vector):
    """What a write to an event counter returns, or SLEEPS."""
    never_inline()
    t = m.threads[i]
    f = m.descriptions[d]
    error, at = _number_at(m, me, t, vector)
    if error < 0:
        return error
    error, added = get_word(m, me, t.task, at)
    if error == 0:
        nonblocking = load_relaxed(f, "flags") & O_NONBLOCK != 0
        error = write_counter(m, me, i, m.event_counters[f.object], added, nonblocking)
    return COUNTER_BYTES if error == 0 else error


# --- epoll ------------------------------------------------------------------------------------------------------------


@hot
def sys_epoll_create1(m, me, i):
    """epoll_create1(flags)"""
    never_inline()
    t = m.threads[i]
    flags = t.x[A0] & 0xFFFFFFFF
    if flags & ~O_CLOEXEC:
        return -EINVAL
    s = new_set(m, me)
    if s < 0:
        return s
    d = new_description(m, me, FILE_EPOLL, O_RDWR, s)
    if d < 0:
        close_set(m, me, s)
        return d
    return _give(m, me, t.task, d, 1 if flags else 0)


@hot
def sys_epoll_ctl(m, me, i):
    """epoll_ctl(set, operation, fd, event)"""
    never_inline()
    t = m.threads[i]
    operation, fd = int32(t.x[A0 + 1]), int32(t.x[A0 + 2])
    events, data = 0, 0
    if operation != EPOLL_CTL_DEL:
        error, events = get_word(m, me, t.task, t.x[A0 + 3])
        if error == 0:
            error, data = get_word(m, me, t.task, t.x[A0 + 3] + 8)
        if error < 0:
            t.x[A0] = error
            return RESUME
        events = events & 0xFFFFFFFF | ALWAYS
    outer, outer_held = find_description(m, me, t.task, int32(t.x[A0]))
    d, held = find_description(m, me, t.task, fd) if outer >= 0 else (-EBADF, 0)
    result = -EINVAL
    if d < 0:
        result = d
    elif m.descriptions[outer].kind == FILE_EPOLL and outer != d:
        s = m.descriptions[outer].object
        if operation == EPOLL_CTL_DEL:
            result = remove_from_set(m, me, s, d, fd)
        elif operation == EPOLL_CTL_MOD:
            result = change_in_set(m, me, s, d, fd, events, data)
        elif operation == EPOLL_CTL_ADD:
            if m.descriptions[d].kind == FILE_FOREIGN:
                result = -EPERM
            elif m.descriptions[d].kind == FILE_SERVED:
                result = SERVE_IT
            else:
                result = add_to_set(m, me, s, d, fd, events, data)
    if held:
        drop_description(m, me, d)
    if outer >= 0 and outer_held:
        drop_description(m, me, outer)
    if result == SERVE_IT:
        return SERVE
    t.x[A0] = result
    return RESUME


@hot
def sys_epoll_pwait(m, me, i, has_timespec):
    """epoll_pwait(set, events, most, milliseconds, mask, size); epoll_pwait2 has a struct timespec instead."""
    never_inline()
    t = m.threads[i]
    most, time_at = int32(t.x[A0 + 2]), t.x[A0 + 3]
    d, held = t.held_file - 1, 1
    t.held_file = 0
    patience_ns = 0
    if has_timespec:
        patience_ns = get_time(m, me, i, time_at) if time_at != 0 else FOR_EVER
        if time_at != 0 and patience_ns < 0:
            return _done(m, me, i, d, 1 if d >= 0 else 0, patience_ns)
    else:
        patience_ns = int32(time_at) * NS_PER_MS if int32(time_at) >= 0 else FOR_EVER
    error = wait_with_mask(m, me, i, t.x[A0 + 4], t.x[A0 + 5])
    if error < 0:
        return _done(m, me, i, d, 1 if d >= 0 else 0, error)
    if most <= 0 or most > MOST_EVENTS:
        return _done(m, me, i, d, 1 if d >= 0 else 0, -EINVAL)
    if d < 0:
        d, held = find_description(m, me, t.task, int32(t.x[A0]))
    if d < 0:
        return _done(m, me, i, d, 0, d)
    if m.descriptions[d].kind != FILE_EPOLL:
        return _done(m, me, i, d, held, -EINVAL)
    result = _collect(m, me, i, m.descriptions[d].object, t.x[A0 + 1], most, patience_ns)
    if result != SLEEPS and result != LOOKS_AGAIN and result != SERVE_IT:
        return _done(m, me, i, d, held, result)
    if not held:
        hold_description(m, d)
    t.held_file = d + 1
    if result == SERVE_IT:
        return SERVE  # which publishes what it has not yet, and has the call made again
    return BLOCK if result == SLEEPS else look_again(t)


@hot
def _done(m, me, i, d, held, result):
    """The call has a result."""
    t = m.threads[i]
    t.resume_deadline_ns = 0
    if held:
        drop_description(m, me, d)
    restore_mask(m, me, i)
    t.x[A0] = result
    return RESUME


@hot
def deadline_after(m, i, patience_ns):
    """Until when a call that waits that long does so, also when it is made again; 0: for ever, -1: not at all."""
    t = m.threads[i]
    if patience_ns == FOR_EVER:
        return 0
    deadline_ns = t.resume_deadline_ns
    if deadline_ns == 0:
        if patience_ns == 0:
            return -1
        deadline_ns = min(steady_ns(m) + patience_ns, NEVER)
    return deadline_ns


@hot
def sleep_in_set(m, me, i, e, deadline_ns):
    """Thread i sleeps until its locked set has something or the time has come; the lock is given back.

    False: something has come, or the time has; it does not sleep.
    """
    never_inline()
    critical(m, me)
    word = 0
    if e.first_ready == 0 and (deadline_ns == 0 or steady_ns(m) < deadline_ns):
        word = join_until(m, me, i, e.queue, deadline_ns)
    unlock_set(m, me, e)
    if word != 0 and deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, word)
    return word != 0


@hot
def _collect(m, me, i, s, va, most, patience_ns):
    """Store the events of set s in the guest; how many, 0: the time is over, -EFAULT, SLEEPS, LOOKS_AGAIN, SERVE_IT."""
    never_inline()
    t = m.threads[i]
    e = m.epoll_sets[s]
    stored = 0
    round = 0
    while True:
        n, round = take_ready(m, me, s, most - stored, round)
        at = va + stored * EPOLL_EVENT_BYTES
        size = n * EPOLL_EVENT_BYTES
        copied = copy_user(m, me, t.task, at, field_address(m.cpus[me], "ready_events"), size, ACCESS_WRITE) if n else 0
        whole = copied // EPOLL_EVENT_BYTES
        stored += whole
        if whole < n:
            put_back(m, me, s, whole, n)
            return stored if stored > 0 else -EFAULT
        if n == EVENTS_AT_ONCE and stored < most:
            continue
        if stored > 0:
            return stored
        deadline_ns = deadline_after(m, i, patience_ns)
        if deadline_ns < 0:
            return SERVE_IT if load_relaxed(m, "signal_news") != load_relaxed(m, "signal_news_seen") else 0
        lock_set(m, me, e)
        if sleep_in_set(m, me, i, e, deadline_ns):
            return SLEEPS
        if deadline_ns != 0 and steady_ns(m) >= deadline_ns:
            return 0
        t.resume_deadline_ns = deadline_ns
        return LOOKS_AGAIN
