"""Served calls that make, name and shut down sockets (socket(2), unix(7), ip(7)).

AF_UNIX: streams, datagrams, sequenced packets.  AF_INET and AF_INET6: TCP and UDP between the guests of one machine,
over 127.0.0.0/8 and ::1; the host's network is never used, and other addresses are unreachable (ENETUNREACH).
Connections: connections.py.  What is sent and received: messages.py, and for streams the CPU (kernel/linux/files.py).
"""

import struct

from ...abi.errno import (
    EACCES,
    EADDRINUSE,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    ECONNREFUSED,
    EEXIST,
    EINVAL,
    ENOTCONN,
    ENOTSOCK,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    EPROTOTYPE,
    ESOCKTNOSUPPORT,
)
from ...abi.files import O_CLOEXEC, O_NONBLOCK, O_RDWR, S_IFSOCK, W_OK
from ...abi.sockets import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    AF_UNSPEC,
    IPPROTO_TCP,
    IPPROTO_UDP,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOCK_TYPE_MASK,
)
from ...kernel.files.socket_ends import CONNECTED, DATAGRAM, UNCONNECTED
from ..errors import LinuxError
from ..vfs.access import check
from ..vfs.addresses import ANY, ANY4, MOST_BYTES, Inet, family_of, pack, unpack
from ..vfs.socket import Socket
from ..vfs.socket_names import SocketInode
from .registry import Int32, Pointer, UInt32, only, served

PROTOCOLS = {SOCK_STREAM: (0, IPPROTO_TCP), SOCK_DGRAM: (0, IPPROTO_UDP)}
UNIX_TYPES = (SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET)
PRIVILEGED_PORTS = 1024


def socket_of(call, fd):
    """The Socket of a descriptor; EBADF, ENOTSOCK."""
    file = call.task.files.usable(fd)
    if not isinstance(file, Socket):
        raise LinuxError(ENOTSOCK)
    return file


def read_address(call, at, size, family):
    """The address of a struct sockaddr in guest memory for a socket of this family. EFAULT, EINVAL, EAFNOSUPPORT."""
    return unpack(read_raw_address(call, at, size), family)


def read_raw_address(call, at, size):
    if not 0 <= size <= MOST_BYTES:
        raise LinuxError(EINVAL)
    return call.read(at, size)


def put_address(call, at, size_at, data):
    """Store as much of a struct sockaddr as there is room for, and its size. EFAULT, EINVAL."""
    room = struct.unpack("<i", call.read(size_at, 4))[0]
    if room < 0:
        raise LinuxError(EINVAL)
    call.write(at, data[:room])
    call.write(size_at, struct.pack("<i", len(data)))
    return 0


# --- making -----------------------------------------------------------------------------------------------------------


def _check_kind(family, type, protocol):
    """(type, protocol) of a socket that there is. EAFNOSUPPORT, ESOCKTNOSUPPORT, EPROTONOSUPPORT, EPERM."""
    if family == AF_UNIX:
        if protocol not in (0, AF_UNIX):
            raise LinuxError(EPROTONOSUPPORT)
        if type not in UNIX_TYPES:
            raise LinuxError(ESOCKTNOSUPPORT)
        return (SOCK_DGRAM if type == SOCK_RAW else type), 0
    if family not in (AF_INET, AF_INET6):
        raise LinuxError(EAFNOSUPPORT)
    if type == SOCK_RAW:
        raise LinuxError(EPERM)
    if type not in PROTOCOLS:
        raise LinuxError(ESOCKTNOSUPPORT)
    if protocol not in PROTOCOLS[type]:
        raise LinuxError(EPROTONOSUPPORT)
    return type, PROTOCOLS[type][1]


def new_socket(call, family, type, protocol, flags):
    role = DATAGRAM if type == SOCK_DGRAM else UNCONNECTED
    socket = call.task.files.machine_files.new_socket(role, O_RDWR | flags & O_NONBLOCK, family, type, protocol)
    socket.leave_to_server()
    return socket


def _split(type):
    """(SOCK_*, O_*) of the second argument. EINVAL."""
    flags = type & ~SOCK_TYPE_MASK
    only(flags, O_CLOEXEC | O_NONBLOCK)
    return type & SOCK_TYPE_MASK, flags


@served("socket")
def socket(call, family: Int32, type: UInt32, protocol: Int32):
    kind, flags = _split(type)
    kind, protocol = _check_kind(family, kind, protocol)
    call.task.files.check_room()
    return call.task.files.add(new_socket(call, family, kind, protocol, flags), bool(flags & O_CLOEXEC))


def who(call):
    """(pid, uid, gid) of the caller, as SO_PEERCRED tells."""
    return call.task.pid, call.credentials.euid, call.credentials.egid


@served("socketpair")
def socketpair(call, family: Int32, type: UInt32, protocol: Int32, at: Pointer):
    """Of messages; the CPU makes those of streams."""
    kind, flags = _split(type)
    kind, protocol = _check_kind(family, kind, protocol)
    if family != AF_UNIX:
        raise LinuxError(EOPNOTSUPP)
    files, made, descriptors = call.task.files, [], []
    try:
        for _ in range(2):
            made.append(new_socket(call, family, kind, protocol, flags))
        made[0].join(made[1], DATAGRAM if kind == SOCK_DGRAM else CONNECTED)
        made[0].peer_owner = made[1].peer_owner = who(call)
        if kind == SOCK_DGRAM:
            made[0].connected_to, made[1].connected_to = made[1], made[0]
        for _ in range(2):
            descriptors.append(files.add(made.pop(0), bool(flags & O_CLOEXEC)))
        call.write(at, struct.pack("<ii", *descriptors))
    except LinuxError:
        for fd in descriptors:
            files.close(fd)
        for each in made:
            each.close()
        raise
    return 0


# --- naming -----------------------------------------------------------------------------------------------------------


@served("bind")
def bind(call, fd: Int32, at: Pointer, size: Int32):
    socket = socket_of(call, fd)
    raw = read_raw_address(call, at, size)
    if socket.family == AF_INET and len(raw) >= 16 and family_of(raw) == AF_UNSPEC and raw[4:8] == bytes(4):
        raw = struct.pack("<H", AF_INET) + raw[2:]  # as ip(7) allows for INADDR_ANY
    address = unpack(raw, socket.family)
    names = socket.files.names
    socket.keep()
    if socket.family != AF_UNIX:
        if not (address.is_loopback or address.is_any):
            raise LinuxError(EADDRNOTAVAIL)
        if 0 < address.port < PRIVILEGED_PORTS and not call.credentials.privileged:
            raise LinuxError(EACCES)
        if socket.name is not None or socket.is_connected:
            raise LinuxError(EINVAL)
        socket.name = names.bind_port(socket, address)
        return 0
    if socket.name is not None:
        raise LinuxError(EINVAL)
    if address is None:
        socket.name = names.bind_automatically(socket)
    elif address.is_abstract:
        names.bind_abstract(socket, address.name)
        socket.name = address
    else:
        _bind_path(call, socket, address)
    socket.leave_to_server()  # a message says who has sent it
    return 0


def _bind_path(call, socket, address):
    path, tree = address.name.decode(errors="surrogateescape"), call.tree
    mode = 0o777 & ~call.task.umask
    try:
        node = tree.make_special(call.task, tree.directory(call.task), path, lambda fs: SocketInode(fs, mode, socket))
    except LinuxError as error:
        raise LinuxError(EADDRINUSE if error.errno == EEXIST else error.errno) from None
    node.hold()
    socket.inode, socket.name = node, address


def find_named(call, socket, address):
    """The Socket of an AF_UNIX address, with a reference until the call is over. ECONNREFUSED, EPROTOTYPE, ENOENT …"""
    if address is None:
        raise LinuxError(ECONNREFUSED)
    if address.is_abstract:
        found = socket.files.names.find_abstract(socket.type, address.name)
    else:
        path = address.name.decode(errors="surrogateescape")
        node = call.tree.find(call.task, call.tree.directory(call.task), path)
        check(node, call.task, W_OK)
        if node.kind != S_IFSOCK:
            raise LinuxError(ECONNREFUSED)
        found = getattr(node, "socket", None)
    if found is None or not socket.files.borrow(found):
        raise LinuxError(ECONNREFUSED)
    if found.type != socket.type:
        raise LinuxError(EPROTOTYPE)
    return found


@served("getsockname")
def getsockname(call, fd: Int32, address: Pointer, size_at: Pointer):
    socket = socket_of(call, fd)
    name = socket.name
    if name is None and socket.family != AF_UNIX:
        name = Inet(ANY4 if socket.family == AF_INET else ANY, 0)
    return put_address(call, address, size_at, pack(name, socket.family))


@served("getpeername")
def getpeername(call, fd: Int32, address: Pointer, size_at: Pointer):
    socket = socket_of(call, fd)
    if not socket.is_connected and socket.peer_name is None and socket.connected_to is None:
        raise LinuxError(ENOTCONN)
    return put_address(call, address, size_at, pack(_name_of_peer(socket), socket.family))


def _name_of_peer(socket):
    return socket.connected_to.name if socket.connected_to else socket.peer_name


# --- shutting down ----------------------------------------------------------------------------------------------------


@served("shutdown")
def shutdown(call, fd: Int32, how: UInt32):
    socket = socket_of(call, fd)
    if how > 2:
        raise LinuxError(EINVAL)
    if socket.listens:
        socket.ends_accepting = socket.ends_accepting or how != 1
        socket.shut_down(1)
        return 0
    connected = socket.is_connected or socket.peer_name is not None or socket.connected_to is not None
    if not connected and not (socket.family == AF_UNIX):
        raise LinuxError(ENOTCONN)
    socket.shut_down(how + 1)
    return 0
