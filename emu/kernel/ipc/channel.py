"""Sending through channels and receiving from ports (rust-11).

A port has one size of message, its unit, or takes any (unit 0).  Sends never wait: -EAGAIN says that the port is full.
A message of whole pages at the beginning of a page moves (moved.py); all others are copied, by way of memory of the
CPU's own, since no guest's page may be touched with a port's lock held:

    sender    guest -> CPU; lock; CPU -> ring; unlock; wake receivers
    receiver  see that the buffer may be stored to; lock; ring -> CPU; unlock; CPU -> guest

A guest that unmaps its buffer while it receives loses what was taken out.  Several messages of a unit go in one call.

No lost wake-up: a receiver that finds nothing joins the port's queue before it gives the lock back; who changes the
port does so under that lock, looks at the queue, and wakes all who wait there afterwards, since one alone might be
killed before it looks.  (Threads that wait for several ports: select.py.)

Messages that were sent before the last channel was dropped are received; then receivers get -EPIPE, as do senders to
a port that is closed.
"""

from ...abi.errno import EAGAIN, EFAULT, EINVAL, EMSGSIZE, ENOMEM, EPERM, EPIPE, ETIMEDOUT
from ...hot import hot, never_inline
from ...limits import MESSAGE_BYTES, MOVED_BYTES, PAGE_SIZE
from ...shm.events import MOVE, RECEIVE, SEND, emit
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.spinlock import field_address
from ..containers.capabilities import may_reach
from ..critical import noncritical
from ..files.pipe import SLEEPS
from ..sleep.timeout_ring import post_timeout
from ..sleep.until import native_deadline
from ..sleep.waitqueue import join_natively
from ..vm.maplock import lock_map, lock_mm, unlock_map, unlock_mm
from ..vm.mapping import join_range
from ..vm.shootdown import answer_shootdowns
from ..vm.usercopy import copy_user, may_store
from .handles import find_channel, find_port, is_dead, news_of, tell, unlock_port
from .moved import cut_out, enter_locked, leave_place, may_move, place_for, put_back
from .ring import (
    HEADER_BYTES,
    append_areas,
    append_message,
    copy_message,
    is_moved,
    load_word,
    make_room,
    message_size,
    room_of,
    space_of,
    take_out,
)

LOOKS_AGAIN = -1004  # a result beside errors: something has come between the look and the sleep
MOVES = -1005  # likewise: the first message has to be mapped
MOVES_AT_ONCE = 64  # messages that move in one call: nobody else changes what the task has mapped meanwhile


# --- sending ----------------------------------------------------------------------------------------------------------


@hot
def send(m, me, i, handle, va, size, count):
    """Thread i sends messages of `size` bytes (-1: the port's unit) that lie one behind the other; how many were sent.

    -EBADF; -EPERM: the thread's container may not send to the port's owner; -EPIPE: the port is closed; -EAGAIN: it is
    full; -EMSGSIZE: not of its unit; -EFAULT; -ENOMEM; -EINVAL: the message has to move, and cannot.
    """
    never_inline()
    noncritical(m, me)
    n = find_channel(m, me, handle)
    if n < 0:
        return n
    p = m.ports[n]
    unit, owner, full = p.unit, p.owner, _is_full(p)
    unlock_port(m, me, p)
    mine = m.tasks[m.threads[i].task].container
    if mine != 0 and owner != 0 and not may_reach(m, mine, m.tasks[owner - 1].container):
        return -EPERM
    if size < 0:
        size = unit
    if (unit != 0 and size != unit) or size > MOVED_BYTES:
        return -EMSGSIZE
    if owner == 0 or full:
        return -EPIPE if owner == 0 else -EAGAIN
    if size >= PAGE_SIZE and (size | va) & (PAGE_SIZE - 1) == 0:
        return _send_pages(m, me, i, handle, va, size, count)
    if size > MESSAGE_BYTES:
        return -EINVAL if unit != 0 else -EMSGSIZE
    count = min(count, MESSAGE_BYTES // max(size, 1))
    staged = field_address(m.cpus[me], "message")
    got = copy_user(m, me, m.threads[i].task, va, staged, count * size, ACCESS_READ) if size > 0 else 0
    if got < count * size:
        count = got // size
        if count == 0:
            return -EFAULT
    return _append(m, me, i, handle, unit, staged, size, count)


@hot
def _is_full(p):
    """True where a locked port takes no message more, however small."""
    return room_of(p) < space_of(8) or (p.limit != 0 and p.waiting >= p.limit)


@hot
def _append(m, me, i, handle, unit, staged, size, count):
    """Put copied messages into the ring: how many there was room for."""
    n = find_channel(m, me, handle)  # again: it may have been dropped meanwhile
    if n < 0:
        return n
    p = m.ports[n]
    room = room_of(p) // space_of(size)
    if p.limit != 0:
        room = min(room, p.limit - p.waiting)
    count = min(count, room)
    news = 0
    if p.owner == 0:
        count = -EPIPE
    elif count <= 0:
        count = -EAGAIN
    elif not make_room(m, me, p, count * space_of(size)):
        count = -ENOMEM
    else:
        for k in range(count):
            append_message(m, p, staged + k * size, size)
        news = news_of(m, me, p)
    waiting = p.waiting
    unlock_port(m, me, p)
    if count > 0:
        emit(m, me, SEND, i, ~n, waiting)
        tell(m, me, p, news)
    return count


@hot
def _send_pages(m, me, i, handle, va, size, count):
    """Move messages: how many were sent, or why the first was not."""
    never_inline()
    task = m.threads[i].task
    done = 0
    result = 0
    lock_map(m, me, task)
    while done < min(count, MOVES_AT_ONCE):
        result = _move_out(m, me, i, task, handle, va + done * size, size)
        if result < 0:
            break
        done += 1
        if me < m.nr_cpus:
            answer_shootdowns(m, me)
    unlock_map(m, me, task)
    return done if done > 0 else result


@hot
def _move_out(m, me, i, task, handle, va, size):
    """Move one message into the port; 0 or an error: nothing has changed. map_lock held."""
    if not may_move(m, me, task, va, size):
        return -EINVAL
    a = cut_out(m, me, task, va, size)
    if a < 0:
        return a
    n = find_channel(m, me, handle)
    error = n
    if n >= 0:
        p = m.ports[n]
        news = 0
        error = 0
        if p.owner == 0:
            error = -EPIPE
        elif _is_full(p):
            error = -EAGAIN
        elif not make_room(m, me, p, space_of(8)):
            error = -ENOMEM
        else:
            append_areas(m, p, a, size)
            news = news_of(m, me, p)
        waiting = p.waiting
        unlock_port(m, me, p)
        if error == 0:
            emit(m, me, MOVE, i, va, size)
            emit(m, me, SEND, i, ~n, waiting)
            tell(m, me, p, news)
    if error < 0:
        put_back(m, me, task, a)
        return error
    leave_place(m, task, va, size)
    return 0


# --- receiving --------------------------------------------------------------------------------------------------------


@hot
def receive(m, me, i, handle, va, room, count, timeout_ns, wanted):
    """Take up to `count` messages into `room` bytes at va; (how many bytes, where they lie, how many messages).

    `room` -1: as many bytes as those messages of the port's unit have (-EINVAL where it has none).
    A message that moves is taken alone, and mapped at `wanted`, or where there is room (0).
    (An error, SLEEPS or LOOKS_AGAIN, 0, 0): -EBADF; -EPIPE: nobody can send any more; -EAGAIN, -ETIMEDOUT; -EMSGSIZE:
    the first message is larger than `room`, and stays; -EFAULT: the buffer cannot be stored to; of `wanted`: place_for.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    task = t.task
    size, taken = 0, 0
    result, unit = _find_message(m, me, i, handle, timeout_ns)
    if room < 0 and unit > 0:
        room = min(count, MESSAGE_BYTES // unit) * unit
    elif room < 0 and result == 0:
        result = -EINVAL
    if result == 0:
        result, size, taken = _take_bytes(m, me, i, handle, va, min(room, MESSAGE_BYTES), count)
    if result == MOVES:
        result, va, size = _move_in(m, me, i, task, handle, wanted)
        taken = 1
    if result == LOOKS_AGAIN and timeout_ns > 0 and t.resume_deadline_ns == 0:
        t.resume_deadline_ns = native_deadline(m, t, timeout_ns)
    if result == SLEEPS or result == LOOKS_AGAIN:
        return result, 0, 0
    t.resume_deadline_ns = 0
    return (result, 0, 0) if result < 0 else (size, va, taken)


@hot
def _find_message(m, me, i, handle, timeout_ns):
    """(0: there is a message; MOVES, an error, or SLEEPS; the port's unit)."""
    t = m.threads[i]
    n = find_port(m, me, handle, t.task)
    if n < 0:
        return n, 0
    p = m.ports[n]
    unit = p.unit
    if p.waiting != 0:
        result = MOVES if is_moved(load_word(m, p, p.head)) else 0
        unlock_port(m, me, p)
        return result, unit
    deadline_ns = native_deadline(m, t, timeout_ns)
    word = 0
    result = SLEEPS
    if is_dead(p):
        result = -EPIPE
    elif deadline_ns < 0:
        result = -EAGAIN if timeout_ns == 0 else -ETIMEDOUT
    else:
        word = join_natively(m, me, i, p.queue, deadline_ns)
    unlock_port(m, me, p)
    if word != 0 and deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, word)
    return result, unit


@hot
def _may_fill(m, me, task, va, n):
    """Whether n bytes from va on may be stored to."""
    done = 0
    while done < n:
        if not may_store(m, me, task, va + done):
            return False
        done += PAGE_SIZE - ((va + done) & (PAGE_SIZE - 1))
    return True


@hot
def _take_bytes(m, me, i, handle, va, room, count):
    """Copy messages to the guest; (0, bytes, messages), (MOVES, LOOKS_AGAIN or an error, 0, 0)."""
    never_inline()
    task = m.threads[i].task
    if not _may_fill(m, me, task, va, room):
        return -EFAULT, 0, 0
    n = find_port(m, me, handle, task)
    if n < 0:
        return n, 0, 0
    p = m.ports[n]
    staged = field_address(m.cpus[me], "message")
    at = p.head
    size = 0
    taken = 0
    result = LOOKS_AGAIN if p.waiting == 0 else 0  # another thread has taken the message
    while result == 0 and taken < count and at < p.tail:
        header = load_word(m, p, at)
        length = message_size(header)
        if is_moved(header):
            result = MOVES
        elif size + length > room:
            result = -EMSGSIZE
        else:
            copy_message(m, p, at, staged + size, length)
            size += length
            taken += 1
            at += space_of(length)
    if taken > 0:
        result = 0
        take_out(m, me, p, at, taken)
    waiting = p.waiting
    unlock_port(m, me, p)
    if taken > 0:
        emit(m, me, RECEIVE, i, ~n, waiting)
        if size > 0 and copy_user(m, me, task, va, staged, size, ACCESS_WRITE) < size:
            result = -EFAULT  # another thread has unmapped the buffer meanwhile
    return result, size, taken


@hot
def _move_in(m, me, i, task, handle, wanted):
    """Map the first message, which moves; (0, where, bytes), (LOOKS_AGAIN or an error, 0, 0)."""
    never_inline()
    lock_map(m, me, task)
    result, place, size = _place_first(m, me, task, handle, wanted)
    if result == 0:
        result = _take_areas(m, me, i, task, handle, place, size)
        if result == 0:
            join_range(m, me, task, place, place + size)
    unlock_map(m, me, task)
    return result, place, size


@hot
def _place_first(m, me, task, handle, wanted):
    """(0, a place for the first message, its bytes), or (LOOKS_AGAIN or an error, 0, 0). map_lock held."""
    n = find_port(m, me, handle, task)
    if n < 0:
        return n, 0, 0
    p = m.ports[n]
    header = load_word(m, p, p.head) if p.waiting != 0 else 0
    unlock_port(m, me, p)
    if is_moved(header) == 0:
        return LOOKS_AGAIN, 0, 0
    place = place_for(m, me, task, wanted, message_size(header))
    if place < 0:
        return place, 0, 0
    return 0, place, message_size(header)


@hot
def _take_areas(m, me, i, task, handle, place, size):
    """Take the first message out, if it is one of that size that moves, and map it; 0, LOOKS_AGAIN, -EBADF."""
    lock_mm(m, me, task)
    n = find_port(m, me, handle, task)
    result = min(n, 0)
    if n >= 0:
        p = m.ports[n]
        header = load_word(m, p, p.head) if p.waiting != 0 else 0
        if is_moved(header) and message_size(header) == size:
            a = load_word(m, p, p.head + HEADER_BYTES) - 1
            take_out(m, me, p, p.head + space_of(8), 1)
            enter_locked(m, task, a, place, True, m.tasks[task].lock_future)
            emit(m, me, RECEIVE, i, ~n, p.waiting)
        else:
            result = LOOKS_AGAIN
        unlock_port(m, me, p)
    unlock_mm(m, me, task)
    return result
