"""Addresses of sockets: names of AF_UNIX, and hosts with ports of AF_INET and AF_INET6; None is no address.

An Inet's host is a number of 128 bits, as IPv6 has them; that of IPv4 is mapped into ::ffff:0:0/96, so that sockets of
both families meet.  There are no hosts but this machine: 127.0.0.0/8 and ::1.
"""

import struct
from typing import NamedTuple

from ...abi.errno import EAFNOSUPPORT, EINVAL
from ...abi.sockets import AF_INET, AF_INET6, AF_UNIX, UNIX_PATH_MAX
from ..errors import LinuxError

MAPPED = 0xFFFF << 32
ANY, ANY4 = 0, MAPPED
LOOPBACK, LOOPBACK4 = 1, MAPPED | 127 << 24 | 1
MOST_BYTES = 128  # sizeof(struct sockaddr_storage)


class Unix(NamedTuple):
    """A path, or an abstract name, which begins with a NUL."""

    name: bytes

    @property
    def is_abstract(self):
        return self.name[:1] == b"\0"

    def pack(self, family):
        return struct.pack("<H", AF_UNIX) + self.name + (b"" if self.is_abstract else b"\0")


class Inet(NamedTuple):
    host: int
    port: int

    @property
    def is_any(self):
        return self.host in (ANY, ANY4)

    @property
    def is_loopback(self):
        return self.host == LOOPBACK or self.host >> 24 == (MAPPED | 127 << 24) >> 24

    def pack(self, family):
        if family == AF_INET:
            return struct.pack("<H", AF_INET) + struct.pack(">HI8x", self.port, self.host & 0xFFFFFFFF)
        return struct.pack("<H", AF_INET6) + struct.pack(">HI", self.port, 0) + self.host.to_bytes(16, "big") + bytes(4)


def pack(address, family):
    """A struct sockaddr of a socket's family."""
    return address.pack(family) if address else struct.pack("<H", family)


def family_of(data):
    """The family that a struct sockaddr says; EINVAL when it is too short."""
    if len(data) < 2:
        raise LinuxError(EINVAL)
    return struct.unpack_from("<H", data)[0]


def unpack(data, family):
    """The address in a struct sockaddr for a socket of this family; None: an AF_UNIX one without a name.

    EINVAL; EAFNOSUPPORT: of another family.
    """
    named = family_of(data)
    if family == AF_UNIX:
        if named != AF_UNIX or len(data) > 2 + UNIX_PATH_MAX:
            raise LinuxError(EINVAL)
        name = data[2:]
        if name[:1] != b"\0":
            name = name.split(b"\0")[0]
        return Unix(name) if name else None
    if named == AF_INET:
        if len(data) < 16:
            raise LinuxError(EINVAL)
        if family == AF_INET:
            port, host = struct.unpack_from(">HI", data, 2)
            return Inet(MAPPED | host, port)
    if named == AF_INET6 == family:
        if len(data) < 24:
            raise LinuxError(EINVAL)
        return Inet(int.from_bytes(data[8:24], "big"), struct.unpack_from(">H", data, 2)[0])
    raise LinuxError(EAFNOSUPPORT)
