"""Served calls on the options of sockets: getsockopt, setsockopt (socket(7), tcp(7), unix(7)).

Options that only a network would notice are remembered and given back, and change nothing.
"""

import struct

from ...abi.clocks import SECOND_NS
from ...abi.errno import EDOM, EINVAL, ENOPROTOOPT, EOPNOTSUPP, EPERM
from ...abi.sockets import (
    AF_INET6,
    AF_UNIX,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPPROTO_TCP,
    IPPROTO_UDP,
    IPV6_V6ONLY,
    SO_ACCEPTCONN,
    SO_BROADCAST,
    SO_BSDCOMPAT,
    SO_DEBUG,
    SO_DOMAIN,
    SO_DONTROUTE,
    SO_ERROR,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_NO_CHECK,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PEERCRED,
    SO_PRIORITY,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVBUFFORCE,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_SNDBUF,
    SO_SNDBUFFORCE,
    SO_SNDLOWAT,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SO_TYPE,
    SOCK_STREAM,
    SOL_SOCKET,
)
from ..errors import LinuxError
from .registry import Int32, Pointer, served
from .sockets import put_address, socket_of

FLAGS = {SO_REUSEADDR: "reuses_address", SO_REUSEPORT: "reuses_port", SO_PASSCRED: "passes_credentials"}
TIMEOUTS = {SO_RCVTIMEO: "receive_timeout_ns", SO_SNDTIMEO: "send_timeout_ns"}
SIZES = {
    SO_SNDBUF: ("send_bytes", 4608), SO_SNDBUFFORCE: ("send_bytes", 4608),
    SO_RCVBUF: ("receive_bytes", 2304), SO_RCVBUFFORCE: ("receive_bytes", 2304),
}  # fmt: skip
MOST_BUFFER = 212992  # net.core.wmem_max: twice as much is given at most
REMEMBERED_FLAGS = {SO_DEBUG, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_NO_CHECK, SO_TIMESTAMP}
REMEMBERED = {SO_PRIORITY: 0, SO_RCVLOWAT: 1, SO_SNDLOWAT: 1, SO_BSDCOMPAT: 0}
READ_ONLY = {SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_PROTOCOL, SO_DOMAIN, SO_PEERCRED}
OF_TCP = {1: 0, 2: 536, 3: 0, 4: 7200, 5: 75, 6: 9, 7: 6, 8: 0, 9: 0, 10: 65536, 12: 0, 18: 0, 23: 0, 25: 0}
OF_IP = {1: 0, 2: 64, 6: 0, 8: 0, 10: 0, 11: 0, 13: 0, 15: 0, 33: 1, 34: 1}
OF_IPV6 = {16: -1, 17: 64, 18: 64, 19: 1, 23: 1, 25: 0, 49: 0, 51: 0, 66: 0, 67: 0}
MOST_OPTION_BYTES = 1 << 16


def _defaults(socket, level):
    """{option: its value at first} of the options of a level below SOL_SOCKET that are only remembered; EOPNOTSUPP."""
    if socket.family == AF_UNIX:
        raise LinuxError(EOPNOTSUPP)
    if level == IPPROTO_TCP and socket.type == SOCK_STREAM:
        return OF_TCP
    if level == IPPROTO_UDP and socket.type != SOCK_STREAM:
        return {}
    if level == IPPROTO_IP:
        return OF_IP
    if level == IPPROTO_IPV6 and socket.family == AF_INET6:
        return OF_IPV6
    raise LinuxError(ENOPROTOOPT)


@served("getsockopt")
def getsockopt(call, fd: Int32, level: Int32, option: Int32, address: Pointer, size_at: Pointer):
    socket = socket_of(call, fd)
    value = _option(call, socket, level, option)
    data = struct.pack("<I", value & 0xFFFFFFFF) if isinstance(value, int) else value
    room = struct.unpack("<i", call.read(size_at, 4))[0]
    put_address(call, address, size_at, data)
    call.write(size_at, struct.pack("<i", min(room, len(data))))
    return 0


def _option(call, socket, level, option):
    """An option's value: an int, or bytes. ENOPROTOOPT."""
    if level != SOL_SOCKET:
        if level == IPPROTO_IPV6 and option == IPV6_V6ONLY and socket.family == AF_INET6:
            return int(socket.v6_only)
        defaults = _defaults(socket, level)
        if option not in defaults:
            raise LinuxError(ENOPROTOOPT)
        return socket.options.get((level, option), defaults[option])
    if option in FLAGS:
        return int(getattr(socket, FLAGS[option]))
    if option in TIMEOUTS:
        ns = getattr(socket, TIMEOUTS[option]) or 0
        return struct.pack("<qq", ns // SECOND_NS, ns % SECOND_NS // 1000)
    if option in SIZES:
        return getattr(socket, SIZES[option][0])
    if option == SO_LINGER:
        return socket.options.get((level, option), bytes(8))
    if option in REMEMBERED_FLAGS or option in REMEMBERED:
        return socket.options.get((level, option), REMEMBERED.get(option, 0))
    if option == SO_PEERCRED:
        return struct.pack("<III", *(each & 0xFFFFFFFF for each in _owner_of_peer(call, socket)))
    if option not in READ_ONLY:
        raise LinuxError(ENOPROTOOPT)
    answers = {
        SO_TYPE: socket.type, SO_ACCEPTCONN: int(socket.listens), SO_PROTOCOL: socket.protocol,
        SO_DOMAIN: socket.family,
    }  # fmt: skip
    return socket.take_error() if option == SO_ERROR else answers[option]


def _owner_of_peer(call, socket):
    """(pid, uid, gid) of who made or connected the peer; of nobody: 0, -1, -1."""
    creator = socket.creator()
    if socket.peer_owner or not creator:
        return socket.peer_owner or (0, 0xFFFFFFFF, 0xFFFFFFFF)
    return creator & 0xFFFFFFFF, creator >> 32, call.credentials.gid


@served("setsockopt")
def setsockopt(call, fd: Int32, level: Int32, option: Int32, address: Pointer, size: Int32):
    socket = socket_of(call, fd)
    if not 0 <= size <= MOST_OPTION_BYTES:
        raise LinuxError(EINVAL)
    data = call.read(address, size)
    if level == SOL_SOCKET:
        _check_settable(call, option)
    if len(data) < 4 and not (level == IPPROTO_IP and data):
        raise LinuxError(EINVAL)
    socket.keep()
    value = struct.unpack_from("<i", data)[0] if len(data) >= 4 else data[0]
    if level != SOL_SOCKET:
        if level == IPPROTO_IPV6 and option == IPV6_V6ONLY and socket.family == AF_INET6:
            if socket.name is not None:
                raise LinuxError(EINVAL)
            socket.v6_only = bool(value)
        elif option in _defaults(socket, level):
            socket.options[level, option] = value
        else:
            raise LinuxError(ENOPROTOOPT)
    elif option in FLAGS:
        if option == SO_PASSCRED and socket.family != AF_UNIX:
            raise LinuxError(EOPNOTSUPP)
        setattr(socket, FLAGS[option], bool(value))
        socket.leave_to_server()
    elif option in TIMEOUTS:
        setattr(socket, TIMEOUTS[option], _timeout(data))
        socket.leave_to_server()
    elif option in SIZES:
        name, least = SIZES[option]
        setattr(socket, name, max(2 * min(value & 0xFFFFFFFF, MOST_BUFFER), least))
        socket.leave_to_server()
    elif option == SO_LINGER:
        if len(data) < 8:
            raise LinuxError(EINVAL)
        socket.options[level, option] = data[:8]
    else:
        socket.options[level, option] = int(bool(value)) if option in REMEMBERED_FLAGS else value
    return 0


def _check_settable(call, option):
    if option in (SO_SNDBUFFORCE, SO_RCVBUFFORCE) and not call.credentials.privileged:
        raise LinuxError(EPERM)
    known = {*FLAGS, *TIMEOUTS, *SIZES, SO_LINGER, *REMEMBERED_FLAGS, *REMEMBERED} - {SO_SNDLOWAT}
    if option not in known:
        raise LinuxError(ENOPROTOOPT)


def _timeout(data):
    """ns of a struct timeval; None: for ever. EINVAL, EDOM."""
    if len(data) < 16:
        raise LinuxError(EINVAL)
    seconds, us = struct.unpack_from("<qq", data)
    if not 0 <= us < 1_000_000:
        raise LinuxError(EDOM)
    if seconds < 0:
        return 0
    return min(seconds * SECOND_NS + us * 1000, 1 << 61) or None
