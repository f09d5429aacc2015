"""Served Linux calls on open files: descriptors and data.  Those on names are in names.py.

Semantics and error numbers are those of the Linux manual pages; vfs/ decides where files are kept, and how.
Handlers stay thin: they fetch arguments, check what only this layer knows, and let vfs/ do the work.

Not offered: O_TMPFILE (EOPNOTSUPP), splice; terminals can be asked but not
changed (TCSETS: EPERM).
"""

import struct

from ...abi.errno import EBADF, EFBIG, EINVAL, EISDIR, EOPNOTSUPP, EPERM, ESPIPE
from ...abi.files import (
    CREATION_FLAGS,
    O_APPEND,
    O_CLOEXEC,
    O_NONBLOCK,
    O_PATH,
    OFFSET_MAX,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    S_IFDIR,
    S_IFIFO,
    S_IFREG,
    SETTABLE_FLAGS,
)
from ..errors import LinuxError, OthersFirst
from ..file_limits import check_size
from ..vfs.fifo import opened
from ..vfs.memfd import seal_command
from ..vfs.polling import poll_files
from ..vfs.transfer import TURN_BYTES, copy, receive, send
from .locks import LOCK_COMMANDS, lock_command
from .names import start_of
from .registry import Int32, Int64, Path, Pointer, Size, Timeout, UInt32, only, served
from .signal_masks import wait_with_mask

IOV_MAX = 1024
F_GETFL, F_SETFL, F_GETPIPE_SZ = 3, 4, 1032
HOST_PIPE_BYTES = 65536  # what a pipe of the host holds, unless somebody has changed that
F_ADD_SEALS, F_GET_SEALS = 1033, 1034
TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ = 0x5401, 0x5402, 0x5403, 0x5404, 0x5413
FIONREAD, FIONBIO, FIONCLEX, FIOCLEX = 0x541B, 0x5421, 0x5450, 0x5451
CLOSE_RANGE_UNSHARE, CLOSE_RANGE_CLOEXEC = 2, 4


# --- descriptors ------------------------------------------------------------------------------------------------------


def _to_read(call, fd):
    file = call.task.files.get(fd)
    if not file.readable:
        raise LinuxError(EBADF)
    return file


def _to_write(call, fd):
    file = call.task.files.get(fd)
    if not file.writable:
        raise LinuxError(EBADF)
    return file


@served("openat")
def openat(call, dirfd: Int32, path: Path, flags: UInt32, mode: UInt32):
    files = call.task.files
    files.check_room()
    file = opened(call, lambda: call.tree.open(call.task, start_of(call, dirfd, path), path, flags, mode))
    return files.add(file, bool(flags & O_CLOEXEC))


@served("close")
def close(call, fd: Int32):
    """Of a process with record locks, which end with it; the CPUs close all else (kernel/linux/files.py)."""
    call.task.files.close(fd)
    return 0


@served("dup3")
def dup3(call, fd: Int32, new: Int32, flags: UInt32):
    """Likewise, where `new` is open; the CPU has checked new and flags."""
    return call.task.files.replace(fd, new, bool(flags & O_CLOEXEC))


@served("close_range")
def close_range(call, first: UInt32, last: UInt32, flags: UInt32):
    only(flags, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)
    if first > last:
        raise LinuxError(EINVAL)
    files = call.task.files
    for fd in files.open_descriptors():
        if first <= fd <= last:
            if flags & CLOSE_RANGE_CLOEXEC:
                files.set_close_on_exec(fd, True)
            else:
                files.close(fd)
    return 0


@served("fcntl")
def fcntl(call, fd: Int32, command: UInt32, argument: Int64):
    file = call.task.files.get(fd)
    if command == F_GETFL:
        return file.flags & ~CREATION_FLAGS
    if file.flags & O_PATH:
        raise LinuxError(EBADF)
    if command == F_SETFL:
        file.flags = file.flags & ~SETTABLE_FLAGS | argument & SETTABLE_FLAGS
        return 0
    if command == F_GETPIPE_SZ and file.node.kind == S_IFIFO:
        return HOST_PIPE_BYTES
    if command in LOCK_COMMANDS:
        return lock_command(call, file, command, argument)
    if command in (F_ADD_SEALS, F_GET_SEALS):
        return seal_command(file.node, command == F_ADD_SEALS, argument & 0xFFFFFFFF, file.writable)
    raise LinuxError(EINVAL)


@served("ioctl")
def ioctl(call, fd: Int32, request: UInt32, argument: Pointer):
    file = call.task.files.usable(fd)
    if request in (FIOCLEX, FIONCLEX):
        call.task.files.set_close_on_exec(fd, request == FIOCLEX)
    elif request == FIONBIO:
        on = struct.unpack("<i", call.read(argument, 4))[0]
        file.flags = file.flags | O_NONBLOCK if on else file.flags & ~O_NONBLOCK
    elif request == FIONREAD:
        call.write(argument, struct.pack("<i", min(file.available(), 0x7FFFFFFF)))
    elif request == TCGETS:
        call.write(argument, file.terminal_settings())
    else:
        columns, rows = file.terminal_size()  # raises ENOTTY where the file is no terminal
        if request in (TCSETS, TCSETSW, TCSETSF):
            raise LinuxError(EPERM)
        if request != TIOCGWINSZ:
            raise LinuxError(EINVAL)
        call.write(argument, struct.pack("<4H", rows, columns, 0, 0))
    return 0


# --- data -------------------------------------------------------------------------------------------------------------


def segments_of(call, address, count):
    """[(address, count)] of a struct iovec array."""
    if not 0 <= count <= IOV_MAX:
        raise LinuxError(EINVAL)
    segments = list(struct.iter_unpack("<QQ", call.read(address, count * 16))) if count else []
    if sum(size for _, size in segments) > OFFSET_MAX:
        raise LinuxError(EINVAL)
    return segments


def _position(file, offset):
    if offset < 0:
        raise LinuxError(EINVAL)
    if not file.seekable and file.node.kind != S_IFDIR:
        raise LinuxError(ESPIPE)
    return offset


@served("read")
def read(call, fd: Int32, address: Pointer, count: Size):
    return receive(call, _to_read(call, fd), ((address, count),))


@served("write")
def write(call, fd: Int32, address: Pointer, count: Size):
    return send(call, _to_write(call, fd), ((address, count),))


@served("readv")
def readv(call, fd: Int32, address: Pointer, count: Int32):
    return receive(call, _to_read(call, fd), segments_of(call, address, count))


@served("writev")
def writev(call, fd: Int32, address: Pointer, count: Int32):
    return send(call, _to_write(call, fd), segments_of(call, address, count))


@served("pread64")
def pread64(call, fd: Int32, address: Pointer, count: Size, offset: Int64):
    file = _to_read(call, fd)
    return receive(call, file, ((address, count),), _position(file, offset))


def _write_position(file, offset):
    """Linux appends even a pwrite when the file was opened with O_APPEND."""
    offset = _position(file, offset)
    return file.size() if file.flags & O_APPEND else offset


@served("pwrite64")
def pwrite64(call, fd: Int32, address: Pointer, count: Size, offset: Int64):
    file = _to_write(call, fd)
    return send(call, file, ((address, count),), _write_position(file, offset))


@served("preadv")
def preadv(call, fd: Int32, address: Pointer, count: Int32, offset: Int64):
    file = _to_read(call, fd)
    return receive(call, file, segments_of(call, address, count), _position(file, offset))


@served("pwritev")
def pwritev(call, fd: Int32, address: Pointer, count: Int32, offset: Int64):
    file = _to_write(call, fd)
    return send(call, file, segments_of(call, address, count), _write_position(file, offset))


def _offset_at(call, file, address):
    """The offset that a pointer leads to, None for a null pointer."""
    return _position(file, struct.unpack("<q", call.read(address, 8))[0]) if address else None


def _copied(call, source, source_at, target, target_at, count):
    source_offset = _offset_at(call, source, source_at)
    target_offset = _offset_at(call, target, target_at)
    count = min(count, 0x7FFFF000)
    if target.seekable:
        start = target.write_position() if target_offset is None else target_offset
        count = call.room_to_write(target, start, count)
    done = copy(source, target, count, source_offset, target_offset)
    for address, offset in ((source_at, source_offset), (target_at, target_offset)):
        if address:
            call.write(address, struct.pack("<q", offset + done))
    return done


@served("sendfile")
def sendfile(call, out_fd: Int32, in_fd: Int32, offset_at: Pointer, count: Size):
    target, source = _to_write(call, out_fd), _to_read(call, in_fd)
    if not source.seekable:
        raise LinuxError(EINVAL)
    return _copied(call, source, offset_at, target, 0, count)


@served("copy_file_range")
def copy_file_range(call, in_fd: Int32, in_at: Pointer, out_fd: Int32, out_at: Pointer, count: Size, flags: UInt32):
    source, target = _to_read(call, in_fd), _to_write(call, out_fd)
    only(flags, 0)
    if S_IFDIR in (source.node.kind, target.node.kind):
        raise LinuxError(EISDIR)
    if source.node.kind != S_IFREG or target.node.kind != S_IFREG or not (source.seekable and target.seekable):
        raise LinuxError(EINVAL)
    if target.flags & O_APPEND:
        raise LinuxError(EBADF)
    return _copied(call, source, in_at, target, out_at, count)


@served("lseek")
def lseek(call, fd: Int32, offset: Int64, whence: UInt32):
    return call.task.files.usable(fd).seek(offset, whence)


@served("ftruncate")
def ftruncate(call, fd: Int32, size: Int64):
    file = call.task.files.usable(fd)
    if size < 0 or not file.writable:
        raise LinuxError(EINVAL)
    check_size(call, size)
    file.truncate(size)
    return 0


@served("fallocate")
def fallocate(call, fd: Int32, mode: UInt32, offset: Int64, size: Int64):
    file = _to_write(call, fd)
    if offset < 0 or size <= 0:
        raise LinuxError(EINVAL)
    if mode:
        raise LinuxError(EOPNOTSUPP)
    if offset + size > OFFSET_MAX:
        raise LinuxError(EFBIG)
    if file.node.kind == S_IFIFO:
        raise LinuxError(ESPIPE)
    check_size(call, offset + size)
    if call.memo is None:
        file.check_room(offset, size)
        call.memo = offset
    at = call.memo
    piece = min(offset + size - at, TURN_BYTES)
    file.allocate(at, piece)
    if at + piece < offset + size:
        call.memo = at + piece
        raise OthersFirst
    return 0


@served("fsync", "fdatasync", "syncfs")
def fsync(call, fd: Int32):
    call.task.files.usable(fd).sync()
    return 0


@served("sync")
def sync(call):
    call.machine.write_back()
    return 0


@served("fadvise64", "readahead")
def fadvise64(call, fd: Int32):
    call.task.files.usable(fd)
    return 0


@served("ppoll")
def ppoll(call, address: Pointer, count: UInt32, timeout: Timeout, mask_at: Pointer, mask_bytes: Size):
    if count > call.task.files.limit:
        raise LinuxError(EINVAL)
    if mask_at:
        wait_with_mask(call, mask_at, mask_bytes)
    entries = list(struct.iter_unpack("<ihh", call.read(address, count * 8))) if count else []
    wanted = [(fd, events) for fd, events, _ in entries]
    ready = poll_files(call, wanted, timeout)
    call.write(address, b"".join(struct.pack("<ihh", *each, found) for each, found in zip(wanted, ready)))
    return sum(found != 0 for found in ready)


@served("pselect6")
def pselect6(call, count: Int32, reading: Pointer, writing: Pointer, failing: Pointer, timeout: Timeout, mask: Pointer):
    if not 0 <= count <= 1 << 16:
        raise LinuxError(EINVAL)
    mask_at, mask_bytes = struct.unpack("<QQ", call.read(mask, 16)) if mask else (0, 0)
    if mask_at:
        wait_with_mask(call, mask_at, mask_bytes)
    size = (count + 63) // 64 * 8
    sets = []  # (address, events asked for, what of poll makes a member ready)
    for address, asked, shown in (
        (reading, POLLIN, POLLIN | POLLHUP | POLLERR),
        (writing, POLLOUT, POLLOUT | POLLERR),
        (failing, POLLPRI, POLLPRI),
    ):
        if address and size:
            bits = int.from_bytes(call.read(address, size), "little") & ((1 << count) - 1)
            sets.append((address, bits, asked, shown))
    events = {}
    for _, bits, asked, _ in sets:
        for fd in (i for i in range(count) if bits >> i & 1):
            events[fd] = events.get(fd, 0) | asked
    ready = dict(zip(events, poll_files(call, list(events.items()), timeout)))
    if POLLNVAL in ready.values():
        raise LinuxError(EBADF)
    members = 0
    for address, bits, _, shown in sets:
        found = sum(1 << fd for fd, state in ready.items() if bits >> fd & 1 and state & shown)
        members += found.bit_count()
        call.write(address, found.to_bytes(size, "little"))
    return members
