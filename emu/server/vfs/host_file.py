"""Open files of mounted host directories: what guests read and write there.

While guests have a file mapped, what they read and write goes through its pages too (host_pages.py).
"""

import os
from contextlib import contextmanager

from ...abi.errno import EIO
from ...abi.files import O_APPEND, OFFSET_MAX
from ...limits import PAGE_SIZE
from ..errors import LinuxError
from .host_descriptors import held_by_guests
from .host_pages import host_pages
from .open_file import SeekableFile


@contextmanager
def host_errors():
    try:
        yield
    except OSError as error:
        raise LinuxError(error.errno or EIO) from None


class OpenHostFile(SeekableFile):
    """An open regular file of the host."""

    def __init__(self, node, flags, descriptor):
        super().__init__(node, flags)
        self.descriptor = descriptor

    def closed(self):
        os.close(self.descriptor)
        held_by_guests.give_back()

    def stat(self):
        return self.node.filesystem.stat_from(os.fstat(self.descriptor))

    def size(self):
        return os.fstat(self.descriptor).st_size

    def _pages(self):
        """The HostPages of the file, None while nobody maps it."""
        known = self.node.filesystem.pages
        return known.get(os.fstat(self.descriptor).st_ino) if known else None

    def look_at_pages(self):
        """The file's length has changed: mappings follow."""
        pages = self._pages()
        if pages:
            pages.look()

    def _write_back(self):
        """Before the host's file is used: it gets what guests have stored to its mappings."""
        pages = self._pages()
        if pages:
            pages.mapped.write_back()
        return pages

    def read_at(self, offset, count):
        if offset > OFFSET_MAX - count:
            return b""
        with host_errors():
            self._write_back()
            return os.pread(self.descriptor, count, offset)

    def write_at(self, offset, data):
        with host_errors():
            pages = self._write_back()
            offset = self.size() if self.flags & O_APPEND else offset
            done = os.pwrite(self.descriptor, data, offset)
            if pages:
                pages.wrote(offset, bytes(data[:done]))
            return done

    def truncate(self, size):
        with host_errors():
            pages = self._write_back()
            os.ftruncate(self.descriptor, size)
            if pages:
                pages.look()
                pages.wrote(size, bytes(-size % PAGE_SIZE))  # what was behind the end

    def allocate(self, offset, length):
        with host_errors():
            os.posix_fallocate(self.descriptor, offset, length)

    def sync(self):
        with host_errors():
            self._write_back()
            os.fsync(self.descriptor)

    def check_map(self, shared, writable):
        self.check_map_access(shared, writable)

    def map_pages(self, offset, length):
        with host_errors():
            pages = host_pages(self, self.writable)
            pages.fill(offset, length, self.node.filesystem.eager_bytes())
            return pages.mapped
