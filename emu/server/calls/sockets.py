"""Socket calls of a machine that has no network and no sockets yet: each says so as Linux would (socket(2)).

Programs ask without wanting one: bash whether its input is a socket, the C library whether a name service listens.
"""

from ...abi.errno import EAFNOSUPPORT, ENOTSOCK
from ..errors import LinuxError
from .registry import Int32, served


@served("socket", "socketpair")
def socket(call, family: Int32):
    raise LinuxError(EAFNOSUPPORT)


@served(
    "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "sendto", "recvfrom", "setsockopt",
    "getsockopt", "shutdown", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
)  # fmt: skip
def of_a_socket(call, fd: Int32):
    call.task.files.usable(fd)
    raise LinuxError(ENOTSOCK)
