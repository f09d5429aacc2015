"""Guest memory for cold code: bytes in and out of a task, and frames for file data."""

import ctypes

from ..kernel.syscalls.linux.errors import EFAULT, ENAMETOOLONG, ENOSPC, LinuxError
from ..kernel.vm import frames, usercopy
from ..limits import PAGE_SIZE


class UserMemory:
    """A task's memory. All methods raise LinuxError(EFAULT)."""

    def __init__(self, window, me, task):
        self._base = window.address
        self._me = me
        self._task = task

    def read(self, address, count):
        buffer = ctypes.create_string_buffer(count) if count else b""
        if count and self._copy(usercopy.read_user, address, buffer, count) < count:
            raise LinuxError(EFAULT)
        return bytes(buffer.raw) if count else b""

    def write(self, address, data):
        count = len(data)
        if count:
            source = (ctypes.c_char * count).from_buffer_copy(data)
            if self._copy(usercopy.write_user, address, source, count) < count:
                raise LinuxError(EFAULT)

    def string(self, address, limit=4096):
        buffer = ctypes.create_string_buffer(limit)
        length = self._copy(usercopy.read_string, address, buffer, limit)
        if length == -1:
            raise LinuxError(EFAULT)
        if length == -2:
            raise LinuxError(ENAMETOOLONG)
        return buffer.raw[:length]

    def _copy(self, function, address, buffer, count):
        address -= (address >> 63) << 64  # hot code counts in signed words
        return function(self._base, self._me, self._task, address, ctypes.addressof(buffer), count)


class PageStore:
    """Frames that hold the data of in-memory files."""

    def __init__(self, window, me):
        self._window = window
        self._me = me

    def allocate(self):
        frame = frames.allocate(self._window.address, self._me)
        if frame < 0:
            raise LinuxError(ENOSPC)
        return frame

    def share(self, frame):
        frames.share(self._window.address, self._me, frame)

    def free(self, frame):
        frames.drop(self._window.address, self._me, frame)

    def view(self, frame):
        return memoryview(self._window.memory(frame)).cast("B")[:PAGE_SIZE]
