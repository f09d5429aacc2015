"""Linux calls on sockets that the CPU executes: socketpair of streams; plain data of connected sockets.

Addresses, what travels with messages, and all options but MSG_DONTWAIT and MSG_NOSIGNAL are the server's.  Waiting is
that of reads and writes (files.py).
"""

from ...abi.files import O_CLOEXEC, O_NONBLOCK
from ...abi.registers import A0
from ...abi.sockets import AF_UNIX, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_STREAM, SOCK_TYPE_MASK
from ...abi.words import int32
from ...hot import hot, never_inline
from ..actions import RESUME, SERVE
from ..files.descriptions import FILE_SOCKET, drop_description
from ..files.pipe import SERVES
from ..files.pipe_io import IOV_MAX, total_length
from ..files.sockets import new_socket_pair
from ..files.table import find_description
from ..vm.usercopy import get_word, put_int32, put_word
from .files import end_of_call, file_of_call, give_both, receive, send, sys_read, sys_write

NAME, IOV, IOV_LENGTH, CONTROL_BYTES, FLAGS = 0, 16, 24, 40, 48  # offsets in a struct msghdr


@hot
def sys_socketpair(m, me, i):
    """socketpair(family, type, protocol, int[2]) of stream sockets; the server makes or refuses all others."""
    never_inline()
    t = m.threads[i]
    kind, protocol = t.x[A0 + 1] & 0xFFFFFFFF, t.x[A0 + 2] & 0xFFFFFFFF
    flags = kind & ~SOCK_TYPE_MASK
    if (
        int32(t.x[A0]) != AF_UNIX
        or kind & SOCK_TYPE_MASK != SOCK_STREAM
        or protocol > 1
        or flags & ~(O_CLOEXEC | O_NONBLOCK)
    ):
        return SERVE
    k = m.tasks[t.task]
    one, other = new_socket_pair(m, me, flags & ~O_CLOEXEC, k.pid | (k.uid << 32))
    t.x[A0] = give_both(m, me, t.task, t.x[A0 + 3], one, other, 1 if flags & O_CLOEXEC else 0)
    return RESUME


@hot
def sys_transfer(m, me, i, sends):
    """sendto or recvfrom(fd, address, count, options, 0, 0)."""
    never_inline()
    t = m.threads[i]
    options = t.x[A0 + 3] & 0xFFFFFFFF
    if not _is_socket(m, me, t) or options & ~(MSG_DONTWAIT | MSG_NOSIGNAL) or t.x[A0 + 4] != 0:
        return SERVE
    return sys_write(m, me, i, False, options) if sends else sys_read(m, me, i, False, options)


@hot
def _is_socket(m, me, t):
    """Whether a call is made on a socket, by its first argument or as what it holds since it slept."""
    d, held = t.held_file - 1, 0
    if d < 0:
        d, held = find_description(m, me, t.task, int32(t.x[A0]))
    is_socket = d >= 0 and m.descriptions[d].kind == FILE_SOCKET
    if held:
        drop_description(m, me, d)
    return is_socket


@hot
def sys_message(m, me, i, sends):
    """sendmsg or recvmsg(fd, struct msghdr, options) without an address, and without control data to send."""
    never_inline()
    t = m.threads[i]
    options = t.x[A0 + 2] & 0xFFFFFFFF
    if not _is_socket(m, me, t) or options & ~(MSG_DONTWAIT | MSG_NOSIGNAL):
        return SERVE
    d, held = file_of_call(m, me, t)
    if d < 0:
        return SERVE  # closed meanwhile: the server says so
    at, result = t.x[A0 + 1], SERVES
    error, name = get_word(m, me, t.task, at + NAME)
    wrong, iov = get_word(m, me, t.task, at + IOV)
    error |= wrong
    wrong, count = get_word(m, me, t.task, at + IOV_LENGTH)
    error |= wrong
    wrong, control = get_word(m, me, t.task, at + CONTROL_BYTES)
    error |= wrong
    if error == 0 and name == 0 and count >= 0 and count <= IOV_MAX:
        total = total_length(m, me, t.task, iov, count)
        if sends and control == 0:
            result = send(m, me, i, d, iov, count, total, options)
        elif not sends and m.descriptions[d].framed == 0:  # of a message it is said whether it was longer
            result = receive(m, me, i, d, iov, count, total, options)
            if result >= 0:
                error = put_word(m, me, t.task, at + CONTROL_BYTES, 0) | put_int32(m, me, t.task, at + FLAGS, 0)
                result = error if error < 0 else result
    return end_of_call(m, me, t, d, held, result)
