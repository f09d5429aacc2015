"""aio_submit: a read or write that a helper carries out, and whose outcome is a message (inko-6; task/helpers.py).

    a0 descriptor   a1 AIO_READ, AIO_WRITE   a2 address   a3 bytes   a4 offset, -1: the file's position   a5 user data

The message is in the caller's mailbox once the operation is over, as from the caller itself: user data, result,
operation, descriptor.  The result is what read, write, pread or pwrite returns.  What a CPU reads and writes itself
(pipes, sockets, eventfds) is held from now on: the caller may close the descriptor.  A file of the system server's has
to stay open, since the server looks for the descriptor when the operation begins.

No completion is lost: a mailbox that is full is tried again later, by the helper, which waits meanwhile.
"""

from ...abi.errno import EAGAIN, EBADF, EINVAL, ENOMEM
from ...abi.registers import A0
from ...abi.syscall_numbers import NUMBERS
from ...abi.words import int32
from ...hot import hot, never_inline
from ...limits import USER_TOP
from ...shm.clock import steady_ns
from ..actions import BLOCK, LEFT, RESUME
from ..files.descriptions import FILE_SERVED, drop_description, hold_description
from ..files.table import find_description
from ..ipc.mailbox import send_as
from ..sleep.until import sleep_until
from ..task.exiting import exit_thread
from ..task.helpers import A7, DESCRIPTOR, OPERATION, RESULT, USER_DATA, new_helper, start_helper
from ..thread.save_area import save, saved
from ..thread.states import SLEEP_TIME

AIO_READ, AIO_WRITE = 0, 1
AT_POSITION = -1
RETRY_NS = 1_000_000  # between two looks at a mailbox that is full
READ, WRITE, PREAD, PWRITE = (NUMBERS[name] for name in ("read", "write", "pread64", "pwrite64"))


@hot
def aio_submit(m, me, i):
    """Begin an operation; 0 or an error, and then there will be no message."""
    never_inline()
    t = m.threads[i]
    fd, operation, address, size, offset, user_data = (
        t.x[A0],
        t.x[A0 + 1],
        t.x[A0 + 2],
        t.x[A0 + 3],
        t.x[A0 + 4],
        t.x[A0 + 5],
    )
    if operation != AIO_READ and operation != AIO_WRITE or size < 0 or size > USER_TOP or offset < AT_POSITION:
        return -EINVAL
    fd = int32(fd)
    d, held = find_description(m, me, t.task, fd)
    if d < 0:
        return -EBADF
    is_served = m.descriptions[d].kind == FILE_SERVED
    if not held and not is_served:
        hold_description(m, d)
    n = new_helper(m, me, i)
    if n < 0:
        if not is_served:
            drop_description(m, me, d)
        return n
    new = m.threads[n]
    at_position = offset == AT_POSITION
    if at_position and not is_served:
        new.held_file = d + 1  # which the call takes up
    elif not is_served:
        drop_description(m, me, d)  # the server says what is wrong with an offset
    number = PREAD if operation == AIO_READ else PWRITE
    if at_position:
        number = READ if operation == AIO_READ else WRITE
    x = new.x
    x[A0] = fd
    x[A0 + 1] = address
    x[A0 + 2] = size
    x[A0 + 3] = offset
    x[A7] = number
    save(m, new, USER_DATA, user_data)
    save(m, new, OPERATION, operation)
    save(m, new, DESCRIPTOR, fd)
    start_helper(m, me, i, n)
    return 0


@hot
def aio_end(m, me, i):
    """A helper tells the outcome, and leaves; what its CPU does next (actions.py)."""
    never_inline()
    t = m.threads[i]
    tid = t.helps
    if tid <= 0:
        t.x[A0] = -EINVAL
        return RESUME
    t.x[A0 + 1] = saved(m, t, USER_DATA)
    t.x[A0 + 2] = t.x[RESULT]
    t.x[A0 + 3] = saved(m, t, OPERATION)
    t.x[A0 + 4] = saved(m, t, DESCRIPTOR)
    error = send_as(m, me, i, tid, tid)
    if error == -EAGAIN or error == -ENOMEM:
        sleep_until(m, me, i, SLEEP_TIME, steady_ns(m) + RETRY_NS, False, 0)  # and then makes the call again
        return BLOCK
    exit_thread(m, me, i, 0)
    return LEFT
