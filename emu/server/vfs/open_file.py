"""Open file descriptions: what a descriptor refers to, shared by dup and fork.

An OpenFile has an inode, flags, an offset and a count of references (descriptors, mappings under way).  The base
refuses everything as Linux does for a file opened with O_PATH; subclasses override what they can do.
`read` and `write` are for streams; seekable files have `read_at` and `write_at`, and the caller moves `offset`.

For mmap: `check_map(shared, writable)` first; it raises EACCES (not opened for reading, or a writable shared mapping
of a file not opened for writing) or ENODEV (no file that can be mapped so).  Then `map_pages(offset, length)` is the
file's MappedFile, its pages of the range in memory, unless `maps_zeros`.
"""

from ...abi.errno import EACCES, EBADF, EINVAL, EISDIR, ENODEV, ENOTDIR, ENOTTY, ENXIO, ESPIPE
from ...abi.files import (
    O_ACCMODE,
    O_APPEND,
    O_PATH,
    O_RDONLY,
    O_WRONLY,
    OFFSET_MAX,
    POLLIN,
    POLLOUT,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_HOLE,
    SEEK_SET,
)
from ..errors import LinuxError
from .allowance import text_bytes

ENTRY_BYTES = 256  # of a listing, beside the characters of the name


class OpenFile:
    seekable = False
    host_descriptor = None  # of a stream: what to wait for
    locks = None  # the machine's FileLocks once it has owned a lock
    takes_calls = False  # `receive` and `send` make a whole call: it moves messages, or waits in ways of its own
    maps_zeros = False  # a private mapping of it is anonymous memory

    def __init__(self, node, flags):
        self.node = node
        self.flags = flags
        self.offset = 0
        self.references = 1
        self.origin = None  # (directory, name) it was opened by
        usable = not flags & O_PATH
        self.readable = usable and flags & O_ACCMODE != O_WRONLY
        self.writable = usable and flags & O_ACCMODE != O_RDONLY
        node.hold()

    def hold(self):
        """One more reference; returns the file."""
        self.references += 1
        return self

    def close(self):
        """Drop one reference; the last one releases the inode."""
        assert self.references > 0
        self.references -= 1
        if self.references == 0:
            if self.locks:
                self.locks.drop(self)
            self.closed()
            self.node.release()

    def closed(self):
        """The last reference is gone."""

    def is_open(self):
        """Whether anybody refers to it still."""
        return self.references > 0

    def path(self):
        """Where the file was found, for /proc/self/fd; files without a name give a description in brackets."""
        if self.origin is None:
            return "[anonymous]"
        directory, name = self.origin
        return directory.path().rstrip("/") + "/" + name if name else directory.path()

    def stat(self):
        return self.node.stat()

    def read(self, count):
        """Up to count bytes, none at the end; raises Blocked when there are none yet."""
        raise LinuxError(EINVAL)

    def write(self, data):
        """Number of bytes taken, at least one unless data is empty; raises Blocked when none can be taken yet."""
        raise LinuxError(EINVAL)

    def read_at(self, offset, count):
        raise LinuxError(ESPIPE)

    def write_at(self, offset, data):
        raise LinuxError(ESPIPE)

    def seek(self, offset, whence):
        """Move the offset and return it."""
        raise LinuxError(ESPIPE)

    def truncate(self, size):
        raise LinuxError(EINVAL)

    def check_room(self, offset, length):
        """ENOSPC when it is certain that a range cannot be allocated; `allocate` is then not called."""

    def allocate(self, offset, length):
        raise LinuxError(ENODEV)

    def sync(self):
        raise LinuxError(EINVAL)

    def entries(self, task):
        """(offset behind it, name, inode number, kind) of a directory's entries from the offset on."""
        raise LinuxError(ENOTDIR)

    def available(self):
        """Bytes that can be read without waiting."""
        raise LinuxError(ENOTTY)

    def terminal_size(self):
        """(columns, rows); ENOTTY."""
        raise LinuxError(ENOTTY)

    def terminal_settings(self):
        """struct termios; ENOTTY."""
        raise LinuxError(ENOTTY)

    def poll(self):
        """Which of POLLIN, POLLOUT, POLLERR, POLLHUP hold now."""
        return POLLIN | POLLOUT

    def check_map(self, shared, writable):
        raise LinuxError(ENODEV)

    def check_map_access(self, shared, writable):
        if not self.readable or (shared and writable and not self.writable):
            raise LinuxError(EACCES)


class SeekableFile(OpenFile):
    """An open file with positions; subclasses give read_at, write_at and size."""

    seekable = True

    def size(self):
        raise NotImplementedError

    def write_at(self, offset, data):
        """Write bytes from an offset on; how many. Files that only their own calls write to refuse it."""
        raise LinuxError(EINVAL)

    def write_position(self):
        """Where `write` puts its data."""
        return self.size() if self.flags & O_APPEND else self.offset

    def seek_data_or_hole(self, offset, whence):
        """The whole file counts as data: allowed to every file system."""
        if not 0 <= offset < self.size():
            raise LinuxError(ENXIO)
        return offset if whence == SEEK_DATA else self.size()

    def seek(self, offset, whence):
        if whence == SEEK_SET:
            position = offset
        elif whence == SEEK_CUR:
            position = self.offset + offset
        elif whence == SEEK_END:
            position = self.size() + offset
        elif whence in (SEEK_DATA, SEEK_HOLE):
            position = self.seek_data_or_hole(offset, whence)
        else:
            raise LinuxError(EINVAL)
        if not 0 <= position <= OFFSET_MAX:
            raise LinuxError(EINVAL)
        self.offset = position
        return position

    def sync(self):
        pass

    def available(self):
        return max(0, self.size() - self.offset)


class OpenDirectory(OpenFile):
    """An open directory; its offset is the position of the last entry read, 1 and 2 are those of "." and "..".

    Where the inode cannot go on behind a position its entries are listed once, and again after a rewind.
    """

    def __init__(self, node, flags):
        super().__init__(node, flags)
        self._listed = None
        self._going_on = None  # (offset, version of the inode, an iterator of what comes next, what was put back)
        self._charge = node.filesystem.allowance.charge(0)

    def read(self, count):
        raise LinuxError(EISDIR)

    def read_at(self, offset, count):
        raise LinuxError(EISDIR)

    def entries(self, task):
        """Yield (offset, name, inode number, kind) from the offset on; the caller moves it to that of what it took."""
        if not self.readable:
            raise LinuxError(EBADF)
        self.node.check_exists()
        node = self.node
        if self.offset == 0:
            self._listed = self._going_on = None
            yield 1, ".", node.stat().inode, node.kind
        if self.offset <= 1:
            yield 2, "..", node.parent.stat().inode, node.kind
        if self._going_on is None or self._going_on[:2] != (max(self.offset, 2), node.version):
            self._going_on = max(self.offset, 2), node.version, self._behind(max(self.offset - 2, 0), task), None
        offset, version, found, pending = self._going_on
        while (entry := pending or next(found, None)) is not None:
            self._going_on = offset, version, found, entry  # if the caller does not take it, it is the next one
            offset, pending = entry[0] + 2, None
            yield offset, *entry[1:]
            self._going_on = offset, version, found, None

    def _behind(self, position, task):
        found = self.node.entries_after(position, task)
        return iter(self._list(task)[position:]) if found is None else found

    def _list(self, task):
        if self._listed is None:
            self._charge.resize(0)
            listed = [(at, *each) for at, each in enumerate(self.node.list(task), 1)]
            self._charge.resize(sum(ENTRY_BYTES + text_bytes(name) for _, name, *_ in listed))
            self._listed = listed
        return self._listed

    def seek(self, offset, whence):
        position = offset + (self.offset if whence == SEEK_CUR else 0)
        if whence not in (SEEK_SET, SEEK_CUR) or position < 0:
            raise LinuxError(EINVAL)
        self.offset = position
        return position

    def sync(self):
        pass
