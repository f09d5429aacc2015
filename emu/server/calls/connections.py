"""Served calls that connect sockets: listen, accept, accept4, connect (unix(7), tcp(7)).

Differs from Linux: a connection is there as soon as connect finds a listener, so a TCP connect that may not wait does
not care for the backlog, and says EINPROGRESS all the same; nothing waits in TIME_WAIT; and whoever has connected to a
socket that is closed before it accepts hears of it a moment after the close, which the server completes.
"""

from ...abi.errno import (
    EADDRINUSE,
    EAGAIN,
    ECONNREFUSED,
    EINPROGRESS,
    EINVAL,
    EISCONN,
    ENETUNREACH,
    EOPNOTSUPP,
    EPERM,
)
from ...abi.files import O_CLOEXEC, O_NONBLOCK
from ...abi.sockets import AF_INET, AF_UNIX, AF_UNSPEC, SOCK_DGRAM, SOMAXCONN
from ...kernel.files import sockets
from ...kernel.files.socket_ends import CONNECTED, LISTENING, TCP
from ..errors import LinuxError
from ..vfs.addresses import ANY, ANY4, LOOPBACK, LOOPBACK4, MAPPED, Inet, family_of, pack, unpack
from .registry import Int32, Pointer, UInt32, only, served
from .sockets import find_named, new_socket, put_address, read_raw_address, socket_of, who

# --- listening --------------------------------------------------------------------------------------------------------


@served("listen")
def listen(call, fd: Int32, backlog: Int32):
    socket = socket_of(call, fd)
    if socket.type == SOCK_DGRAM:
        raise LinuxError(EOPNOTSUPP)
    if socket.is_connected or socket.family == AF_UNIX and socket.name is None:
        raise LinuxError(EINVAL)
    if socket.name is None:
        bind_to_any(socket)
    elif socket.family != AF_UNIX and socket.files.names.clashes_with_listener(socket):
        raise LinuxError(EADDRINUSE)
    socket.backlog = min(backlog & 0xFFFFFFFF, SOMAXCONN)  # a negative one is the most, as in Linux
    socket.owner = who(call)
    if not socket.listens:
        sockets.listen(socket.files.base, socket.files.me, socket.description, LISTENING)
    else:
        socket.shut_down(0)  # who waits for room in the queue may have it now
    return 0


@served("accept")
def accept(call, fd: Int32, address: Pointer, size_at: Pointer):
    return accept4(call, fd, address, size_at, 0)


@served("accept4")
def accept4(call, fd: Int32, address: Pointer, size_at: Pointer, flags: UInt32):
    socket = socket_of(call, fd)
    only(flags, O_CLOEXEC | O_NONBLOCK)
    if socket.type == SOCK_DGRAM:
        raise LinuxError(EOPNOTSUPP)
    if not socket.listens or socket.ends_accepting:
        raise LinuxError(EINVAL)
    call.task.files.check_room()
    watch = socket.watch()
    child = socket.next_pending()
    if child is None:
        socket.wait(call, watch, socket.receive_timeout_ns, False)
    try:
        if address:
            put_address(call, address, size_at, pack(child.peer_name, child.family))
        child.flags = child.flags | flags & O_NONBLOCK
    except LinuxError:
        child.close()
        raise
    return call.task.files.add(child, bool(flags & O_CLOEXEC))


# --- connecting -------------------------------------------------------------------------------------------------------


@served("connect")
def connect(call, fd: Int32, at: Pointer, size: Int32):
    socket = socket_of(call, fd)
    raw = read_raw_address(call, at, size)
    if family_of(raw) == AF_UNSPEC and (socket.type == SOCK_DGRAM or socket.family != AF_UNIX):
        if socket.is_connected:
            raise LinuxError(EOPNOTSUPP)
        socket.disconnect()
        return 0
    address = unpack(raw, socket.family)
    error = socket.take_error()
    if error:
        raise LinuxError(error)
    if socket.type == SOCK_DGRAM:
        return _connect_datagrams(call, socket, address)
    if socket.listens:
        raise LinuxError(EINVAL if socket.family == AF_UNIX else EISCONN)
    if socket.is_connected:
        if socket.is_connecting:
            socket.is_connecting = False
            return 0
        raise LinuxError(EISCONN)
    if socket.family == AF_UNIX:
        return _connect_stream(call, socket, find_named(call, socket, address))
    address = reachable(address)
    listener = socket.files.names.find_listener(address, socket.family)
    nonblocking = socket.flags & O_NONBLOCK
    if listener is None or not socket.files.borrow(listener):
        if nonblocking:
            socket.fail(ECONNREFUSED)
        raise LinuxError(EINPROGRESS if nonblocking else ECONNREFUSED)
    _bind_to_loopback(socket, address)
    socket.peer_name = address
    _connect_stream(call, socket, listener)
    if nonblocking:
        socket.is_connecting = True
        raise LinuxError(EINPROGRESS)
    return 0


def reachable(address):
    """The address that is meant, of this machine; ENETUNREACH."""
    if address.is_any:
        return Inet(LOOPBACK4 if address.host == ANY4 else LOOPBACK, address.port)
    if not address.is_loopback:
        raise LinuxError(ENETUNREACH)
    return address


def bind_to_any(socket):
    """A socket that has no name gets a free port of all hosts. EADDRINUSE."""
    socket.name = socket.files.names.bind_port(socket, Inet(ANY4 if socket.family == AF_INET else ANY, 0))


def _bind_to_loopback(socket, address):
    """A socket that has no host yet gets the one by which it reaches an address, and a port."""
    host = LOOPBACK4 if address.host >> 32 == MAPPED >> 32 else LOOPBACK
    if socket.name is None:
        socket.name = socket.files.names.bind_port(socket, Inet(host, 0))
    elif socket.name.is_any:
        socket.name = Inet(host, socket.name.port)


def _connect_stream(call, socket, listener):
    """Connect with a socket that listens, once there is room in its queue. Blocked, LinuxError."""
    if not listener.listens or listener.ends_accepting:
        raise LinuxError(ECONNREFUSED)
    if listener.pending() > listener.backlog and not (socket.family != AF_UNIX and socket.flags & O_NONBLOCK):
        socket.wait(call, listener.watch(), socket.send_timeout_ns, False)
    if listener.pending() > SOMAXCONN:
        raise LinuxError(EAGAIN)
    child = new_socket(call, listener.family, listener.type, listener.protocol, 0)
    try:
        listener.add_pending(child)
    except LinuxError:
        child.close()
        raise
    child.name, child.peer_name, child.peer_owner = listener.name, socket.name, who(call)
    child.passes_credentials = listener.passes_credentials
    child.receive_timeout_ns, child.send_timeout_ns = listener.receive_timeout_ns, listener.send_timeout_ns
    child.options = dict(listener.options)
    if listener.family != AF_UNIX:
        child.name = socket.peer_name
    else:
        socket.peer_name = listener.name
    socket.peer_owner = listener.owner
    socket.join(child, CONNECTED if listener.family == AF_UNIX else TCP)
    return 0


def _connect_datagrams(call, socket, address):
    if socket.family == AF_UNIX:
        target = find_named(call, socket, address)
        if target.connected_to not in (None, socket):
            raise LinuxError(EPERM)
        socket.connect_datagrams(target)
        return 0
    address = reachable(address)
    _bind_to_loopback(socket, address)
    socket.peer_name = address
    return 0
