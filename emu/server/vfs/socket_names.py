"""Which socket has which name: paths, abstract names, ports of TCP and UDP. All of one machine; none is the host's.

An abstract name is one of each type of socket.  A path leads to an inode of the machine's tree (SocketInode), which
stays when its socket is closed, as in Linux.  A port may be shared by sockets with different hosts; with SO_REUSEADDR
on all of them, also with overlapping ones, as long as none of them listens; with SO_REUSEPORT on all of them always.
"""

import itertools

from ...abi.errno import EADDRINUSE, ENXIO
from ...abi.files import O_PATH, S_IFSOCK
from ...abi.sockets import SOCK_STREAM
from ..errors import LinuxError
from .addresses import ANY, ANY4, MAPPED, Inet, Unix
from .inode import MemoryInode
from .open_file import OpenFile

EPHEMERAL = range(32768, 61000)


class SocketInode(MemoryInode):
    """What bind leaves in the tree. `socket` is the one that has the name, None once that is closed."""

    kind = S_IFSOCK

    def __init__(self, filesystem, mode, socket):
        super().__init__(filesystem, mode)
        self.socket = socket

    def open(self, flags, task):
        if flags & O_PATH:
            return OpenFile(self, flags)
        raise LinuxError(ENXIO)


class SocketNames:
    def __init__(self):
        self._abstract = {}
        self._ports = {True: {}, False: {}}  # of streams, of datagrams: port -> [socket]
        self._next_port = itertools.cycle(EPHEMERAL)
        self._next_name = 0

    # --- abstract names -----------------------------------------------------------------------------------------------

    def bind_abstract(self, socket, name):
        """EADDRINUSE."""
        if (socket.type, name) in self._abstract:
            raise LinuxError(EADDRINUSE)
        self._abstract[socket.type, name] = socket

    def bind_automatically(self, socket):
        """The name that a socket gets when it asks for any: five digits of 16."""
        for _ in range(1 << 20):
            self._next_name = (self._next_name + 1) & 0xFFFFF
            name = b"\0%05x" % self._next_name
            if (socket.type, name) not in self._abstract:
                self._abstract[socket.type, name] = socket
                return Unix(name)
        raise LinuxError(EADDRINUSE)

    def find_abstract(self, type, name):
        """The socket of this type with a name, or None."""
        return self._abstract.get((type, name))

    # --- ports --------------------------------------------------------------------------------------------------------

    def bind_port(self, socket, address):
        """Give a socket a host and port, with port 0 any free one; the Inet. EADDRINUSE."""
        ports = self._ports[socket.type == SOCK_STREAM]
        if address.port:
            if any(_conflict(socket, other, address) for other in ports.get(address.port, ())):
                raise LinuxError(EADDRINUSE)
        else:
            for port in itertools.islice(self._next_port, len(EPHEMERAL)):
                if port not in ports:
                    address = Inet(address.host, port)
                    break
            else:
                raise LinuxError(EADDRINUSE)
        ports.setdefault(address.port, []).append(socket)
        return address

    def find_listener(self, address, family):
        """The stream socket that listens there, or None."""
        found = [each for each in self._ports[True].get(address.port, ()) if each.listens and _hears(each, address)]
        return min(found, key=lambda each: (each.name.is_any, each.pending()), default=None)

    def find_datagram(self, address, sender):
        """The datagram socket that a datagram from `sender`'s address reaches, or None."""
        found = [
            each for each in self._ports[False].get(address.port, ())
            if _hears(each, address) and each.peer_name in (None, sender)
        ]  # fmt: skip
        return min(found, key=lambda each: (each.peer_name is None, each.name.is_any), default=None)

    def clashes_with_listener(self, socket):
        """Whether another socket listens at a socket's own address."""
        return any(
            each is not socket and each.listens and _overlap(socket, each.name, each, socket.name)
            and not (each.reuses_port and socket.reuses_port)
            for each in self._ports[True].get(socket.name.port, ())
        )  # fmt: skip

    def forget(self, socket):
        """A socket is closed: what it was called is free again."""
        name = socket.name
        if isinstance(name, Unix) and self._abstract.get((socket.type, name.name)) is socket:
            del self._abstract[socket.type, name.name]
        if isinstance(name, Inet):
            ports = self._ports[socket.type == SOCK_STREAM]
            left = [each for each in ports.get(name.port, ()) if each is not socket]
            if left:
                ports[name.port] = left
            else:
                ports.pop(name.port, None)


def _covers(socket, host, other):
    """Whether a socket bound to `host` gets what is meant for another host."""
    if host == other or host == ANY4 and other >> 32 == MAPPED >> 32:
        return True
    return host == ANY and not (socket.v6_only and other >> 32 == MAPPED >> 32)


def _hears(socket, address):
    return _covers(socket, socket.name.host, address.host)


def _overlap(socket, name, other, address):
    """Whether a socket bound to `name` would get something that another one, bound to `address`, gets."""
    return _covers(other, name.host, address.host) or _covers(socket, address.host, name.host)


def _conflict(socket, other, address):
    if not (_covers(other, other.name.host, address.host) or _covers(socket, address.host, other.name.host)):
        return False
    if socket.reuses_port and other.reuses_port:
        return False
    return not (socket.reuses_address and other.reuses_address and not other.listens)
