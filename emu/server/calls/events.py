"""epoll_ctl for the files that the server keeps itself; the rest is the CPU's (kernel/linux/events.py)."""

import struct

from ...abi.epoll import EPOLL_CTL_ADD
from ...abi.errno import EINVAL, EPERM
from ...abi.files import O_CLOEXEC, S_IFDIR, S_IFREG
from ...abi.words import signed
from ...kernel.thread.states import RESTART_WOKEN
from ..errors import LinuxError, NoResult
from ..vfs.event_files import EventEnd
from .registry import Int32, Pointer, served

EVENT = struct.Struct("<I4xQ")


def place_new(call, flags, make):
    """Give the task a descriptor of a new file, which `make()` makes once there is one free."""
    call.task.files.check_room()
    return call.task.files.add(make(), bool(flags & O_CLOEXEC))


@served("epoll_ctl")
def epoll_ctl(call, set_fd: Int32, operation: Int32, fd: Int32, event_at: Pointer):
    events, data = EVENT.unpack(call.read(event_at, EVENT.size))
    files = call.task.files
    file, outer = files.usable(fd), files.get(set_fd)
    if operation != EPOLL_CTL_ADD or not isinstance(outer, EventEnd) or isinstance(file, EventEnd):
        raise LinuxError(EINVAL)
    if file.node.kind in (S_IFREG, S_IFDIR):
        raise LinuxError(EPERM)
    return files.watch(outer, fd, file, events, signed(data))


@served("epoll_pwait", "epoll_pwait2")
def epoll_pwait(call):
    """The CPU has found nothing, and there are signals of which the server has not told: it looks again after that."""
    call.server.open_files.watched.publish()
    call.thread["restart"] = RESTART_WOKEN
    raise NoResult
