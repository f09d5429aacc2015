"""Guest memory for cold code: bytes in and out of a task, and frames for file data."""

import ctypes

from ..abi.errno import EFAULT, ENAMETOOLONG, ENOMEM, ENOSPC
from ..kernel.vm import file_objects, frames, usercopy
from ..limits import PAGE_SIZE, USER_TOP
from ..shm.exits import NO_ACCESS
from .errors import LinuxError

PIECE_BYTES = 1 << 20


class UserMemory:
    """A task's memory. All methods raise LinuxError(EFAULT)."""

    def __init__(self, window, me, task, bring=None):
        """`bring(task, address)`: see that a page of a mapped file is in memory; whether it is."""
        self._base, self._machine = window.address, window.machine
        self._me = me
        self._task = task
        self._bring = bring

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

    def reserve(self, address, count):
        """See that so many bytes may be stored here: what is read from a stream and has no place then is lost.

        Only a task with a pager has to be asked: there the call is made again once the pages are there.
        """
        address -= (address >> 63) << 64
        if usercopy.reserve(self._base, self._me, self._task, address, count) < 0:
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
        """What a function of usercopy.py answers, once the pages of files that it met are in memory."""
        address -= (address >> 63) << 64  # hot code counts in signed words
        while True:
            got = function(self._base, self._me, self._task, address, ctypes.addressof(buffer), count)
            if got == count or not self._bring or not self._brings_page():
                return got

    def _brings_page(self):
        """Whether the last copy stopped at a page of a file that is in memory now. A pager's page stays missing."""
        actor = self._machine["cpus"][self._me]
        missing = int(actor["missing"])
        if missing == 0 or int(actor["missing_access"]) != NO_ACCESS:
            return False
        actor["missing"] = 0
        return self._bring(self._task, missing)


class PageStore:
    """Frames that hold the data of in-memory files, and the objects by which files are mapped."""

    def __init__(self, window, me):
        self._window = window
        self._me = me
        self._mapped = {}  # object -> MappedFile
        self.memory_bytes = int(window.machine["nr_frames"]) * PAGE_SIZE

    def allocate(self):
        frame = frames.allocate(self._window.address, self._me)
        if frame < 0:
            raise LinuxError(ENOSPC)
        return frame

    def free(self, frame):
        frames.drop(self._window.address, self._me, frame)

    def new_object(self, mapped, nr_pages):
        """An object for a MappedFile. ENOMEM."""
        self.let_go()
        found = file_objects.create_file(self._window.address, self._me, nr_pages)
        if found < 0:
            raise LinuxError(ENOMEM)
        self._mapped[found] = mapped
        return found

    def new_segment(self):
        """An object for a segment of shared memory. ENOMEM."""
        found = file_objects.create_segment(self._window.address, self._me)
        if found < 0:
            raise LinuxError(ENOMEM)
        return found

    def release_object(self, found):
        """Give back the server's reference to an object."""
        file_objects.release_file(self._window.address, self._me, found)

    def nr_pages(self, found):
        """How many pages of an object are in memory."""
        return int(self._window.machine["objects"][found]["nr_pages"])

    def mapped(self, found):
        """The MappedFile of an object, None when it has none any more."""
        return self._mapped.get(found)

    def references(self, found):
        return int(self._window.machine["objects"][found]["references"])

    def let_go(self):
        """Give back the objects that nobody maps any more."""
        for found, mapped in list(self._mapped.items()):
            if self.references(found) == 1:
                mapped.write_back()
                mapped.owner.unmapped()
                del self._mapped[found]
                self.release_object(found)

    def write_back(self):
        """Write back what guests have stored to shared mappings of host files."""
        for mapped in list(self._mapped.values()):
            mapped.write_back()

    def set_limit(self, found, nr_pages):
        file_objects.set_limit(self._window.address, self._me, found, nr_pages)

    def cut(self, found, nr_pages):
        file_objects.cut_file(self._window.address, self._me, found, nr_pages)

    def put_page(self, found, page, frame):
        """Give an object a page; one that has it keeps what it has. ENOMEM."""
        if file_objects.put_file_page(self._window.address, self._me, found, page, frame) == -ENOMEM:
            raise LinuxError(ENOMEM)

    def page(self, found, page):
        """The frame of a page that an object has, else None."""
        frame = file_objects.file_page(self._window.address, self._me, found, page)
        return frame if frame >= 0 else None

    def modified(self, found, first, end):
        """The pages from first on that guests have stored to since they were last cleaned."""
        pages = []
        page = file_objects.next_modified(self._window.address, self._me, found, first)
        while 0 <= page < end:
            pages.append(page)
            page = file_objects.next_modified(self._window.address, self._me, found, page + 1)
        return pages

    def clean(self, found, first, end):
        file_objects.clean_file(self._window.address, self._me, found, first, end)

    def read(self, frame, start, count):
        """Bytes of a frame."""
        return bytes(self._view(frame)[start : start + count])

    def write(self, frame, start, data):
        """Store into a frame, which guests may have mapped, and execute."""
        self._view(frame)[start : start + len(data)] = data
        usercopy.wrote_frame(self._window.address, frame, start, len(data))

    def _view(self, frame):
        return memoryview(self._window.memory(frame)).cast("B")[:PAGE_SIZE]
