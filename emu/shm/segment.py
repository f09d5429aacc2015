"""The window: anonymous shared memory that all processes of a machine map alike.

Three segments (the machine's records, guest memory, decoded instructions) are
three memfds mapped into one window of host address space, at the same address in
every process, so shared memory may hold addresses.  They have no name in the
file system: whatever is killed, nothing is left behind.  The creator finds a free
window; the others, which are forked from a small server process, map it there or fail
with one line.  Pages come into being when first touched.
"""

import ctypes
import errno
import mmap
import os

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
        self._mapped = []
        for (offset, size), descriptor in zip(_sizes(memory_bytes), descriptors, strict=True):
            error = _map(address + offset, size, descriptor)
            if error:
                self.close()
                raise WindowError(error, f"cannot map shared memory at {address + offset:#x}")
            self._mapped.append((address + offset, size))
        buffer = (ctypes.c_char * MACHINE.size).from_address(address)
        self.machine = np.frombuffer(buffer, dtype=MACHINE.dtype, count=1)[0]

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
        return np.frombuffer(
            (ctypes.c_char * (PAGE_SIZE * count)).from_address(address), dtype=np.uint8
        )

    def close(self):
        """Unmap. Views of the machine must not be used any more."""
        self.machine = None
        while self._mapped:
            _libc.munmap(*self._mapped.pop())

    def destroy(self):
        """Unmap and close the segments; the memory goes when the last process does."""
        self.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = ()
