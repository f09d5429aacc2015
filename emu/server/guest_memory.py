"""Guest memory for cold code: bytes in and out of a task, and frames for file data."""

import ctypes

from ..abi.errno import EFAULT, ENAMETOOLONG, ENOSPC
from ..kernel.vm import frames, usercopy
from ..kernel.vm.file_pages import cut_off_pages
from ..limits import MAX_TASKS, PAGE_SIZE, USER_TOP
from .errors import LinuxError

PIECE_BYTES = 1 << 20


class UserMemory:
    """A task's memory. All methods raise LinuxError(EFAULT)."""

    def __init__(self, window, me, task):
        self._base = window.address
        self._me = me
        self._task = task

    def read(self, address, count):
        if count > USER_TOP:
            raise LinuxError(EFAULT)
        parts = []
        while count > 0:  # in pieces: at a fault, the host was asked for at most one piece too much
            piece = min(count, PIECE_BYTES)
            buffer = ctypes.create_string_buffer(piece)
            if self._copy(usercopy.read_user, address, buffer, piece) < piece:
                raise LinuxError(EFAULT)
            parts.append(buffer.raw)
            address += piece
            count -= piece
        return b"".join(parts)

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

    def is_shared(self, frame):
        """Whether somebody beside the file holds it."""
        word = int(self._window.machine["frames"][frame]["word"])
        return frames.WORD.get(word, "references") > 1

    def free(self, frame):
        frames.drop(self._window.address, self._me, frame)

    def take_back(self, gone):
        """Free frames of a file that has become shorter; where they are mapped, accesses are bus errors from now on."""
        base, tasks = self._window.address, self._window.machine["tasks"]
        if sum(frames.cut_off(base, self._me, frame) for frame in gone):
            for task in range(MAX_TASKS):
                if tasks[task]["state"]:
                    cut_off_pages(base, self._me, task)
        for frame in gone:
            self.free(frame)

    def read(self, frame, start, count):
        """Bytes of a frame."""
        return bytes(self._view(frame)[start : start + count])

    def write(self, frame, start, data):
        """Store into a frame, which guests may have mapped, and execute."""
        self._view(frame)[start : start + len(data)] = data
        usercopy.wrote_frame(self._window.address, frame, start, len(data))

    def _view(self, frame):
        return memoryview(self._window.memory(frame)).cast("B")[:PAGE_SIZE]
