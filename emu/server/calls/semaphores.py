"""Semaphore sets: semget, semop, semtimedop, semctl. No handler's SA_RESTART restarts their waits (signal(7))."""

import struct

from ...abi.errno import E2BIG, EAGAIN, EIDRM, EINVAL
from ...abi.ipc import (
    GETALL,
    GETNCNT,
    GETPID,
    GETVAL,
    GETZCNT,
    IPC_INFO,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    SEM_INFO,
    SEM_STAT,
    SEM_STAT_ANY,
    SEMMNI,
    SEMMSL,
    SEMOPM,
    SEMVMX,
    SETALL,
    SETVAL,
)
from ..errors import Blocked, LinuxError
from ..ipc.keys import PERMISSIONS, READ, WRITE
from .registry import Int32, Int64, Pointer, Size, Timeout, served

OPERATION = struct.Struct("<Hhh")  # struct sembuf
SET = struct.Struct("<qqQQQ")  # struct semid64_ds after its permissions
INFO = struct.Struct("<10i")


def _table(call):
    call.tree.ipc.semaphores.settle_ended()
    return call.tree.ipc.semaphores


@served("semget")
def semget(call, key: Int32, count: Int32, flags: Int32):
    return _table(call).get_set(key, count, flags, call.credentials).id


@served("semop")
def semop(call, number: Int32, address: Pointer, count: Size):
    return _operate(call, number, address, count, None)


@served("semtimedop")
def semtimedop(call, number: Int32, address: Pointer, count: Size, timeout: Timeout):
    return _operate(call, number, address, count, timeout)


def _operate(call, number, address, count, timeout_ns):
    table = _table(call)
    now = call.machine.monotonic_ns()
    if call.memo is None:
        if count < 1 or number < 0:
            raise LinuxError(EINVAL)
        if count > SEMOPM:
            raise LinuxError(E2BIG)
        data = call.read(address, count * OPERATION.size)
        deadline_ns = call.resume_deadline_ns or (None if timeout_ns is None else now + timeout_ns)
        call.memo = table.find(number), list(OPERATION.iter_unpack(data)), deadline_ns
    found, operations, deadline_ns = call.memo
    found.waits.pop(call, None)
    wait = found.operate(call, operations)
    if wait is None:
        return 0
    if deadline_ns is not None and now >= deadline_ns:
        raise LinuxError(EAGAIN)
    found.waits[call] = wait
    raise Blocked(None, deadline_ns=deadline_ns, on=found, restarts=False)


@served("semctl")
def semctl(call, number: Int32, semaphore: Int32, command: Int32, argument: Int64):
    table = _table(call)
    address = argument & (1 << 64) - 1
    if number < 0:
        raise LinuxError(EINVAL)
    if command in (IPC_INFO, SEM_INFO):
        used, total = (20, 32) if command == IPC_INFO else (len(table), sum(len(each.values) for each in table))
        sets = SEMMNI * SEMMSL
        call.write(address, INFO.pack(sets, SEMMNI, sets, sets, SEMMSL, SEMOPM, SEMOPM, used, SEMVMX, total))
        return table.highest
    if command in (IPC_STAT, SEM_STAT, SEM_STAT_ANY):
        found = table.find(number) if command == IPC_STAT else table.at(number)
        if command != SEM_STAT_ANY:
            found.check(call.credentials, READ)
        times = found.used_s, found.changed_s
        call.write(address, found.permissions() + SET.pack(*times, len(found.values), 0, 0))
        return 0 if command == IPC_STAT else found.id
    if command in (IPC_RMID, IPC_SET):
        data = call.read(address, PERMISSIONS.size) if command == IPC_SET else None
        found = table.find(number)
        found.check_owner(call.credentials)
        if data is None:
            table.remove(found)
        else:
            found.set_permissions(data)
        return 0
    if command not in (GETALL, SETALL, GETVAL, SETVAL, GETPID, GETNCNT, GETZCNT):
        raise LinuxError(EINVAL)
    found = table.find(number)
    if command == SETVAL:
        found.check(call.credentials, WRITE)
        found.set(semaphore, _int(argument), call.task.pid)
        return 0
    found.check(call.credentials, WRITE if command == SETALL else READ)
    if command == GETALL:
        call.write(address, struct.pack(f"<{len(found.values)}H", *found.values))
        return 0
    if command == SETALL:
        found.set_all(struct.unpack(f"<{len(found.values)}H", call.read(address, 2 * len(found.values))), call.task.pid)
        return 0
    return _value(found, semaphore, command)


def _int(word):
    word &= 0xFFFFFFFF
    return word - ((word & 0x80000000) << 1)


def _value(found, semaphore, command):
    """What one of the commands about one semaphore answers. EINVAL, EIDRM."""
    if found.removed:
        raise LinuxError(EIDRM)
    if not 0 <= semaphore < len(found.values):
        raise LinuxError(EINVAL)
    if command == GETVAL:
        return found.values[semaphore]
    if command == GETPID:
        return found.pids[semaphore]
    return found.count_waiting(semaphore, command == GETZCNT)
