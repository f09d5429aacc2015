"""Served calls that send and receive: sendto, recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg.

The CPU sends and receives plain bytes of connected streams (kernel/linux/files.py); here is all else: addresses, open
files and credentials that travel along, options, messages.
"""

import functools
import struct

from ...abi.errno import EAGAIN, EINVAL, EMSGSIZE, ENOBUFS, EOPNOTSUPP, EPERM, ESRCH
from ...abi.sockets import (
    AF_UNIX,
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_OOB,
    MSG_WAITFORONE,
    SCM_CREDENTIALS,
    SCM_MAX_FD,
    SCM_RIGHTS,
    SOCK_STREAM,
    SOL_SOCKET,
)
from ..errors import Blocked, LinuxError
from ..vfs import socket_calls
from ..vfs.addresses import pack
from ..vfs.socket_calls import Sending
from ..vfs.travel import NOBODY, drop_all
from .connections import bind_to_any, reachable
from .files import segments_of
from .registry import Int32, Pointer, Size, Timeout, UInt32, served
from .sockets import find_named, put_address, read_address, socket_of

MSGHDR = struct.Struct("<QI4xQQQQi4x")  # name, its size, iovecs, their count, control, its size, flags
CMSG = struct.Struct("<Qii")  # size with this header, level, type
MOST_CONTROL = 20480  # net.core.optmem_max
MOST_MESSAGES = 1024
MMSGHDR_BYTES = MSGHDR.size + 8


def _aligned(size):
    return size + 7 & ~7


# --- sending ----------------------------------------------------------------------------------------------------------


def _send(call, socket, segments, flags, address_at, address_size, control=b""):
    if flags & MSG_OOB:
        raise LinuxError(EOPNOTSUPP)
    address = find = None
    if address_at and not (socket.type == SOCK_STREAM and socket.family != AF_UNIX):
        address = read_address(call, address_at, address_size, socket.family)
        if socket.family == AF_UNIX:
            find = functools.partial(find_named, call, socket, address)
        else:
            address = reachable(address)
    if socket.family != AF_UNIX and socket.type != SOCK_STREAM and (address or socket.peer_name):
        if socket.name is None:
            bind_to_any(socket)
    descriptions, credentials = [], None
    if control and socket.family == AF_UNIX:
        try:
            credentials = _take_control(call, control, descriptions)
        except LinuxError:
            drop_all(socket.files, descriptions)
            raise
    return socket_calls.send(call, socket, segments, Sending(flags, find, address, descriptions, credentials))


def _take_control(call, control, descriptions):
    """Read what travels along: descriptions, each with a reference, into the list; the credentials or None."""
    at, credentials = 0, None
    while at + CMSG.size <= len(control):
        size, level, kind = CMSG.unpack_from(control, at)
        if size < CMSG.size or at + size > len(control):
            raise LinuxError(EINVAL)
        data = control[at + CMSG.size : at + size]
        at += _aligned(size)
        if level != SOL_SOCKET:
            continue
        if kind == SCM_RIGHTS:
            fds = struct.unpack(f"<{len(data) // 4}i", data[: len(data) // 4 * 4])
            if len(fds) + len(descriptions) > SCM_MAX_FD:
                raise LinuxError(EINVAL)
            for fd in fds:
                descriptions.append(call.task.files.hold(fd))
        elif kind == SCM_CREDENTIALS:
            if len(data) != 12:
                raise LinuxError(EINVAL)
            credentials = _checked_credentials(call, *struct.unpack("<iII", data))
        else:
            raise LinuxError(EINVAL)
    return credentials


def _checked_credentials(call, pid, uid, gid):
    """What a task may say that it is. EPERM, ESRCH."""
    who = call.credentials
    if not who.privileged:
        if pid != call.task.pid or uid not in (who.uid, who.euid, who.suid) or gid not in (who.gid, who.egid, who.sgid):
            raise LinuxError(EPERM)
    elif pid != call.task.pid and pid <= 0:
        raise LinuxError(ESRCH)
    return pid, uid, gid


@served("sendto")
def sendto(call, fd: Int32, at: Pointer, count: Size, flags: UInt32, address: Pointer, size: Int32):
    return _send(call, socket_of(call, fd), [(at, min(count, 0x7FFFF000))], flags, address, size)


def _header(call, at):
    """(name, its size, [(address, bytes)], control, its size) of a struct msghdr. EFAULT, EINVAL, EMSGSIZE."""
    name, name_size, iov, count, control, control_size, _ = MSGHDR.unpack(call.read(at, MSGHDR.size))
    if count > 1024:
        raise LinuxError(EMSGSIZE)
    return name, name_size, segments_of(call, iov, count), control, control_size


def _send_one(call, socket, at, flags):
    name, name_size, segments, control, control_size = _header(call, at)
    if control_size > MOST_CONTROL:
        raise LinuxError(ENOBUFS)
    data = call.read(control, control_size) if control and control_size else b""
    return _send(call, socket, segments, flags, name, min(name_size, 128) if name_size < 1 << 31 else -1, data)


@served("sendmsg")
def sendmsg(call, fd: Int32, at: Pointer, flags: UInt32):
    return _send_one(call, socket_of(call, fd), at, flags)


class _Several:
    """What a call of several messages has done, for when it is made again. `memo` is that of the message under way."""

    def __init__(self):
        self.done, self.memo, self.deadline_ns = 0, None, None


def _several(call, count, at, one):
    """Handle messages until one fails or would wait; how many were. `one(k)` gives the number for msg_len."""
    several = call.memo or _Several()
    call.memo = several.memo
    while several.done < min(count, MOST_MESSAGES):
        base = at + several.done * MMSGHDR_BYTES
        try:
            n = one(several.done, base)
            call.write(base + MSGHDR.size, struct.pack("<I", n))
        except LinuxError:
            if not several.done:
                raise
            break
        except Blocked as blocked:
            several.memo, call.memo = call.memo, several
            blocked.done = several.done
            raise
        several.done += 1
        call.memo = None
    return several.done


@served("sendmmsg")
def sendmmsg(call, fd: Int32, at: Pointer, count: UInt32, flags: UInt32):
    socket = socket_of(call, fd)
    return _several(call, count, at, lambda k, base: _send_one(call, socket, base, flags))


# --- receiving --------------------------------------------------------------------------------------------------------


@served("recvfrom")
def recvfrom(call, fd: Int32, at: Pointer, count: Size, flags: UInt32, address: Pointer, size_at: Pointer):
    socket = socket_of(call, fd)
    received = _receive(call, socket, [(at, min(count, 0x7FFFF000))], flags)
    if received.travel and not received.is_peeked:
        received.travel.drop()
    if address:
        put_address(call, address, size_at, _sender(socket, received))
    return received.count


def _receive(call, socket, segments, flags):
    if flags & MSG_OOB:
        raise LinuxError(EINVAL if socket.type == SOCK_STREAM and socket.family != AF_UNIX else EOPNOTSUPP)
    return socket_calls.receive(call, socket, segments, flags)


def _sender(socket, received):
    """The struct sockaddr of who sent what was received; empty: not said."""
    if received.address:
        return received.address
    if socket.family == AF_UNIX and socket.is_connected and socket.peer_name:
        return pack(socket.peer_name, AF_UNIX)
    return b""


def _receive_one(call, socket, at, flags):
    name, name_size, segments, control, room = _header(call, at)
    received = _receive(call, socket, segments, flags)
    shown = received.flags | flags & MSG_CMSG_CLOEXEC
    data, more = _control(call, socket, received, min(room, 1 << 20) if control else 0, flags)
    try:
        sender = _sender(socket, received)
        if name:
            call.write(name, sender[: name_size if name_size < 1 << 31 else 0])
        call.write(at + 8, struct.pack("<I", len(sender) if name else name_size & 0xFFFFFFFF))
        call.write(control, data)
        call.write(at + 40, struct.pack("<Q", len(data)))
        call.write(at + 48, struct.pack("<i", shown | more))
    except LinuxError:
        _close_received(call, data)
        raise
    return received.count


def _control(call, socket, received, room, flags):
    """(the control data that a reader with `room` for them gets, MSG_CTRUNC where they are not all)."""
    travel, data, lost = received.travel, b"", 0
    if socket.passes_credentials:
        who = travel.credentials if travel and travel.credentials else NOBODY
        body = CMSG.pack(CMSG.size + 12, SOL_SOCKET, SCM_CREDENTIALS) + struct.pack("<iII", *who)
        if room < len(body):
            body, lost = b"", MSG_CTRUNC
        data += body.ljust(min(_aligned(len(body)), room), b"\0")
    if travel and travel.descriptions:
        descriptions = travel.copy() if received.is_peeked else travel.take()
        most = max(room - len(data) - CMSG.size, 0) // 4
        fds = []
        files = call.task.files
        while descriptions and len(fds) < most:
            try:
                fds.append(files.put(descriptions[0], bool(flags & MSG_CMSG_CLOEXEC)))
            except LinuxError:
                break
            descriptions.pop(0)
        if descriptions:
            lost = MSG_CTRUNC
            drop_all(socket.files, descriptions)
        if fds:
            size = CMSG.size + 4 * len(fds)
            body = CMSG.pack(size, SOL_SOCKET, SCM_RIGHTS) + struct.pack(f"<{len(fds)}i", *fds)
            data += body.ljust(min(_aligned(size), room - len(data)), b"\0")
    return data, lost


def _close_received(call, data):
    """Close the descriptors of control data that the guest never learns of."""
    at = 0
    while at + CMSG.size <= len(data):
        size, _, kind = CMSG.unpack_from(data, at)
        if kind == SCM_RIGHTS:
            for fd in struct.unpack_from(f"<{(size - CMSG.size) // 4}i", data, at + CMSG.size):
                call.task.files.close(fd)
        at += _aligned(size)


@served("recvmsg")
def recvmsg(call, fd: Int32, at: Pointer, flags: UInt32):
    return _receive_one(call, socket_of(call, fd), at, flags)


@served("recvmmsg")
def recvmmsg(call, fd: Int32, at: Pointer, count: UInt32, flags: UInt32, timeout: Timeout):
    """The time-out is looked at after each message, as in Linux: a call that waits for the next is not ended by it."""
    socket = socket_of(call, fd)
    started = call.machine.monotonic_ns()

    def one(k, base):
        if k and timeout is not None and call.machine.monotonic_ns() - started >= timeout:
            raise LinuxError(EAGAIN)
        more = MSG_DONTWAIT if k and flags & MSG_WAITFORONE else 0
        return _receive_one(call, socket, base, flags & ~MSG_WAITFORONE | more)

    return _several(call, count, at, one)
