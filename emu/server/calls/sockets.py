"""Socket calls (socket(2)). There is no network; a pair of stream sockets is what there is.

socketpair, and sendto and recvfrom without an address, are executed by the CPU (kernel/linux/files.py); here is what it
leaves.  Not offered: other families and types (EAFNOSUPPORT, ESOCKTNOSUPPORT), messages with ancillary data, MSG_PEEK
and other options (EOPNOTSUPP).
"""

import struct

from ...abi.errno import EAFNOSUPPORT, EINVAL, ENOPROTOOPT, ENOTSOCK, EOPNOTSUPP, ESOCKTNOSUPPORT
from ...abi.files import S_IFSOCK
from ..errors import LinuxError
from ..vfs.pipe import PipeEnd
from .registry import Int32, Pointer, UInt32, served

AF_UNIX = 1
SOL_SOCKET = 1
SO_TYPE, SO_ERROR, SO_PROTOCOL, SO_DOMAIN = 3, 4, 38, 39
ANSWERS = {SO_TYPE: 1, SO_ERROR: 0, SO_PROTOCOL: 0, SO_DOMAIN: AF_UNIX}


@served("socket", "socketpair")
def socket(call, family: Int32):
    raise LinuxError(ESOCKTNOSUPPORT if family == AF_UNIX else EAFNOSUPPORT)


def _socket(call, fd):
    """The open file of a socket of the machine's own; EBADF, ENOTSOCK."""
    file = call.task.files.usable(fd)
    if not isinstance(file, PipeEnd) or file.node.kind != S_IFSOCK:
        raise LinuxError(ENOTSOCK)
    return file


@served(
    "bind", "listen", "accept", "accept4", "connect",
    "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
)  # fmt: skip
def of_a_socket(call, fd: Int32):
    _socket(call, fd)
    raise LinuxError(EOPNOTSUPP)


@served("shutdown")
def shutdown(call, fd: Int32, how: UInt32):
    file = _socket(call, fd)
    if how > 2:
        raise LinuxError(EINVAL)
    file.shut_down(how + 1)
    return 0


def _put_sized(call, address, size_at, data):
    """Store as much of a structure as there is room for, and its size, as the calls on names do."""
    room = struct.unpack("<i", call.read(size_at, 4))[0]
    if room < 0:
        raise LinuxError(EINVAL)
    call.write(address, data[:room])
    call.write(size_at, struct.pack("<i", len(data)))
    return 0


@served("getsockname", "getpeername")
def getsockname(call, fd: Int32, address: Pointer, size_at: Pointer):
    _socket(call, fd)
    return _put_sized(call, address, size_at, struct.pack("<H", AF_UNIX))


@served("getsockopt")
def getsockopt(call, fd: Int32, level: Int32, option: Int32, address: Pointer, size_at: Pointer):
    _socket(call, fd)
    if level != SOL_SOCKET or option not in ANSWERS:
        raise LinuxError(ENOPROTOOPT)
    return _put_sized(call, address, size_at, struct.pack("<i", ANSWERS[option]))


@served("setsockopt")
def setsockopt(call, fd: Int32, level: Int32):
    """Buffer sizes and the like are taken and change nothing."""
    _socket(call, fd)
    if level != SOL_SOCKET:
        raise LinuxError(EOPNOTSUPP)
    return 0
