"""POSIX message queues: mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr.

SIGEV_THREAD is the C library's: it waits on a netlink socket, which this machine does not have, so the library itself
answers ENOSYS, and so does mq_notify here to who makes the call by hand.
"""

import os
import struct

from ...abi.errno import EBADF, EEXIST, EINVAL, EMSGSIZE, ENOENT, ENOSYS, ETIMEDOUT
from ...abi.files import (
    NAME_MAX,
    O_ACCMODE,
    O_CLOEXEC,
    O_CREAT,
    O_EXCL,
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    R_OK,
    W_OK,
)
from ...abi.ipc import HARD_MSGMAX, HARD_MSGSIZEMAX, MQ_MAXMSG, MQ_MSGSIZE, MQ_PRIO_MAX
from ...kernel.task.signals import post_message_signal
from ...limits import NUM_SIGNALS, SERVER
from ..errors import Blocked, LinuxError
from ..vfs.access import check, check_removal
from ..vfs.mqueue import MessageQueueFile, MessageQueueNode, Registration, checked_name
from .events import place_new
from .registry import Int32, Pointer, Size, Timeout, UInt32, served

ATTRIBUTES = struct.Struct("<4q32x")  # struct mq_attr
SIGEVENT = struct.Struct("<qii")
SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD = range(3)
ACCESS = {O_RDONLY: R_OK, O_WRONLY: W_OK, O_RDWR: R_OK | W_OK}


def _name(call, address):
    return checked_name(os.fsdecode(call.string(address, NAME_MAX + 1)))


def _limits(call, address):
    """(most messages, most bytes of one) that mq_open asks for. EINVAL."""
    if not address:
        return MQ_MAXMSG, MQ_MSGSIZE
    _, most, most_bytes, _ = ATTRIBUTES.unpack(call.read(address, ATTRIBUTES.size))
    privileged = call.credentials.privileged
    if not 0 < most <= (HARD_MSGMAX if privileged else MQ_MAXMSG):
        raise LinuxError(EINVAL)
    if not 0 < most_bytes <= (HARD_MSGSIZEMAX if privileged else MQ_MSGSIZE):
        raise LinuxError(EINVAL)
    return most, most_bytes


@served("mq_open")
def mq_open(call, name_at: Pointer, flags: Int32, mode: UInt32, attributes_at: Pointer):
    if flags & O_ACCMODE not in ACCESS:
        raise LinuxError(EINVAL)
    limits = _limits(call, attributes_at if flags & O_CREAT else 0)
    name = _name(call, name_at)
    directory = call.tree.queues

    def make():
        node = directory.lookup(name, call.task)
        if node is None:
            if not flags & O_CREAT:
                raise LinuxError(ENOENT)
            check(directory, call.task, W_OK)
            node = directory.make(name, mode, call.task, *limits)
        elif flags & O_CREAT and flags & O_EXCL:
            raise LinuxError(EEXIST)
        else:
            if not isinstance(node, MessageQueueNode):
                raise LinuxError(EINVAL)
            check(node, call.task, ACCESS[flags & O_ACCMODE])
        return node.open(flags & (O_ACCMODE | O_NONBLOCK), call.task)

    return place_new(call, flags & O_CLOEXEC, make)


@served("mq_unlink")
def mq_unlink(call, name_at: Pointer):
    name = _name(call, name_at)
    node = call.tree.queues.lookup(name, call.task)
    if node is None:
        raise LinuxError(ENOENT)
    check_removal(call.tree.queues, node, call.task)
    call.tree.queues.remove(name, node)
    return 0


def _queue(call, fd):
    """The open queue behind a descriptor; EBADF."""
    file = call.task.files.usable(fd)
    if not isinstance(file, MessageQueueFile):
        raise LinuxError(EBADF)
    return file


def _until(call, timeout_ns, attempt):
    """What attempt() returns; where it has to wait, no longer than to a time of the real-time clock (None: no end)."""
    try:
        return attempt()
    except Blocked as blocked:
        if timeout_ns is not None:
            left_ns = timeout_ns - call.machine.realtime_ns()
            if left_ns <= 0:
                raise LinuxError(ETIMEDOUT) from None
            blocked.deadline_ns = call.machine.monotonic_ns() + left_ns
        raise


@served("mq_timedsend")
def mq_timedsend(call, fd: Int32, address: Pointer, count: Size, priority: UInt32, timeout: Timeout):
    if priority >= MQ_PRIO_MAX:
        raise LinuxError(EINVAL)
    file = _queue(call, fd)
    if not file.writable:
        raise LinuxError(EBADF)
    if count > file.node.most_bytes:
        raise LinuxError(EMSGSIZE)
    data = call.read(address, count)
    told = _until(call, timeout, lambda: file.send(data, priority))
    if told is not None and told.signal:
        sender = call.task.pid | call.credentials.uid << 32
        post_message_signal(call.server.base, SERVER, told.task.index, told.signal, sender, told.value)
    return 0


@served("mq_timedreceive")
def mq_timedreceive(call, fd: Int32, address: Pointer, most: Size, priority_at: Pointer, timeout: Timeout):
    file = _queue(call, fd)
    if not file.readable:
        raise LinuxError(EBADF)
    data, priority = _until(call, timeout, lambda: file.receive(call, most))
    if priority_at:
        call.write(priority_at, struct.pack("<I", priority))
    call.write(address, data)
    return len(data)


@served("mq_notify")
def mq_notify(call, fd: Int32, event_at: Pointer):
    if event_at:
        value, signal, kind = SIGEVENT.unpack(call.read(event_at, SIGEVENT.size))
        is_signal = kind == SIGEV_SIGNAL and 0 <= signal <= NUM_SIGNALS
        if not is_signal and kind not in (SIGEV_NONE, SIGEV_THREAD):
            raise LinuxError(EINVAL)
        if kind == SIGEV_THREAD:
            raise LinuxError(ENOSYS)
    file = _queue(call, fd)
    if event_at:
        file.node.register(Registration(call.task, signal if kind == SIGEV_SIGNAL else 0, value))
    else:
        file.node.unregister(call.task)
    return 0


@served("mq_getsetattr")
def mq_getsetattr(call, fd: Int32, new_at: Pointer, old_at: Pointer):
    if new_at:
        flags, *_ = ATTRIBUTES.unpack(call.read(new_at, ATTRIBUTES.size))
        if flags & ~O_NONBLOCK:
            raise LinuxError(EINVAL)
    file = _queue(call, fd)
    node = file.node
    old = ATTRIBUTES.pack(file.flags & O_NONBLOCK, node.most, node.most_bytes, len(node.messages))
    if new_at:
        file.flags = file.flags & ~O_NONBLOCK | flags
    if old_at:
        call.write(old_at, old)
    return 0
