"""Regular files of the machine's own file system: their data live in frames of guest memory.

A file is a sparse map from page index to frame.  A page that was never written has no frame and reads as zeros.
Because the frames are guest memory, a mapping is just the file's own frames in the object that areas map
(mapped_file.py).  The file holds one reference to each of its frames, the object another one; so data outlive removal
for as long as somebody maps them.

Always true: every index in `pages` lies below the size; bytes of the last page beyond the size are made zero before
the size can grow over them (a shared mapping may have written there).
"""

from ...abi.errno import EFBIG, ENOSPC, ENXIO
from ...abi.files import O_TRUNC, OFFSET_MAX, S_IFREG, SEEK_DATA
from ...limits import PAGE_SHIFT, PAGE_SIZE
from ..errors import LinuxError
from .allowance import PAGE_BYTES
from .inode import MemoryInode
from .mapped_file import MappedFile
from .open_file import SeekableFile

_MASK = PAGE_SIZE - 1


class RegularFile(MemoryInode):
    kind = S_IFREG

    def __init__(self, filesystem, mode):
        super().__init__(filesystem, mode)
        self.store = filesystem.store
        self.pages = {}  # page index -> frame
        self.size = 0
        self.mapped = None  # its MappedFile, while it is mapped

    def allocated_blocks(self):
        return len(self.pages) * (PAGE_SIZE // 512)

    def read_at(self, offset, count):
        """Up to count bytes from offset, fewer at the end of the file."""
        end = min(offset + count, self.size)
        read, frame_of, parts = self.store.read, self.pages.get, []
        while offset < end:
            start = offset & _MASK
            n = min(PAGE_SIZE - start, end - offset)
            frame = frame_of(offset >> PAGE_SHIFT)
            parts.append(bytes(n) if frame is None else read(frame, start, n))
            offset += n
        return b"".join(parts)

    def write_at(self, offset, data):
        """Write as much as memory allows; returns how much that was.  ENOSPC when it was nothing, EFBIG."""
        data = memoryview(data)
        if not data:
            return 0
        if offset + len(data) > OFFSET_MAX:
            raise LinuxError(EFBIG)
        done = 0
        try:
            while done < len(data):
                start = (offset + done) & _MASK
                n = min(PAGE_SIZE - start, len(data) - done)
                self.store.write(self._frame((offset + done) >> PAGE_SHIFT), start, data[done : done + n])
                done += n
                if offset + done > self.size:
                    self._grow(offset + done, written_from=offset)
        except LinuxError:
            if not done:
                raise
        self.touch()
        return done

    def truncate(self, size):
        if size > OFFSET_MAX:
            raise LinuxError(EFBIG)
        if size > self.size:
            self._grow(size)
        elif size < self.size:
            first_gone = (size + _MASK) >> PAGE_SHIFT
            if self.mapped:
                self.mapped.cut(first_gone)
            self._free([index for index in self.pages if index >= first_gone])
            self.size = size
            self._clear(size, OFFSET_MAX)
        self.touch()

    def allocate(self, offset, length):
        """Make sure that this range has frames and lies within the file; all of it or ENOSPC."""
        self._fill_holes(offset >> PAGE_SHIFT, (offset + length + _MASK) >> PAGE_SHIFT)
        if offset + length > self.size:
            self._grow(offset + length)
        self.touch()

    def check_room(self, offset, length):
        """ENOSPC when memory does not have the frames that a range lacks."""
        first, end = offset >> PAGE_SHIFT, (offset + length + _MASK) >> PAGE_SHIFT
        present = sum(first <= index < end for index in self.pages)
        if end - first - present > self.filesystem.space()[2]:
            raise LinuxError(ENOSPC)

    def map_pages(self, offset, length):
        """The MappedFile, with each page of the range that lies in the file; holes get frames.

        ENOSPC, and no hole got one, when memory does not suffice for all.
        """
        first = offset >> PAGE_SHIFT
        end = (min(offset + length, self.size) + _MASK) >> PAGE_SHIFT
        if end > first:
            self.check_room(first << PAGE_SHIFT, (end - first) << PAGE_SHIFT)  # a hole may be too long to walk
            self._fill_holes(first, end)
        if self.mapped is None:
            self.mapped = MappedFile(self.store, self, self._nr_pages())
        for index in range(first, end):
            self.mapped.put(index, self.pages[index])
        return self.mapped

    def _nr_pages(self):
        return (self.size + _MASK) >> PAGE_SHIFT

    def bring(self, index):
        """The frame of a page for the MappedFile, None when the file has no such page; ENOSPC."""
        return self._frame(index) if index < self._nr_pages() else None

    def brought(self, frame):
        """The object has a reference of its own; the file keeps its."""

    def take_back(self, page, frame):
        """What guests store to a page is the file's already."""

    def unmapped(self):
        self.mapped = None

    def seek_data_or_hole(self, offset, whence):
        """First position from offset that has data, or has none, in whole pages; the end of the file is a hole."""
        if not 0 <= offset < self.size:
            raise LinuxError(ENXIO)
        index = offset >> PAGE_SHIFT
        if whence == SEEK_DATA:
            index = min((i for i in self.pages if i >= index), default=None)
            if index is None:
                raise LinuxError(ENXIO)
        else:
            while index in self.pages:
                index += 1
        return max(offset, min(index << PAGE_SHIFT, self.size))

    def open(self, flags, task):
        if flags & O_TRUNC:
            self.truncate(0)
        return OpenMemoryFile(self, flags)

    def drop(self):
        self._free(list(self.pages))
        self.size = 0

    def _frame(self, index):
        frame = self.pages.get(index)
        if frame is None:
            if self.filesystem.nr_pages >= self.filesystem.max_pages():
                raise LinuxError(ENOSPC)
            self.charge.resize(self.charge.size + PAGE_BYTES)
            try:
                frame = self.pages[index] = self.store.allocate()
            except LinuxError:
                self.charge.resize(self.charge.size - PAGE_BYTES)
                raise
            self.filesystem.nr_pages += 1
            if self.mapped:
                self.mapped.put(index, frame)
        return frame

    def _free(self, indices):
        """Give frames back."""
        for index in indices:
            self.store.free(self.pages.pop(index))
        self.charge.resize(self.charge.size - len(indices) * PAGE_BYTES)
        self.filesystem.nr_pages -= len(indices)
        if not self.pages:
            self.pages = {}  # an emptied dict keeps the room it had

    def _fill_holes(self, first, end):
        """Give all pages of a range frames, or none; ENOSPC."""
        added = []
        try:
            for index in range(first, end):
                if index not in self.pages:
                    self._frame(index)
                    added.append(index)
        except LinuxError:
            self._free(added)
            raise

    def _grow(self, size, written_from=OFFSET_MAX):
        """Raise the size; bytes from written_from on are new data already."""
        self._clear(self.size, min(size, written_from))
        self.size = size
        if self.mapped:
            self.mapped.set_pages(self._nr_pages())

    def _clear(self, start, end):
        """Zero from start to end, or to the end of start's page where that comes first."""
        frame = self.pages.get(start >> PAGE_SHIFT)
        end = min(end, (start | _MASK) + 1)
        if frame is not None and start & _MASK and start < end:
            first = start & _MASK
            self.store.write(frame, first, bytes(end - start))


class OpenMemoryFile(SeekableFile):
    """An open regular file of the machine's own file system."""

    def read_at(self, offset, count):
        return self.node.read_at(offset, count)

    def write_at(self, offset, data):
        return self.node.write_at(offset, data)

    def size(self):
        return self.node.size

    def truncate(self, size):
        self.node.truncate(size)

    def check_room(self, offset, length):
        self.node.check_room(offset, length)

    def allocate(self, offset, length):
        self.node.allocate(offset, length)

    def seek_data_or_hole(self, offset, whence):
        return self.node.seek_data_or_hole(offset, whence)

    def check_map(self, shared, writable):
        self.check_map_access(shared, writable)

    def map_pages(self, offset, length):
        return self.node.map_pages(offset, length)
