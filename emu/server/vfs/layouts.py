"""Structures of files as Linux on riscv64 lays them out in memory (asm-generic)."""

import os
import struct

from ...abi.clocks import SECOND_NS
from ...abi.files import device_parts

_STAT = struct.Struct("<QQIIIIQQqiiqqQqQqQII")
_STATX = struct.Struct("<IIQIIIHHQQQQ" + "qIi" * 4 + "IIIIQ" + "104x")
_STATFS = struct.Struct("<qqQQQQQiiqqqqqqq")
_DIRENT = struct.Struct("<QqHB")
_STATX_BASIC = 0x7FF
_STATX_MOUNT = 0x1000

assert _STAT.size == 128 and _STATX.size == 256 and _STATFS.size == 120


def pack_stat(stat):
    """struct stat of a Stat."""
    return _STAT.pack(
        stat.device, stat.inode, stat.mode, stat.links, stat.uid, stat.gid, stat.special_device, 0,
        stat.size, stat.block_size, 0, stat.blocks,
        *divmod(stat.accessed_ns, SECOND_NS), *divmod(stat.modified_ns, SECOND_NS),
        *divmod(stat.changed_ns, SECOND_NS), 0, 0,
    )  # fmt: skip


def pack_statx(stat):
    """struct statx of a Stat, basic fields and mount; the time of birth is unknown."""
    return _STATX.pack(
        _STATX_BASIC | _STATX_MOUNT, stat.block_size, 0, stat.links, stat.uid, stat.gid, stat.mode, 0,
        stat.inode, stat.size, stat.blocks, 0,
        *divmod(stat.accessed_ns, SECOND_NS), 0, 0, 0, 0,
        *divmod(stat.changed_ns, SECOND_NS), 0, *divmod(stat.modified_ns, SECOND_NS), 0,
        *device_parts(stat.special_device), *device_parts(stat.device), stat.device,
    )  # fmt: skip


def pack_statfs(filesystem):
    """struct statfs of a Filesystem."""
    block_size, blocks, free = filesystem.space()
    read_only = 0x21 if filesystem.read_only else 0x20  # ST_RDONLY, ST_VALID
    return _STATFS.pack(
        filesystem.magic, block_size, blocks, free, free, 0, 0, filesystem.device, 0, 255, block_size, read_only,
        0, 0, 0, 0,
    )  # fmt: skip


def pack_dirent(name, inode, kind, next_offset):
    """struct linux_dirent64, padded to 8 bytes."""
    name = os.fsencode(name)
    size = (_DIRENT.size + len(name) + 8) & ~7
    return (_DIRENT.pack(inode, next_offset, size, kind >> 12) + name).ljust(size, b"\0")
