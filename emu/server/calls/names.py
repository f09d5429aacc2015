"""Served Linux calls on names and attributes of files (server/calls/files.py has those on open files).

A file is meant by a path from a directory, or by a descriptor and an empty path.  Importing this registers the calls.
"""

import os
import struct

from ...abi.clocks import SECOND_NS
from ...abi.errno import EINVAL, ENOENT, ENOTDIR, EOPNOTSUPP, EPERM, ERANGE
from ...abi.files import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_NO_AUTOMOUNT,
    AT_REMOVEDIR,
    AT_SYMLINK_FOLLOW,
    AT_SYMLINK_NOFOLLOW,
    O_CREAT,
    O_EXCL,
    O_WRONLY,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    W_OK,
    X_OK,
)
from ..errors import LinuxError
from ..file_limits import check_size
from ..vfs.access import check, check_owner
from ..vfs.fifo import Fifo
from ..vfs.layouts import pack_dirent, pack_stat, pack_statfs, pack_statx
from .registry import (
    Int32,
    Int64,
    Path,
    Pointer,
    Size,
    UInt32,
    only,
    served,
)

RENAME_NOREPLACE = 1
AT_EACCESS = 0x200  # the number is AT_REMOVEDIR's, too
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2


def start_of(call, dirfd, path):
    """The directory from which a path starts; ENOENT when it is empty, EBADF, ENOTDIR."""
    if not path:
        raise LinuxError(ENOENT)
    if path[:1] == "/":
        return call.tree.root
    if dirfd == AT_FDCWD:
        return call.tree.directory(call.task)
    node = call.task.files.get(dirfd).node
    if node.kind != S_IFDIR:
        raise LinuxError(ENOTDIR)
    return node


def _find(call, dirfd, path, flags):
    """The inode, or with AT_EMPTY_PATH the open file, that a call means."""
    if not path and flags & AT_EMPTY_PATH:
        return call.tree.directory(call.task) if dirfd == AT_FDCWD else call.task.files.get(dirfd)
    return call.tree.find(call.task, start_of(call, dirfd, path), path, follow=not flags & AT_SYMLINK_NOFOLLOW)


def _find_inode(call, dirfd, path, flags):
    found = _find(call, dirfd, path, flags)
    return getattr(found, "node", found)


@served("fstat")
def fstat(call, fd: Int32, address: Pointer):
    call.write(address, pack_stat(call.task.files.get(fd).stat()))
    return 0


@served("newfstatat")
def newfstatat(call, dirfd: Int32, path: Path, address: Pointer, flags: UInt32):
    only(flags, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)
    call.write(address, pack_stat(_find(call, dirfd, path, flags).stat()))
    return 0


@served("statx")
def statx(call, dirfd: Int32, path: Path, flags: UInt32, mask: UInt32, address: Pointer):
    only(flags, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | 0x6000)  # AT_STATX_SYNC_TYPE: no meaning here
    if mask & 0x80000000:
        raise LinuxError(EINVAL)
    call.write(address, pack_statx(_find(call, dirfd, path, flags).stat()))
    return 0


@served("statfs")
def statfs(call, path: Path, address: Pointer):
    call.write(address, pack_statfs(_find(call, AT_FDCWD, path, 0).filesystem))
    return 0


@served("fstatfs")
def fstatfs(call, fd: Int32, address: Pointer):
    call.write(address, pack_statfs(call.task.files.get(fd).node.filesystem))
    return 0


@served("getdents64")
def getdents64(call, fd: Int32, address: Pointer, count: UInt32):
    file = call.task.files.usable(fd)
    records, size, start = [], 0, file.offset
    try:
        for offset, name, inode, kind in file.entries(call.task):
            record = pack_dirent(name, inode, kind, offset)
            if size + len(record) > count:
                if not records:
                    raise LinuxError(EINVAL)
                break
            records.append(record)
            size += len(record)
            file.offset = offset
        call.write(address, b"".join(records))
    except LinuxError:
        file.offset = start
        raise
    return size


@served("getcwd")
def getcwd(call, address: Pointer, size: Size):
    path = os.fsencode(call.tree.directory(call.task).path()) + b"\0"
    if len(path) > size:
        raise LinuxError(ERANGE)
    call.write(address, path)
    return len(path)


def _change_directory(call, node):
    if node.kind != S_IFDIR:
        raise LinuxError(ENOTDIR)
    check(node, call.task, X_OK)
    call.task.cwd = node
    call.go_to_machine()
    return 0


@served("chdir")
def chdir(call, path: Path):
    return _change_directory(call, _find(call, AT_FDCWD, path, 0))


@served("fchdir")
def fchdir(call, fd: Int32):
    return _change_directory(call, call.task.files.get(fd).node)


@served("mkdirat")
def mkdirat(call, dirfd: Int32, path: Path, mode: UInt32):
    call.tree.make_directory(call.task, start_of(call, dirfd, path), path, mode)
    return 0


@served("mknodat")
def mknodat(call, dirfd: Int32, path: Path, mode: UInt32, device: UInt32):
    """FIFOs and regular files. EPERM for devices and sockets, as for a user without rights to make them."""
    kind = mode & S_IFMT or S_IFREG
    start = start_of(call, dirfd, path)
    if kind == S_IFIFO:
        permissions = mode & ~call.task.umask & 0o7777
        call.tree.make_special(call.task, start, path, lambda filesystem: Fifo(filesystem, permissions))
    elif kind == S_IFREG:
        call.tree.open(call.task, start, path, O_CREAT | O_EXCL | O_WRONLY, mode & 0o7777).close()
    elif kind in (S_IFCHR, S_IFBLK, S_IFSOCK):
        raise LinuxError(EPERM)
    else:
        raise LinuxError(EPERM if kind == S_IFDIR else EINVAL)
    return 0


@served("unlinkat")
def unlinkat(call, dirfd: Int32, path: Path, flags: UInt32):
    only(flags, AT_REMOVEDIR)
    remove = call.tree.remove_directory if flags else call.tree.unlink
    remove(call.task, start_of(call, dirfd, path), path)
    return 0


@served("renameat2")
def renameat2(call, old_dirfd: Int32, old: Path, new_dirfd: Int32, new: Path, flags: UInt32):
    only(flags, RENAME_NOREPLACE)
    starts = start_of(call, old_dirfd, old), start_of(call, new_dirfd, new)
    call.tree.rename(call.task, starts[0], old, starts[1], new, replace=not flags)
    return 0


@served("linkat")
def linkat(call, old_dirfd: Int32, old: Path, new_dirfd: Int32, new: Path, flags: UInt32):
    only(flags, AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)
    follow = flags & AT_EMPTY_PATH | (0 if flags & AT_SYMLINK_FOLLOW else AT_SYMLINK_NOFOLLOW)
    node = _find_inode(call, old_dirfd, old, follow)
    call.tree.add_name(call.task, node, start_of(call, new_dirfd, new), new)
    return 0


@served("symlinkat")
def symlinkat(call, target: Path, dirfd: Int32, path: Path):
    if not target:
        raise LinuxError(ENOENT)
    call.tree.make_link(call.task, start_of(call, dirfd, path), path, target)
    return 0


@served("readlinkat")
def readlinkat(call, dirfd: Int32, path: Path, address: Pointer, size: Int32):
    if size <= 0:
        raise LinuxError(EINVAL)
    node = _find_inode(call, dirfd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
    if node.kind != S_IFLNK:
        raise LinuxError(EINVAL if path else ENOENT)
    text = os.fsencode(node.target(call.task))[:size]
    call.write(address, text)
    return len(text)


@served("faccessat")
def faccessat(call, dirfd: Int32, path: Path, mode: UInt32):
    return faccessat2(call, dirfd, path, mode, 0)


@served("faccessat2")
def faccessat2(call, dirfd: Int32, path: Path, mode: UInt32, flags: UInt32):
    only(mode, 7)
    only(flags, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_EACCESS)
    before = call.task.credentials
    if not flags & AT_EACCESS:
        call.task.credentials = before.as_real()  # for the way there, too
    try:
        node = _find_inode(call, dirfd, path, flags & ~AT_EACCESS)
        node.check_access(mode)
        check(node, call.task, mode)
    finally:
        call.task.credentials = before
    return 0


@served("truncate")
def truncate(call, path: Path, size: Int64):
    if size < 0:
        raise LinuxError(EINVAL)
    node = _find(call, AT_FDCWD, path, 0)
    check(node, call.task, W_OK)
    check_size(call, size)
    node.truncate(size)
    return 0


@served("fchmod")
def fchmod(call, fd: Int32, mode: UInt32):
    node = call.task.files.usable(fd).node
    check_owner(node, call.task)
    node.set_mode(mode & 0o7777)
    return 0


@served("fchmodat")
def fchmodat(call, dirfd: Int32, path: Path, mode: UInt32):
    return fchmodat2(call, dirfd, path, mode, 0)


@served("fchmodat2")
def fchmodat2(call, dirfd: Int32, path: Path, mode: UInt32, flags: UInt32):
    only(flags, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)
    node = _find_inode(call, dirfd, path, flags)
    if node.kind == S_IFLNK:
        raise LinuxError(EOPNOTSUPP)
    check_owner(node, call.task)
    node.set_mode(mode & 0o7777)
    return 0


def _change_owner(call, node, uid, gid):
    """Root may give files away; an owner may give them to a group of its own."""
    who = call.credentials
    if not who.privileged:
        mine = node.stat().uid == who.fsuid and uid in (-1, who.fsuid) and gid in (-1, who.fsgid, *who.groups)
        if not mine:
            raise LinuxError(EPERM)
    node.set_owner(uid, gid)
    return 0


@served("fchown")
def fchown(call, fd: Int32, uid: Int32, gid: Int32):
    return _change_owner(call, call.task.files.usable(fd).node, uid, gid)


@served("fchownat")
def fchownat(call, dirfd: Int32, path: Path, uid: Int32, gid: Int32, flags: UInt32):
    only(flags, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)
    return _change_owner(call, _find_inode(call, dirfd, path, flags), uid, gid)


@served("utimensat")
def utimensat(call, dirfd: Int32, path_at: Pointer, times_at: Pointer, flags: UInt32):
    only(flags, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)
    now = call.machine.realtime_ns()
    times = [now, now]
    if times_at:
        seconds_and_ns = struct.unpack("<qqqq", call.read(times_at, 32))
        for i, (seconds, ns) in enumerate((seconds_and_ns[:2], seconds_and_ns[2:])):
            if ns == UTIME_OMIT:
                times[i] = None
            elif ns != UTIME_NOW:
                if not 0 <= ns < SECOND_NS:
                    raise LinuxError(EINVAL)
                times[i] = seconds * SECOND_NS + ns
    if path_at:
        node = _find_inode(call, dirfd, os.fsdecode(call.string(path_at)), flags)
    else:
        node = call.task.files.usable(dirfd).node
    if times != [None, None]:
        if times != [now, now]:
            check_owner(node, call.task)
        elif node.stat().uid != call.credentials.fsuid:
            check(node, call.task, W_OK)
        node.set_times(*times)
    return 0


@served("umask")
def umask(call, mask: UInt32):
    before, call.task.umask = call.task.umask, mask & 0o777
    call.set_umask(mask & 0o777)
    return before
