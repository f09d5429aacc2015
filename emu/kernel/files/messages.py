"""Messages in a pipe (socket_ends.py): a header, the sender's address, the data, in one whole write and one read.

HEADER, three words
    size       bytes of all
    address    bytes of the address, a struct sockaddr
    travel     what comes with it: a number that the server knows, 0 nothing

The CPU sends messages without an address, and receives those with which nothing travels; the server does the rest
(server/vfs/socket.py), by the same layout.
"""

from ...abi.errno import EFAULT
from ...hot import hot, never_inline
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.spinlock import field_address
from ..critical import noncritical
from .pipe import RING_BYTES, SERVES, begin_reading, begin_writing, end_reading, end_writing
from .pipe_io import THE_SERVER, copy_out, move_bytes

HEADER_BYTES = 24


@hot
def send_message(m, me, i, p, task, va, count, total, nonblocking):
    """Write a message of `total` bytes of a task's stream; `total`, or an error, SLEEPS, SERVES."""
    never_inline()
    noncritical(m, me)
    size = HEADER_BYTES + total
    if size > RING_BYTES:
        return SERVES
    n = begin_writing(m, me, i, p, size, True, nonblocking, 0)
    if n < 0:
        return n
    c = m.cpus[me]
    c.scratch[0] = size
    c.scratch[1] = 0
    c.scratch[2] = 0
    host = field_address(c, "scratch")
    moved, error = move_bytes(m, me, THE_SERVER, host, 0, 0, p, p.tail, HEADER_BYTES, ACCESS_READ)
    if error == 0 and total > 0:
        moved, error = move_bytes(m, me, task, va, count, 0, p, p.tail + HEADER_BYTES, total, ACCESS_READ)
        if error == 0 and moved < total:
            error = -EFAULT  # the guest has made its segments shorter meanwhile
    end_writing(m, me, p, size if error == 0 else 0)
    return total if error == 0 else error


@hot
def receive_message(m, me, i, p, task, va, count, total, nonblocking):
    """Read a message; what it has beyond `total` bytes is lost. The bytes, 0 also at the end; error, SLEEPS, SERVES."""
    never_inline()
    noncritical(m, me)
    n = begin_reading(m, me, i, p, RING_BYTES, nonblocking)
    if n <= 0:
        return n
    c = m.cpus[me]
    copy_out(m, me, p, field_address(c, "scratch"), HEADER_BYTES)
    size = c.scratch[0]
    data = HEADER_BYTES + c.scratch[1]
    if c.scratch[2] != 0 or data > size or size > n:
        end_reading(m, me, p, 0)
        return SERVES
    length = min(size - data, total)
    moved, error = 0, 0
    if length > 0:
        moved, error = move_bytes(m, me, task, va, count, 0, p, p.head + data, length, ACCESS_WRITE)
    end_reading(m, me, p, size)
    return error if error < 0 else moved
