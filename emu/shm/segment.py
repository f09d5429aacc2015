"""The window: anonymous shared memory that all processes of a machine map alike.

Four segments (the machine's records, guest memory, decoded instructions, translated code) are
four memfds (where those are refused, nameless files in /dev/shm) mapped into one window of host address space, at the
same address in every process, so shared memory may hold addresses.  They have no name in the
file system, so nothing is left behind, whichever process is killed.  The creator finds a free
window; the others, which are forked from a small server process, map it at that address or fail
with one line.  Pages come into being when first touched.

Views (the machine record, guest frames) are NumPy arrays over this memory.  `close` unmaps the segments; where views
are left, zeros take the segments' place until the last view is gone.  So a process that looks at an old view, for
instance in a traceback, never crashes.
"""

import ctypes
import errno
import fcntl
import gc
import mmap
import os
import tempfile
import weakref

import numpy as np

from ..limits import (
    ARENA_BYTES,
    ARENA_OFFSET,
    DECODED_OFFSET,
    DECODED_PAGE_BYTES,
    PAGE_SIZE,
    RAM_OFFSET,
    WINDOW_BYTES,
    WINDOW_COUNT,
    WINDOW_FIRST,
)
from .layout import MACHINE

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
)  # fmt: skip
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_MAP_FIXED_NOREPLACE = 0x100000
_MAP_FIXED = 0x10
_MAP_NORESERVE = 0x4000
_MAP_FAILED = ctypes.c_void_p(-1).value


SHARED = "/dev/shm"
LEAST_ROOM = 32 << 20  # in SHARED: pages are taken as they are touched, and one that finds no room kills the process


class WindowError(OSError):
    """Shared memory could not be made or mapped."""


_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
_READ_EXECUTE = mmap.PROT_READ | mmap.PROT_EXEC


def _map(address, size, descriptor, protection):
    flags = mmap.MAP_SHARED | _MAP_FIXED_NOREPLACE | _MAP_NORESERVE
    got = _libc.mmap(address, size, protection, flags, descriptor, 0)
    if got == _MAP_FAILED:
        return ctypes.get_errno()
    if got != address:  # a kernel older than MAP_FIXED_NOREPLACE took it for a hint
        _libc.munmap(got, size)
        return errno.EEXIST
    return 0


def map_private(address, size):
    """Map zeros of this process's own at an address; WindowError where something is there."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED_NOREPLACE | _MAP_NORESERVE
    if _libc.mmap(address, size, _READ_WRITE, flags, -1, 0) != address:
        raise WindowError(ctypes.get_errno(), f"cannot map memory at {address:#x}")


def _unmap(mapped):
    while mapped:
        _libc.munmap(*mapped.pop())


class _Mapping:
    """The mapped segments of one window; they are unmapped when nobody refers to this object any more."""

    def __init__(self):
        self.mapped = []
        weakref.finalize(self, _unmap, self.mapped).atexit = False

    def forget(self):
        """Map zeros in place of the segments, for views that are left."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED | _MAP_NORESERVE
        for address, size in self.mapped:
            _libc.mmap(address, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)

    def view(self, address, size):
        """Bytes of the window, as an object that keeps the mapping alive."""
        buffer = (ctypes.c_char * size).from_address(address)
        buffer.mapping = self
        return buffer


def _sizes(memory_bytes):
    frames = memory_bytes // PAGE_SIZE
    return (
        (0, -(-MACHINE.size // PAGE_SIZE) * PAGE_SIZE),
        (RAM_OFFSET, memory_bytes),
        (DECODED_OFFSET, frames * DECODED_PAGE_BYTES),
        (ARENA_OFFSET, ARENA_BYTES),
    )


def make_segment(name, size):
    """A descriptor of this much fresh shared memory; WindowError says what the host refuses."""
    try:
        descriptor = os.memfd_create(f"emu-{name}", os.MFD_CLOEXEC)
    except (OSError, AttributeError) as refused:
        descriptor = _file_without_a_name(size, refused)
    try:
        os.ftruncate(descriptor, size)
    except OSError as error:
        os.close(descriptor)
        hint = "; raise the limit on the size of files (ulimit -f)" if error.errno == errno.EFBIG else ""
        raise WindowError(error.errno, f"shared memory of {size} bytes: {error.strerror}{hint}") from None
    return descriptor


def _file_without_a_name(size, refused):
    """Shared memory where memfd is refused (an old kernel, a sandbox): a file in SHARED that loses its name at once."""
    try:
        room = os.statvfs(SHARED)
        with tempfile.TemporaryFile(prefix="emu-", dir=SHARED, buffering=0) as file:
            if room.f_bavail * room.f_frsize < min(size, LEAST_ROOM):
                raise OSError(errno.ENOSPC, f"less than {LEAST_ROOM >> 20} MiB free")
            return fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 0)
    except OSError as error:
        said = getattr(refused, "strerror", refused)
        raise WindowError(
            error.errno, f"no shared memory: memfd is refused ({said}), and {SHARED} too ({error.strerror})"
        ) from None


class Window:
    """A mapped machine: `.address`, `.machine` (a numpy record), `.descriptors` to hand over.

    `may_execute`: whether the host lets this process execute translated code.
    """

    def __init__(self, address, memory_bytes, descriptors):
        self.address = address
        self.memory_bytes = memory_bytes
        self.descriptors = descriptors
        self._mapping = _Mapping()
        self.may_execute = False
        for (offset, size), descriptor in zip(_sizes(memory_bytes), descriptors, strict=True):
            if offset == ARENA_OFFSET:
                error = _map(address + offset, size, descriptor, _READ_EXECUTE)
                self.may_execute = error == 0
                error = error if error == errno.EEXIST else 0
            else:
                error = _map(address + offset, size, descriptor, _READ_WRITE)
            if error:
                self.close()
                raise WindowError(error, f"cannot map shared memory at {address + offset:#x}")
            self._mapping.mapped.append((address + offset, size))
        self.machine = np.frombuffer(self._mapping.view(address, MACHINE.size), dtype=MACHINE.dtype, count=1)[0]

    @classmethod
    def create(cls, memory_bytes):
        """Make the segments and map them into the first free window."""
        descriptors = []
        try:
            for name, (_, size) in zip(("machine", "memory", "decoded", "code"), _sizes(memory_bytes), strict=True):
                descriptors.append(make_segment(name, size))
            for collects in (True, False):
                for slot in range(WINDOW_COUNT):
                    try:
                        return cls(WINDOW_FIRST + slot * WINDOW_BYTES, memory_bytes, descriptors)
                    except WindowError as error:
                        if error.errno != errno.EEXIST:
                            raise
                if collects:
                    gc.collect()  # a view of a closed window may hang in a cycle of garbage
            raise WindowError(errno.ENOMEM, f"all {WINDOW_COUNT} windows are taken: close a machine")
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise

    def seal(self):
        """From now on this process's stores are its own: the segments keep what is in them now, for `restore`.

        The code segment, of which nothing is executed in such a process, stays as it is.
        """
        flags = mmap.MAP_PRIVATE | _MAP_FIXED | _MAP_NORESERVE
        for (address, size), descriptor in zip(self._mapping.mapped[:3], self.descriptors[:3], strict=True):
            if _libc.mmap(address, size, _READ_WRITE, flags, descriptor, 0) != address:
                raise WindowError(ctypes.get_errno(), f"cannot map shared memory at {address:#x} privately")

    def restore(self):
        """Drop this process's stores since `seal`."""
        for address, size in self._mapping.mapped[:3]:
            _libc.madvise(address, size, mmap.MADV_DONTNEED)

    def keep_from_forks(self):
        """Processes that this one forks, in Python or in C, do not inherit the mapping: they would keep it alive."""
        for address, size in self._mapping.mapped:
            _libc.madvise(address, size, mmap.MADV_DONTFORK)

    def abandon(self):
        """In a forked process: close the inherited descriptors, and unmap nothing: a window of its own may be there."""
        self._mapping.mapped.clear()
        self.destroy()

    def memory(self, frame, count=1):
        """Guest frames as a writable byte array."""
        address = self.address + RAM_OFFSET + frame * PAGE_SIZE
        return np.frombuffer(self._mapping.view(address, PAGE_SIZE * count), dtype=np.uint8)

    def decoded_address(self, frame):
        """The host address of a frame's decoded words."""
        return self.address + DECODED_OFFSET + frame * DECODED_PAGE_BYTES

    def decoded(self, frame):
        """The decoded words of a frame."""
        return np.frombuffer(self._mapping.view(self.decoded_address(frame), DECODED_PAGE_BYTES), dtype=np.int64)

    def arena(self):
        """Translated code, to be written: another mapping, since the one in the window can be executed."""
        return mmap.mmap(self.descriptors[-1], ARENA_BYTES)

    def close(self):
        """Unmap. Compiled code must not be called with this window's address any more."""
        if self._mapping is None:
            return
        mapping, self.machine, self._mapping = weakref.ref(self._mapping), None, None
        if left := mapping():
            left.forget()

    def destroy(self):
        """Unmap and close the segments; the memory goes when the last process does."""
        self.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = ()
