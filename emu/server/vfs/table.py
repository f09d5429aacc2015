"""The descriptors of a task.

A FileTable maps small numbers to open files.  Tasks that share descriptors (CLONE_FILES) share one table and call
`hold`; fork copies the table, and the open files in it stay shared.  A new descriptor is always the lowest free one.
"""

from ...abi.errno import EBADF, EMFILE
from ...abi.files import O_PATH
from ..errors import LinuxError
from .allowance import DESCRIPTOR_BYTES, FREE
from .stream import HostStream

DEFAULT_LIMIT = 1024
INCLUDED = 16  # so many descriptors are not charged, so that a guest without memory can open a directory and clean up


class FileTable:
    locks = None  # the machine's FileLocks once this process has owned a record lock

    def __init__(self, allowance=FREE):
        self._allowance = allowance
        self._charge = allowance.charge(0)
        self._files = []  # OpenFile or None
        self._nr_open = 0
        self._taken = 0  # all descriptors below are in use
        self._close_on_exec = set()
        self._references = 1

    @classmethod
    def standard(cls, stdin, stdout, stderr, allowance=FREE):
        """A table with descriptors 0, 1, 2 for these StreamNodes; None leaves one closed."""
        table = cls(allowance)
        for fd, node in enumerate((stdin, stdout, stderr)):
            if node is not None:
                table.place(fd, HostStream(node))
        return table

    def get(self, fd):
        """The open file of a descriptor; EBADF."""
        if 0 <= fd < len(self._files):
            file = self._files[fd]
            if file is not None:
                return file
        raise LinuxError(EBADF)

    def usable(self, fd):
        """The open file of a descriptor that is more than a place (O_PATH); EBADF."""
        file = self.get(fd)
        if file.flags & O_PATH:
            raise LinuxError(EBADF)
        return file

    def lowest_free(self, minimum=0, limit=DEFAULT_LIMIT):
        """The lowest free descriptor from minimum on; EMFILE when it is not below the limit."""
        files = self._files
        fd = max(minimum, self._taken)
        while fd < len(files) and files[fd] is not None:
            fd += 1
        if minimum <= self._taken:
            self._taken = fd
        if fd >= limit:
            raise LinuxError(EMFILE)
        return fd

    def place(self, fd, file, close_on_exec=False):
        """Let fd refer to this file (the caller's reference goes over); closes what it referred to before.

        ENOMEM when there is no room for one more; the file is closed then.
        """
        files = self._files
        length = max(len(files), fd + 1)
        fresh = fd >= len(files) or files[fd] is None
        try:
            self._pay(length, self._nr_open + fresh)
        except LinuxError:
            file.close()
            raise
        files.extend([None] * (length - len(files)))
        self._nr_open += fresh
        before, files[fd] = files[fd], file
        self.set_close_on_exec(fd, close_on_exec)
        if before is not None:
            self._closes(before)
        return fd

    def _pay(self, length, nr_open):
        slots, files = max(length - INCLUDED, 0), max(nr_open - INCLUDED, 0)
        self._charge.resize(16 * slots + DESCRIPTOR_BYTES * files)

    def close(self, fd):
        """EBADF when it is not open."""
        file = self.get(fd)
        self._files[fd] = None
        self._taken = min(self._taken, fd)
        while self._files and self._files[-1] is None:
            self._files.pop()
        self._nr_open -= 1
        self._pay(len(self._files), self._nr_open)
        self._close_on_exec.discard(fd)
        self._closes(file)

    def _closes(self, file):
        if self.locks:
            self.locks.closed(self, file)
        file.close()

    def close_on_exec(self, fd):
        self.get(fd)
        return fd in self._close_on_exec

    def set_close_on_exec(self, fd, value):
        if value:
            self._close_on_exec.add(fd)
        else:
            self._close_on_exec.discard(fd)

    def open_descriptors(self):
        return [fd for fd, file in enumerate(self._files) if file is not None]

    def hold(self):
        """One more task shares this table; returns the table."""
        self._references += 1
        return self

    def release(self):
        """A task gives its table up; the last one closes every file."""
        self._references -= 1
        if self._references == 0:
            for fd in self.open_descriptors():
                self.close(fd)

    def fork(self):
        """A copy whose descriptors refer to the same open files."""
        copy = FileTable(self._allowance)
        copy._pay(len(self._files), self._nr_open)
        copy._nr_open, copy._taken = self._nr_open, self._taken
        copy._files = [file and file.hold() for file in self._files]
        copy._close_on_exec = set(self._close_on_exec)
        return copy

    def exec(self):
        """The table to use after execve: without the close-on-exec descriptors, and not shared."""
        table = self if self._references == 1 else self.fork()
        if table is not self:
            self.release()
        for fd in sorted(table._close_on_exec):
            table.close(fd)
        return table
