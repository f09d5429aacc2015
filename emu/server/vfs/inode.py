"""Inodes: what a name leads to.  Here are the common interface, and the inode whose attributes live in memory.

An inode knows its kind, answers `stat`, and opens into an OpenFile.  What it cannot do fails with the error that
Linux gives for that kind of file.  Access rights are stored but not enforced: the guest's user is root.
Access times change by utimensat only (as on a file system mounted noatime).
"""

import os
from typing import NamedTuple

from ...abi.errno import EACCES, EINVAL, ELOOP, ENOSPC, EPERM, EROFS
from ...abi.files import O_PATH, S_IFDIR, S_IFLNK, W_OK, X_OK
from ..errors import LinuxError
from .allowance import FREE, INODE_BYTES, text_bytes
from .open_file import OpenFile


class Stat(NamedTuple):
    device: int
    inode: int
    mode: int
    links: int
    uid: int
    gid: int
    special_device: int
    size: int
    block_size: int
    blocks: int  # of 512 bytes
    accessed_ns: int
    modified_ns: int
    changed_ns: int


class Filesystem:
    """What the inodes of one tree share: device number, clock, whether it can be written."""

    read_only = False
    allowance = FREE  # pays for what the inodes hold; from the machine's start on that is guests' memory

    def __init__(self, device, magic, clock):
        self.device = device
        self.magic = magic
        self.clock = clock  # () -> ns since 1970
        self._last_number = 0

    def next_number(self):
        self._last_number += 1
        return self._last_number

    def space(self):
        """(block size, blocks, free blocks)."""
        return 4096, 0, 0


class Inode:
    """Base of all inodes; the defaults are those of a file that can not be changed."""

    kind = 0
    filesystem: Filesystem

    def stat(self) -> Stat:
        raise NotImplementedError

    def open(self, flags, task):
        """An OpenFile with one reference."""
        raise LinuxError(EINVAL)

    def truncate(self, size):
        raise LinuxError(EINVAL)

    def set_mode(self, mode):
        raise LinuxError(EPERM)

    def set_owner(self, uid, gid):
        raise LinuxError(EPERM)

    def set_times(self, accessed_ns, modified_ns):
        """Set the times that are not None."""
        raise LinuxError(EPERM)

    def check_access(self, mode):
        """EROFS or EACCES when even root could not use the file as `mode` (R_OK, W_OK, X_OK) says."""
        if mode & W_OK and self.filesystem.read_only:
            raise LinuxError(EROFS)
        if mode & X_OK and self.kind != S_IFDIR and not self.stat().mode & 0o111:
            raise LinuxError(EACCES)

    def hold(self):
        """An open file begins to use this inode."""

    def release(self):
        """An open file ends its use."""


class MemoryInode(Inode):
    """An inode of the machine's own file system.  It dies when it has neither names nor open files."""

    no_room = ENOSPC  # the error when there is no memory to make one or let it grow

    def __init__(self, filesystem, mode, more_bytes=0):
        self.filesystem = filesystem
        self.charge = filesystem.allowance.charge(INODE_BYTES + more_bytes, self.no_room)
        self.number = filesystem.next_number()
        self.mode = mode
        self.uid = self.gid = 0
        self.links = 0
        self.holders = 0
        self.accessed_ns = self.modified_ns = self.changed_ns = filesystem.clock()

    special_device = 0
    size = 0

    def allocated_blocks(self):
        return 0

    def stat(self):
        return Stat(
            self.filesystem.device, self.number, self.kind | self.mode, self.links, self.uid, self.gid,
            self.special_device, self.size, 4096, self.allocated_blocks(),
            self.accessed_ns, self.modified_ns, self.changed_ns,
        )  # fmt: skip

    def set_mode(self, mode):
        self.mode = mode & 0o7777
        self.changed_ns = self.filesystem.clock()

    def set_owner(self, uid, gid):
        self.uid = self.uid if uid == -1 else uid & 0xFFFFFFFF
        self.gid = self.gid if gid == -1 else gid & 0xFFFFFFFF
        self.changed_ns = self.filesystem.clock()

    def set_times(self, accessed_ns, modified_ns):
        if accessed_ns is not None:
            self.accessed_ns = accessed_ns
        if modified_ns is not None:
            self.modified_ns = modified_ns
        self.changed_ns = self.filesystem.clock()

    def touch(self):
        self.modified_ns = self.changed_ns = self.filesystem.clock()

    def hold(self):
        self.holders += 1

    def release(self):
        self.holders -= 1
        self._drop_if_unused()

    def linked(self):
        self.links += 1
        self.changed_ns = self.filesystem.clock()

    def unlinked(self):
        self.links -= 1
        self.changed_ns = self.filesystem.clock()
        self._drop_if_unused()

    def _drop_if_unused(self):
        assert self.links >= 0 and self.holders >= 0
        if self.links == 0 and self.holders == 0:
            self.drop()

    def drop(self):
        """Give back what the inode holds; nothing can reach it any more."""


class Link(Inode):
    """What all symbolic links share: they can be followed, and opened only as a place (O_PATH)."""

    kind = S_IFLNK

    def target(self, task):
        """The text of the link, as this task sees it."""
        raise NotImplementedError

    def jump(self, task):
        """The inode itself where a link leads to one that may have no path (/proc/self/fd), else None."""
        return None

    def open(self, flags, task):
        if not flags & O_PATH:
            raise LinuxError(ELOOP)
        return OpenFile(self, flags)


class MemoryLink(Link, MemoryInode):
    """A symbolic link of the machine's own file system."""

    def __init__(self, filesystem, text):
        MemoryInode.__init__(self, filesystem, 0o777, text_bytes(text))
        self.text = text

    @property
    def size(self):
        return len(os.fsencode(self.text))

    def target(self, task):
        return self.text
