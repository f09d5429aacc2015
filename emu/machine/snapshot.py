"""Snapshots: the records and the memory of a machine in a file, so that it can be looked at when it is gone.

    a line      b"emu snapshot 1\\n"
    a header    its length in 8 bytes, then msgpack: facts of description.py, times, `failure`, `extents`, `left_out`
    pages       those of the records, then those of guest memory, each extent behind the other

`extents` are [first byte, length] of the pages that exist in the segment: both are sparse, and so 2 GiB of records are
some megabytes.  Pages of guest memory that are all zeros are left out, and so are those beyond `limit_bytes`.

A snapshot is written under another name and gets its own when it is whole; where the disk is full nothing is left.
Of a machine that runs it is no picture of one moment: each page is of its own.  Pause it first where that matters.
"""

import contextlib
import errno
import mmap
import os
import time
from pathlib import Path

import msgpack
import numpy as np

from ..errors import MachineError
from ..limits import MAX_MEMORY_BYTES, PAGE_SIZE
from ..shm.layout import MACHINE
from .description import FORMAT, layout_digest

MAGIC = b"emu snapshot 1\n"
LIMIT_BYTES = 1 << 30
MAX_HEADER_BYTES = 64 << 20
MOST_EXTENTS = 1 << 20
CHUNK_BYTES = 4 << 20
SEGMENT_BYTES = -(-MACHINE.size // PAGE_SIZE) * PAGE_SIZE
LAST_TIME_S = 1 << 40  # of the wall clock
ROOM_BYTES = 16 << 20  # stays free on the disk


class SnapshotError(MachineError):
    """A snapshot that cannot be written or read: one line."""


def write_snapshot(path, header, descriptors, limit_bytes=LIMIT_BYTES):
    """Write the segments of these descriptors (records, guest memory); how many bytes the file has. SnapshotError."""
    path = Path(path)
    extents = [_extents(d, size) for d, size in zip(descriptors, (SEGMENT_BYTES, header["memory_bytes"]), strict=True)]
    extents[1] = [kept for extent in extents[1] for kept in _not_zero(descriptors[1], *extent)]
    extents[1], left_out = _within(extents[1], limit_bytes - _sum(extents[0]))
    now = {"taken_ns": time.monotonic_ns(), "taken": time.time()}
    packed = msgpack.packb({**header, **now, "extents": extents, "left_out": left_out})
    whole = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():  # a device, a FIFO or a folder would be replaced
            raise OSError(errno.EEXIST, "it is there, and no regular file")
        _check_room(path, len(packed) + _sum(extents[0]) + _sum(extents[1]))
        with open(whole, "xb", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            file.write(MAGIC + len(packed).to_bytes(8, "little") + packed)
            for descriptor, stretches in zip(descriptors, extents, strict=True):
                for start, length in stretches:
                    _copy(descriptor, start, length, file)
            size = file.tell()
        whole.rename(path)
        return size
    except OSError as error:
        raise SnapshotError(f"snapshot {path}: cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            whole.unlink(missing_ok=True)


def read_snapshot(path):
    """(header, records, guest memory) of a file; the last two as mappings of this process's own. SnapshotError."""
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK | os.O_NOCTTY)) as file:
            header = _read_header(path, file)
            mapped = []
            for stretches, size in zip(header["extents"], (SEGMENT_BYTES, header["memory_bytes"]), strict=True):
                mapped.append(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE))
                for start, length in stretches:
                    if file.readinto(memoryview(mapped[-1])[start : start + length]) != length:
                        raise SnapshotError(f"snapshot {path}: truncated: it ends before its pages do")
            return header, *mapped
    except OSError as error:
        raise SnapshotError(f"snapshot {path}: cannot be read: {error.strerror or error}") from None


_NORESERVE = 0x4000


def _read_header(path, file):
    if file.read(len(MAGIC)) != MAGIC:
        raise SnapshotError(f"snapshot {path}: not one of emu's snapshots")
    size = int.from_bytes(file.read(8), "little")
    packed = file.read(min(size, MAX_HEADER_BYTES))
    if len(packed) != size or not size:
        raise SnapshotError(f"snapshot {path}: truncated: it ends within its header")
    try:
        header = msgpack.unpackb(packed, strict_map_key=False)
        right = header["format"] == FORMAT and isinstance(header["layout"], str)
        right = right and all(isinstance(header[name], int) for name in _NUMBERS) and _are_extents(header)
    except (ValueError, TypeError, KeyError, msgpack.UnpackException):
        right = False
    if not right:
        raise SnapshotError(f"snapshot {path}: damaged: its header is not what emu writes")
    if header["layout"] != layout_digest():
        raise SnapshotError(f"snapshot {path}: of another version of emu, whose records are laid out differently")
    return header


_NUMBERS = ("process", "memory_bytes", "address", "cpus", "seed", "made_ns", "taken_ns", "left_out")


def _are_extents(header):
    """Whether they lie within their segments, and the rest of the header has the right types."""
    memory_bytes, (records, memory) = header["memory_bytes"], header["extents"]
    if (
        not 0 < memory_bytes <= MAX_MEMORY_BYTES
        or memory_bytes % PAGE_SIZE
        or len(records) + len(memory) > MOST_EXTENTS
    ):
        return False
    if not isinstance(header["programs"], dict) or not isinstance(header["policy"], str):
        return False
    if not isinstance(header["taken"], float) or not 0 <= header["taken"] < LAST_TIME_S:
        return False
    for stretches, size in ((records, SEGMENT_BYTES), (memory, memory_bytes)):
        for start, length in stretches:
            if not (0 <= start < size and 0 < length <= size - start):
                return False
    return True


def _extents(descriptor, size):
    """[[first byte, length]] of the pages that exist."""
    found, at = [], 0
    try:
        while at < size:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
            at = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
            if start < size:
                found.append([start, at - start])
    except OSError as error:
        if error.errno != errno.ENXIO:  # there is no more
            raise
    return found


def _not_zero(descriptor, start, length):
    """The stretches of an extent that have something in them."""
    for at in range(start, start + length, CHUNK_BYTES):
        content = os.pread(descriptor, min(CHUNK_BYTES, start + length - at), at)
        pages = np.frombuffer(content, np.uint64).reshape(-1, PAGE_SIZE // 8).any(axis=1)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], pages.view(np.int8), [0]))))
        for first, end in edges.reshape(-1, 2).tolist():
            yield [at + first * PAGE_SIZE, (end - first) * PAGE_SIZE]


def _within(extents, room_bytes):
    """The first extents that have room, and how many bytes are left out."""
    kept, left_out = [], 0
    for start, length in extents:
        fits = max(min(length, room_bytes) // PAGE_SIZE * PAGE_SIZE, 0)
        if fits:
            kept.append([start, fits])
        room_bytes -= fits
        left_out += length - fits
    return kept, left_out


def _sum(extents):
    return sum(length for _, length in extents)


def _check_room(path, size):
    room = os.statvfs(path.parent)
    if room.f_bavail * room.f_frsize < size + ROOM_BYTES:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} ({size >> 20} MiB are needed)")


def _copy(descriptor, start, length, file):
    while length:
        content = os.pread(descriptor, min(CHUNK_BYTES, length), start)
        if not content:
            raise OSError(errno.EIO, "the machine's memory is gone")
        file.write(content)
        start, length = start + len(content), length - len(content)
