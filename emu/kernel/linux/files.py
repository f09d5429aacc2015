"""Linux calls on descriptors that the CPU executes: close, dup, fcntl, pipe2; reads and writes of pipes and sockets.

What the system server keeps (a description of kind SERVED) it also reads and writes, and some of a socket's data
(DESCRIPTION.served, SERVES): these calls return SERVE then.

A call that waits is made again when it is woken (`join_to_retry`); THREAD.sleep_done is what it has written before.  It
ends with the file with which it began, whatever other threads let its descriptor refer to meanwhile, and an end of a
pipe is open as long as a call sleeps with it: THREAD.held_file is the reference that the call has while it sleeps.  It
is taken up when the call is made again, and dropped where that does not happen: when a signal or a kill ends the call
(`let_go`, from cpu_worker/loop.py and task/exiting.py).
"""

from ...abi.errno import EBADF, EINVAL, EMFILE, EPIPE
from ...abi.files import CREATION_FLAGS, O_CLOEXEC, O_DIRECT, O_NONBLOCK, PIPE_BUF, SETTABLE_FLAGS
from ...abi.registers import A0
from ...abi.signals import SIGPIPE
from ...abi.sockets import MSG_DONTWAIT, MSG_NOSIGNAL
from ...abi.words import int32
from ...hot import hot, never_inline
from ...shm.atomics import load_acquire, load_relaxed, store_relaxed
from ..actions import BLOCK, RESUME, SERVE, YIELD
from ..files.descriptions import (
    FILE_COUNTER,
    FILE_EPOLL,
    FILE_FOREIGN,
    FILE_PIPE,
    FILE_SERVED,
    drop_description,
    new_pipe_ends,
    reads,
    writes,
)
from ..files.messages import receive_message, send_message
from ..files.pipe import SERVES, SLEEPS
from ..files.pipe_io import TRANSFER_MAX, read_pipe, total_length, write_pipe
from ..files.pipe_questions import set_capacity
from ..files.socket_ends import READS_SERVED, WRITES_SERVED
from ..files.table import (
    asks_server,
    change_close_on_exec,
    close_descriptor,
    descriptor_limit,
    duplicate_at,
    find_description,
    hold_descriptor,
    install,
    table_of,
)
from ..task.siginfo import SI_USER, siginfo
from ..task.signals import signal_thread
from ..thread.states import RESTART_WOKEN
from ..vm.usercopy import put_int32
from .events import read_event, write_event

F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC = 0, 1, 2, 3, 4, 1030
F_SETPIPE_SZ, F_GETPIPE_SZ = 1031, 1032
FD_CLOEXEC = 1

TURNS = 4  # pipefuls that a call writes before other threads of its CPU have their turn
YIELDS = -1001  # a result of `send` beside counts, errors and SLEEPS


# --- data -------------------------------------------------------------------------------------------------------------


@hot
def file_of_call(m, me, t):
    """As find_description of a call's first argument, or what the call held while it slept."""
    d = t.held_file - 1
    if d >= 0:
        t.held_file = 0
        return d, 1
    return find_description(m, me, t.task, int32(t.x[A0]))


@hot
def sys_read(m, me, i, vector, options):
    """read(fd, address, count), or with `vector` readv(fd, struct iovec[], count). `options`: MSG_* of recvfrom."""
    t = m.threads[i]
    d, held = file_of_call(m, me, t)
    if d < 0:
        t.x[A0] = d
        return RESUME
    kind = m.descriptions[d].kind
    if kind == FILE_SERVED:
        return SERVE
    if kind == FILE_COUNTER:
        result = read_event(m, me, i, d, vector)
    elif kind == FILE_FOREIGN:
        result = SERVES  # by its file server (forwarding.py)
    elif kind == FILE_EPOLL:
        result = -EINVAL
    else:
        total, count = _wanted(m, me, t.task, t, vector)
        result = receive(m, me, i, d, t.x[A0 + 1], count, total, options)
    return end_of_call(m, me, t, d, held, result)


@hot
def receive(m, me, i, d, va, count, total, options):
    """Read up to `total` bytes, or what is less than 0: the error. The bytes, an error, SLEEPS, SERVES."""
    t = m.threads[i]
    f = m.descriptions[d]
    flags = load_relaxed(f, "flags")
    if load_acquire(f, "served") & READS_SERVED:
        return SERVES
    if not reads(flags):
        return -EBADF
    nonblocking = flags & O_NONBLOCK != 0 or options & MSG_DONTWAIT != 0
    if total < 0 or total == 0 and f.framed == 0:
        return total
    if f.framed != 0:
        return receive_message(m, me, i, m.pipes[f.object], t.task, va, count, total, nonblocking)
    return read_pipe(m, me, i, m.pipes[f.object], t.task, va, count, total, nonblocking)


@hot
def end_of_call(m, me, t, d, held, result):
    """What the CPU does after a call on a file that it found in the table, or held while it slept."""
    if result == SLEEPS or result == YIELDS:
        t.held_file = d + 1 if held else 0
        return BLOCK if result == SLEEPS else YIELD
    if held:
        drop_description(m, me, d)
    if result == SERVES:
        return SERVE
    t.x[A0] = result
    return RESUME


@hot
def _wanted(m, me, task, t, vector):
    """(how many bytes a call asks to move or an error, how many segments it names: 0 for a plain address)."""
    if vector:
        count = int32(t.x[A0 + 2])
        return total_length(m, me, task, t.x[A0 + 1], count), count
    count = t.x[A0 + 2]
    return (TRANSFER_MAX if count < 0 else min(count, TRANSFER_MAX)), 0


@hot
def sys_write(m, me, i, vector, options):
    """write(fd, address, count), or with `vector` writev(fd, struct iovec[], count). `options`: MSG_* of sendto."""
    t = m.threads[i]
    d, held = file_of_call(m, me, t)
    if d < 0:
        t.x[A0] = d
        return RESUME
    kind = m.descriptions[d].kind
    if kind == FILE_SERVED:
        return SERVE
    if kind == FILE_COUNTER:
        result = write_event(m, me, i, d, vector)
    elif kind == FILE_FOREIGN:
        result = SERVES  # by its file server (forwarding.py)
    elif kind == FILE_EPOLL:
        result = -EINVAL
    else:
        total, count = _wanted(m, me, t.task, t, vector)
        result = send(m, me, i, d, t.x[A0 + 1], count, total, options)
    return end_of_call(m, me, t, d, held, result)


@hot
def send(m, me, i, d, va, count, total, options):
    """Write `total` bytes, or what is less than 0: the error. The bytes, an error, SLEEPS, YIELDS, SERVES."""
    t = m.threads[i]
    f = m.descriptions[d]
    flags = load_relaxed(f, "flags")
    if load_acquire(f, "served") & WRITES_SERVED:
        return SERVES
    if not writes(flags):
        return -EBADF
    if total < 0 or total == 0 and f.framed == 0:
        return total
    if f.framed == 0:
        return _write(m, me, i, d, va, count, total, options)
    nonblocking = flags & O_NONBLOCK != 0 or options & MSG_DONTWAIT != 0
    result = send_message(m, me, i, m.pipes[f.output], t.task, va, count, total, nonblocking)
    return SERVES if result == -EPIPE else result  # what it means depends on the socket, which the server knows


@hot
def _write(m, me, i, d, va, count, total, options):
    """Write to a pipe until all `total` bytes are written, or, without waiting, what there is room for."""
    never_inline()
    t = m.threads[i]
    f = m.descriptions[d]
    p = m.pipes[f.output]
    done = t.sleep_done
    error = 0
    turn = 0
    while done < total and error == 0:
        if turn == TURNS:
            t.sleep_done = done
            t.restart = RESTART_WOKEN
            return YIELDS
        turn += 1
        nonblocking = load_relaxed(f, "flags") & O_NONBLOCK != 0 or options & MSG_DONTWAIT != 0
        n, error = write_pipe(
            m, me, i, p, t.task, va, count, total, done, total <= PIPE_BUF, nonblocking
        )  # fmt: skip
        if n == SLEEPS:
            return SLEEPS
        if n == SERVES:
            return done if done > 0 else SERVES
        done += n
    if error == -EPIPE and options & MSG_NOSIGNAL == 0:
        k = m.tasks[t.task]
        siginfo(m, me, SIGPIPE, SI_USER, k.pid | (k.uid << 32), 0)
        signal_thread(m, me, i, SIGPIPE)
    return done if done > 0 else error


# --- descriptors ------------------------------------------------------------------------------------------------------


@hot
def sys_close(m, me, i):
    t = m.threads[i]
    f = table_of(m, t.task)
    if asks_server(m, me, f, int32(t.x[A0])):
        return SERVE
    t.x[A0] = close_descriptor(m, me, f, int32(t.x[A0]))
    return RESUME


@hot
def _duplicate(m, me, task, fd, minimum, close_on_exec):
    """A new descriptor for the description of another."""
    never_inline()
    f = table_of(m, task)
    limit = descriptor_limit(m, task)
    d = hold_descriptor(m, me, f, fd)
    if d < 0:
        return d
    new = install(m, me, f, d, minimum, limit, close_on_exec) if minimum >= 0 and minimum < limit else -EINVAL
    if new < 0:
        drop_description(m, me, d)
    return new


@hot
def sys_dup(m, me, i):
    t = m.threads[i]
    if descriptor_limit(m, t.task) <= 0:
        return -EMFILE
    return _duplicate(m, me, t.task, int32(t.x[A0]), 0, 0)


@hot
def sys_dup3(m, me, i):
    """dup3(fd, new, flags)"""
    never_inline()
    t = m.threads[i]
    fd, new, flags = int32(t.x[A0]), int32(t.x[A0 + 1]), t.x[A0 + 2] & 0xFFFFFFFF
    f = table_of(m, t.task)
    result = -EBADF
    if flags & ~O_CLOEXEC or fd == new:
        result = -EINVAL
    elif new >= 0 and new < descriptor_limit(m, t.task):
        if asks_server(m, me, f, new):
            return SERVE
        result = duplicate_at(m, me, f, fd, new, 1 if flags else 0)
    t.x[A0] = result
    return RESUME


@hot
def sys_fcntl(m, me, i):
    """fcntl(fd, command, argument)"""
    never_inline()
    t = m.threads[i]
    fd, command, argument = int32(t.x[A0]), t.x[A0 + 1] & 0xFFFFFFFF, t.x[A0 + 2]
    f = table_of(m, t.task)
    result = -EINVAL
    if command == F_DUPFD or command == F_DUPFD_CLOEXEC:
        result = _duplicate(m, me, t.task, fd, int32(argument), 1 if command == F_DUPFD_CLOEXEC else 0)
    elif command == F_GETFD:
        result = change_close_on_exec(m, me, f, fd, -1)
    elif command == F_SETFD:
        result = min(change_close_on_exec(m, me, f, fd, argument & FD_CLOEXEC), 0)
    else:
        d, held = find_description(m, me, t.task, fd)
        if d < 0:
            result = d
        elif m.descriptions[d].kind == FILE_SERVED:
            return SERVE
        else:
            result = _control(m, me, d, command, argument)
        if held:
            drop_description(m, me, d)
    t.x[A0] = result
    return RESUME


@hot
def _control(m, me, d, command, argument):
    """What fcntl does with a description that is not the server's."""
    f = m.descriptions[d]
    flags = load_relaxed(f, "flags")
    if command == F_GETFL:
        return flags & ~CREATION_FLAGS
    if command == F_SETFL:
        store_relaxed(f, "flags", flags & ~SETTABLE_FLAGS | argument & SETTABLE_FLAGS)
        return 0
    if f.kind != FILE_PIPE and (command == F_GETPIPE_SZ or command == F_SETPIPE_SZ):
        return -EBADF
    if command == F_GETPIPE_SZ:
        return m.pipes[f.object].capacity
    if command == F_SETPIPE_SZ:
        return set_capacity(m, me, m.pipes[f.object], int32(argument))
    return -EINVAL


@hot
def sys_pipe2(m, me, i):
    """pipe2(int[2], flags)"""
    never_inline()
    t = m.threads[i]
    at, flags = t.x[A0], t.x[A0 + 1] & 0xFFFFFFFF
    if flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT):
        return -EINVAL
    reader, writer = new_pipe_ends(m, me, flags & ~O_CLOEXEC)
    return give_both(m, me, t.task, at, reader, writer, 1 if flags & O_CLOEXEC else 0)


@hot
def give_both(m, me, task, at, reader, writer, close_on_exec):
    """Let two new descriptors refer to two new descriptions, and store their numbers; 0 or an error."""
    never_inline()
    if reader < 0:
        return reader
    f = table_of(m, task)
    limit = descriptor_limit(m, task)
    first = install(m, me, f, reader, 0, limit, close_on_exec)
    second = install(m, me, f, writer, 0, limit, close_on_exec) if first >= 0 else first
    if second >= 0:
        error = put_int32(m, me, task, at, first)
        if error == 0:
            error = put_int32(m, me, task, at + 4, second)
        if error == 0:
            return 0
        close_descriptor(m, me, f, first)
        close_descriptor(m, me, f, second)
        return error
    if first >= 0:
        close_descriptor(m, me, f, first)
    else:
        drop_description(m, me, reader)
    drop_description(m, me, writer)
    return second
