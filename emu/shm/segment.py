"""The window: anonymous shared memory that all processes of a machine map alike.

Three segments (the machine's records, guest memory, decoded instructions) are
three memfds mapped into one window of host address space, at the same address in
every process, so shared memory may hold addresses.  They have no name in the
file system: whatever is killed, nothing is left behind.  The creator finds a free
window; the others, which are forked from a small server process, map it there or fail
with one line.  Pages come into being when first touched.

Views (the machine record, guest frames) are NumPy arrays over this memory.  `close` unmaps the segments; where views
are left, zeros take their place until the last one is gone.  So a view that a traceback still shows is never a fault
of the process that looks at it.
"""

import ctypes
import errno
import mmap
import os
import weakref

import numpy as np

from ..limits import (
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
_MAP_FIXED_NOREPLACE = 0x100000
_MAP_FIXED = 0x10
_MAP_NORESERVE = 0x4000
_MAP_FAILED = ctypes.c_void_p(-1).value


class WindowError(OSError):
    """Shared memory could not be made or mapped."""


def _map(address, size, descriptor):
    flags = mmap.MAP_SHARED | _MAP_FIXED_NOREPLACE | _MAP_NORESERVE
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    got = _libc.mmap(address, size, protection, flags, descriptor, 0)
    if got == _MAP_FAILED:
        return ctypes.get_errno()
    if got != address:  # a kernel older than MAP_FIXED_NOREPLACE took it for a hint
        _libc.munmap(got, size)
        return errno.EEXIST
    return 0


def _unmap(mapped):
    while mapped:
        _libc.munmap(*mapped.pop())


class _Mapping:
    """The mapped segments of one window, unmapped when nobody refers to this object any more."""

    def __init__(self):
        self.mapped = []
        weakref.finalize(self, _unmap, self.mapped).atexit = False

    def forget(self):
        """Zeros instead of the segments, for views that are left."""
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
    )


class Window:
    """A mapped machine: `.address`, `.machine` (a numpy record), `.descriptors` to hand over."""

    def __init__(self, address, memory_bytes, descriptors):
        self.address = address
        self.memory_bytes = memory_bytes
        self.descriptors = descriptors
        self._mapping = _Mapping()
        for (offset, size), descriptor in zip(_sizes(memory_bytes), descriptors, strict=True):
            error = _map(address + offset, size, descriptor)
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
            for name, (_, size) in zip(
                ("machine", "memory", "decoded"), _sizes(memory_bytes), strict=True
            ):
                descriptors.append(os.memfd_create(f"emu-{name}", os.MFD_CLOEXEC))
                os.ftruncate(descriptors[-1], size)
            for slot in range(WINDOW_COUNT):
                try:
                    return cls(WINDOW_FIRST + slot * WINDOW_BYTES, memory_bytes, descriptors)
                except WindowError as error:
                    if error.errno != errno.EEXIST:
                        raise
            raise WindowError(errno.ENOMEM, f"all {WINDOW_COUNT} windows are taken: close a machine")
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise

    def memory(self, frame, count=1):
        """Guest frames as a writable byte array."""
        address = self.address + RAM_OFFSET + frame * PAGE_SIZE
        return np.frombuffer(self._mapping.view(address, PAGE_SIZE * count), dtype=np.uint8)

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
