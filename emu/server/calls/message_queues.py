"""Message queues of System V: msgget, msgsnd, msgrcv, msgctl. Their waits are never restarted (signal(7))."""

import struct

from ...abi.errno import EAGAIN, EINVAL, ENOMSG, EPERM
from ...abi.ipc import (
    IPC_INFO,
    IPC_NOWAIT,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    MSG_COPY,
    MSG_EXCEPT,
    MSG_INFO,
    MSG_STAT,
    MSG_STAT_ANY,
    MSGMAX,
    MSGMNB,
    MSGMNI,
)
from ..errors import Blocked, LinuxError
from ..ipc.keys import PERMISSIONS, READ, WRITE
from .registry import Int32, Int64, Pointer, served

TYPE = struct.Struct("<q")
QUEUE = struct.Struct("<qqqQQQiiQQ")  # struct msqid64_ds after its permissions
INFO = struct.Struct("<7iH2x")


def _queue(call, number):
    """The queue of a call that may have slept on it: EINVAL, EIDRM."""
    if call.memo is None:
        call.memo = call.tree.ipc.messages.find(number)
    call.memo.check_exists()
    return call.memo


@served("msgget")
def msgget(call, key: Int32, flags: Int32):
    return call.tree.ipc.messages.get_queue(key, flags, call.credentials).id


@served("msgsnd")
def msgsnd(call, number: Int32, address: Pointer, count: Int64, flags: Int32):
    (kind,) = TYPE.unpack(call.read(address, TYPE.size))
    if not 0 <= count <= MSGMAX or number < 0 or kind < 1:
        raise LinuxError(EINVAL)
    data = call.read(address + TYPE.size, count)
    queue = _queue(call, number)
    queue.check(call.credentials, WRITE)
    if not queue.has_room(count):
        raise LinuxError(EAGAIN) if flags & IPC_NOWAIT else Blocked(None, on=queue, restarts=False)
    queue.put(kind, data, call.task.pid)
    return 0


@served("msgrcv")
def msgrcv(call, number: Int32, address: Pointer, most: Int64, kind: Int64, flags: Int32):
    if number < 0 or most < 0:
        raise LinuxError(EINVAL)
    if flags & MSG_COPY and (flags & MSG_EXCEPT or not flags & IPC_NOWAIT):
        raise LinuxError(EINVAL)
    queue = _queue(call, number)
    queue.check(call.credentials, READ)
    position = kind if flags & MSG_COPY else queue.choose(kind, flags)
    if position is None:
        raise LinuxError(ENOMSG) if flags & IPC_NOWAIT else Blocked(None, on=queue, restarts=False)
    found, data = queue.look(position, most, flags)
    if not flags & MSG_COPY:
        queue.take(position, call.task.pid)
    call.write(address, TYPE.pack(found) + data)
    return len(data)


@served("msgctl")
def msgctl(call, number: Int32, command: Int32, address: Pointer):
    table = call.tree.ipc.messages
    if number < 0 or command < 0:
        raise LinuxError(EINVAL)
    if command in (IPC_INFO, MSG_INFO):
        used = len(table), sum(len(each.messages) for each in table), sum(each.size for each in table)
        pool, most, total = (0, 0, 0) if command == IPC_INFO else used
        call.write(address, INFO.pack(pool, most, MSGMAX, MSGMNB, MSGMNI, 16, total, 0))
        return table.highest
    if command in (IPC_STAT, MSG_STAT, MSG_STAT_ANY):
        queue = table.find(number) if command == IPC_STAT else table.at(number)
        if command != MSG_STAT_ANY:
            queue.check(call.credentials, READ)
        times = queue.sent_s, queue.received_s, queue.changed_s
        sizes = queue.size, len(queue.messages), queue.most_bytes
        call.write(address, queue.permissions() + QUEUE.pack(*times, *sizes, queue.sender, queue.receiver, 0, 0))
        return 0 if command == IPC_STAT else queue.id
    if command == IPC_RMID:
        queue = table.find(number)
        queue.check_owner(call.credentials)
        table.remove(queue)
        return 0
    if command == IPC_SET:
        return _set(call, table, number, call.read(address, PERMISSIONS.size + QUEUE.size))
    raise LinuxError(EINVAL)


def _set(call, table, number, data):
    queue = table.find(number)
    queue.check_owner(call.credentials)
    most_bytes = QUEUE.unpack(data[PERMISSIONS.size :])[5]
    if most_bytes > MSGMNB and not call.credentials.privileged:
        raise LinuxError(EPERM)
    queue.most_bytes = min(most_bytes, 1 << 31)
    queue.set_permissions(data[: PERMISSIONS.size])
    queue.changes += 1
    return 0
