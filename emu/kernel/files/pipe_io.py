"""Copying between a pipe and a guest's memory, or the system server's.

What a call moves is a stream of bytes in segments: one, of read and write, or those of a struct iovec array, which are
fetched from the guest when their turn comes.  A guest can change them meanwhile; so each is checked when it is fetched,
and how much moves has been decided before.

Bytes move in chunks, each within one slot and one segment.  A chunk that meets memory which may not be used does not
count, as if it had not been begun: a reader finds it again, and a writer has not written it.
"""

from ...abi.errno import EFAULT, EINVAL, ENOMEM
from ...hot import hot, never_inline
from ...limits import PAGE_SIZE, USER_TOP
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.layout import frame_address
from ...shm.memory import copy_bytes
from ..critical import noncritical
from ..vm.usercopy import copy_user, get_word
from .pipe import (
    SERVES,
    SLEEPS,
    begin_reading,
    begin_writing,
    end_reading,
    end_writing,
    frame_to_write,
    lock_pipe,
    slot_of,
    unlock_pipe,
)

IOV_MAX = 1024
IOVEC_BYTES = 16
TRANSFER_MAX = 0x7FFFF000  # the most that one call moves
THE_SERVER = -1  # as the task: addresses are the server's own


@hot
def get_segment(m, me, task, at, n):
    """(0 or an error, address, length) of a struct iovec of an array at `at`."""
    error, va = get_word(m, me, task, at + n * IOVEC_BYTES)
    if error < 0:
        return error, 0, 0
    error, length = get_word(m, me, task, at + n * IOVEC_BYTES + 8)
    if error < 0:
        return error, 0, 0
    if length < 0:
        return -EINVAL, 0, 0
    return 0, va, length


@hot
def total_length(m, me, task, at, count):
    """How many bytes an array of struct iovec asks to move, at most TRANSFER_MAX; -EINVAL, -EFAULT."""
    never_inline()
    if count < 0 or count > IOV_MAX:
        return -EINVAL
    total = 0
    for n in range(count):
        error, _, length = get_segment(m, me, task, at, n)
        if error < 0:
            return error
        total += min(length, TRANSFER_MAX)  # of 1,024 at most: no overflow
    return min(total, TRANSFER_MAX)


@hot
def _chunk(m, me, task, va, host, count, access):
    """Copy a chunk; whether it was done whole."""
    if task >= 0:
        return copy_user(m, me, task, va, host, count, access) == count
    if access == ACCESS_READ:
        copy_bytes(host, va, count)
    else:
        copy_bytes(va, host, count)
    return True


@hot
def move_bytes(m, me, task, va, count, done, p, position, n, access):
    """Copy n bytes between the pipe from `position` on and the guest's stream from byte `done` on.

    The stream is `count` segments at va, or with count 0 the memory at va itself.  (bytes moved, 0 or an error).
    """
    never_inline()
    noncritical(m, me)
    moved = 0
    error = 0
    segment = 0
    skip = done
    while moved < n and error == 0 and segment < max(count, 1):
        at, length = va, done + n
        if count > 0:
            error, at, length = get_segment(m, me, task, va, segment)
        segment += 1
        if error < 0 or skip >= length:
            skip -= length
            continue
        left = min(length - skip, n - moved)
        if task >= 0 and (at < 0 or at > USER_TOP):
            error = -EFAULT
            continue
        at += skip
        skip = 0
        while left > 0:
            step = min(left, PAGE_SIZE - (position & (PAGE_SIZE - 1)))
            frame = p.slots[slot_of(position)] - 1 if access == ACCESS_WRITE else frame_to_write(m, me, p, position)
            if frame < 0:
                error = -ENOMEM
                break
            host = frame_address(m, frame) + (position & (PAGE_SIZE - 1))
            if not _chunk(m, me, task, at, host, step, access):
                error = -EFAULT
                break
            at += step
            position += step
            moved += step
            left -= step
    return moved, error


@hot
def read_pipe(m, me, i, p, task, va, count, total, nonblocking):
    """Read up to `total` bytes, at least one where there are any; how many, 0 at the end, an error, SLEEPS, SERVES."""
    n = begin_reading(m, me, i, p, total, nonblocking)
    if n <= 0:
        return n
    moved, error = move_bytes(m, me, task, va, count, 0, p, p.head, n, ACCESS_WRITE)
    end_reading(m, me, p, moved)
    return moved if moved > 0 else error


@hot
def write_pipe(m, me, i, p, task, va, count, total, done, whole, nonblocking):
    """Write what there is room for of bytes `done` to `total`: (bytes, 0 or an error), (SLEEPS or SERVES, 0)."""
    n = begin_writing(m, me, i, p, total - done, whole, nonblocking, done)
    if n < 0:
        return (n, 0) if n == SLEEPS or n == SERVES else (0, n)
    moved, error = move_bytes(m, me, task, va, count, done, p, p.tail, n, ACCESS_READ)
    end_writing(m, me, p, moved)
    return moved, error


@hot
def copy_out(m, me, p, host, n):
    """Copy n bytes, of which the caller holds `reading`, to the server's memory; they stay."""
    move_bytes(m, me, THE_SERVER, host, 0, 0, p, p.head, n, ACCESS_WRITE)


@hot
def _mark_next_byte(m, me, p):
    """Something travels with byte `tail`, which the caller holds `writing` to put in."""
    lock_pipe(m, me, p)
    p.last_mark = p.tail + 1
    if p.mark == 0:
        p.mark = p.tail + 1
    unlock_pipe(m, me, p)


@hot
def write_marked(m, me, p, host, count):
    """As write_pipe from the server's memory: with the first byte something travels, which the server knows."""
    never_inline()
    n = begin_writing(m, me, THE_SERVER, p, count, False, False, 0)
    if n < 0:
        return 0, n
    moved, error = move_bytes(m, me, THE_SERVER, host, 0, 0, p, p.tail, n, ACCESS_READ)
    if moved > 0:
        _mark_next_byte(m, me, p)  # before readers see it
    end_writing(m, me, p, moved)
    return moved, error
