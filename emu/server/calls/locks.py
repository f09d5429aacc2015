"""Locks on files: flock, and what fcntl does with record locks (F_SETLK, F_SETLKW, F_GETLK, F_OFD_*)."""

import struct

from ...abi.errno import EBADF, EINVAL, EOVERFLOW
from ...abi.files import OFFSET_MAX, SEEK_CUR, SEEK_END, SEEK_SET
from ...abi.words import WORD
from ..errors import LinuxError
from ..vfs.locks import EXCLUSIVE, NONE, OPEN_FILE, SHARED, Lock
from .registry import Int32, UInt32, served

LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN = 1, 2, 4, 8
FLOCK_KINDS = {LOCK_SH: SHARED, LOCK_EX: EXCLUSIVE, LOCK_UN: NONE}
F_GETLK, F_SETLK, F_SETLKW = 5, 6, 7
F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38
OF_OPEN_FILES = (F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW)
LOCK_COMMANDS = (F_GETLK, F_SETLK, F_SETLKW, *OF_OPEN_FILES)
RECORD = struct.Struct("<hh4xqqi4x")  # struct flock


@served("flock")
def flock(call, fd: Int32, operation: UInt32):
    kind = FLOCK_KINDS.get(operation & ~LOCK_NB)
    if kind is None:
        raise LinuxError(EINVAL)
    file = call.task.files.usable(fd)
    call.tree.locks.lock_file(file, kind, waits=not operation & LOCK_NB)
    return 0


def lock_command(call, file, command, address):
    """fcntl's commands on record locks, for an open file that is more than a place."""
    address &= WORD
    kind, whence, start, length, pid = RECORD.unpack(call.read(address, RECORD.size))
    of_open_file = command in OF_OPEN_FILES
    if of_open_file and pid:
        raise LinuxError(EINVAL)
    first, last = _range(file, whence, start, length)
    owner, shown_pid = (file, OPEN_FILE) if of_open_file else (call.task.files, call.task.pid)
    lock = Lock(kind, first, last, owner, shown_pid)
    if command in (F_GETLK, F_OFD_GETLK):
        if kind not in (SHARED, EXCLUSIVE):
            raise LinuxError(EINVAL)
        call.write(address, _answer(call.tree.locks.hindrance(file, lock), whence, start, length, pid))
        return 0
    if kind not in (SHARED, EXCLUSIVE, NONE):
        raise LinuxError(EINVAL)
    if kind == SHARED and not file.readable or kind == EXCLUSIVE and not file.writable:
        raise LinuxError(EBADF)
    call.tree.locks.lock_record(file, lock, call if command in (F_SETLKW, F_OFD_SETLKW) else None)
    return 0


def _range(file, whence, start, length):
    """(first, last byte) of a struct flock; EINVAL, EOVERFLOW."""
    if whence == SEEK_CUR:
        start += file.offset
    elif whence == SEEK_END:
        start += file.stat().size
    elif whence != SEEK_SET:
        raise LinuxError(EINVAL)
    if start > OFFSET_MAX:
        raise LinuxError(EOVERFLOW)
    first, last = start, start + length - 1
    if length < 0:
        first, last = start + length, start - 1
    elif length == 0:
        last = OFFSET_MAX
    if first < 0:
        raise LinuxError(EINVAL)
    if last > OFFSET_MAX:
        raise LinuxError(EOVERFLOW)
    return first, last


def _answer(lock, whence, start, length, pid):
    if lock is None:
        return RECORD.pack(NONE, whence, start, length, pid)
    size = 0 if lock.last == OFFSET_MAX else lock.last - lock.start + 1
    return RECORD.pack(lock.kind, SEEK_SET, lock.start, size, lock.pid)
