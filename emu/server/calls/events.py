"""Served calls on files that tell of events: eventfd2, epoll_create1, epoll_ctl, epoll_pwait, epoll_pwait2."""

import struct

from ...abi.errno import EINVAL
from ...abi.files import O_CLOEXEC, O_NONBLOCK, O_RDWR
from ..errors import LinuxError, Watch
from ..vfs.epoll import EpollFile, EpollNode
from ..vfs.event_counter import EventCounter, EventFile
from ..vfs.polling import await_files
from .registry import Int32, Pointer, Size, Timeout, UInt32, only, served
from .signal_masks import wait_with_mask

EFD_SEMAPHORE = 1
EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD = 1, 2, 3
EVENT = struct.Struct("<I4xQ")
MOST_EVENTS = (1 << 31) // EVENT.size
NS_PER_MS = 1_000_000


def place_new(call, flags, make):
    """Give the task a descriptor of a new file, which `make()` makes once there is one free."""
    call.task.files.check_room()
    return call.task.files.add(make(), bool(flags & O_CLOEXEC))


@served("eventfd2")
def eventfd2(call, value: UInt32, flags: Int32):
    only(flags, O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE)

    def make():
        node = EventCounter(call.tree.filesystem, value)
        return EventFile(node, O_RDWR | flags & O_NONBLOCK, bool(flags & EFD_SEMAPHORE))

    return place_new(call, flags, make)


@served("epoll_create1")
def epoll_create1(call, flags: Int32):
    only(flags, O_CLOEXEC)
    return place_new(call, flags, lambda: EpollFile(EpollNode(call.tree.filesystem), O_RDWR))


def _epoll(call, fd):
    """The set behind a descriptor; EBADF, EINVAL."""
    file = call.task.files.usable(fd)
    if not isinstance(file, EpollFile):
        raise LinuxError(EINVAL)
    return file


@served("epoll_ctl")
def epoll_ctl(call, set_fd: Int32, operation: Int32, fd: Int32, event_at: Pointer):
    events, data = EVENT.unpack(call.read(event_at, EVENT.size)) if operation != EPOLL_CTL_DEL else (0, 0)
    file = call.task.files.usable(fd)
    epoll = _epoll(call, set_fd)
    if operation == EPOLL_CTL_ADD:
        epoll.add(fd, file, events, data)
    elif operation == EPOLL_CTL_MOD:
        epoll.modify(fd, file, events, data)
    elif operation == EPOLL_CTL_DEL:
        epoll.remove(fd, file)
    else:
        raise LinuxError(EINVAL)
    return 0


def _wait(call, fd, address, most, timeout_ns, mask_at, mask_bytes):
    if not 0 < most <= MOST_EVENTS:
        raise LinuxError(EINVAL)
    epoll = _epoll(call, fd)
    if mask_at:
        wait_with_mask(call, mask_at, mask_bytes)
    watch = Watch(epoll.node)
    found = epoll.take_ready(most)
    if not found and timeout_ns != 0:
        entries = epoll.node.living()
        files = [(epoll, 0)] + [(each.file, each.events & 0xFFFF) for each in entries]
        await_files(call, files, watch, timeout_ns)
    call.write(address, b"".join(EVENT.pack(*each) for each in found))
    return len(found)


@served("epoll_pwait")
def epoll_pwait(call, fd: Int32, address: Pointer, most: Int32, timeout_ms: Int32, mask_at: Pointer, size: Size):
    return _wait(call, fd, address, most, None if timeout_ms < 0 else timeout_ms * NS_PER_MS, mask_at, size)


@served("epoll_pwait2")
def epoll_pwait2(call, fd: Int32, address: Pointer, most: Int32, timeout: Timeout, mask_at: Pointer, size: Size):
    return _wait(call, fd, address, most, timeout, mask_at, size)
