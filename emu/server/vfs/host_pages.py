"""The pages of a host file that guests have mapped: one cache for all mappings, and for what guests read and write.

Pages are read from the host when a file is mapped, as many as EAGER_SHARE of guest memory, and the others when they are
touched.  What guests store to a shared mapping goes to the host at msync, fsync and sync, before a guest reads
the file, when tasks end, and when nobody maps the file any more.  What guests write to the file shows in the mappings.
What the host writes meanwhile need not: a page that is in memory stays as it is.  When a file that was changed by the
host is mapped for the first time after it was let go, its pages are read anew.
"""

import os

from ...limits import PAGE_SHIFT, PAGE_SIZE
from ..errors import LinuxError
from .host_descriptors import held_by_guests
from .mapped_file import MappedFile

EAGER_SHARE = 8  # an eighth of guest memory


class HostPages:
    """Of one host file, by a host descriptor of its own that may be written through if `writable`."""

    def __init__(self, mount, inode, store, descriptor, writable):
        self._mount, self._inode, self._store = mount, inode, store
        self._descriptor, self.writable = descriptor, writable
        self._size = os.fstat(descriptor).st_size
        self.mapped = MappedFile(store, self, self._nr_pages())

    def _nr_pages(self):
        return -(-self._size // PAGE_SIZE)

    def use_descriptor(self, descriptor):
        """Write back by another descriptor from now on."""
        os.close(self._descriptor)
        self._descriptor, self.writable = descriptor, True

    def look(self):
        """Find out how long the file is."""
        size = os.fstat(self._descriptor).st_size
        if size < self._size:
            self._size = size
            self.mapped.cut(self._nr_pages())
        elif size > self._size:
            self._size = size
            self.mapped.set_pages(self._nr_pages())

    def fill(self, offset, length, most):
        """Read the pages of a range that are not in memory, `most` bytes at most."""
        self.look()
        first = offset >> PAGE_SHIFT
        for page in range(first, min(-(-(offset + min(length, most)) // PAGE_SIZE), self._nr_pages())):
            if not self.mapped.bring(page):
                break

    def bring(self, page):
        """A frame with a page's bytes, None past the end of the file."""
        if page >= self._nr_pages():
            self.look()
            if page >= self._nr_pages():
                return None
        data = os.pread(self._descriptor, PAGE_SIZE, page << PAGE_SHIFT)
        frame = self._store.allocate()
        self._store.write(frame, 0, data)
        return frame

    def brought(self, frame):
        """The object holds the frame now, or found no memory to do so."""
        self._store.free(frame)

    def take_back(self, page, frame):
        """Write a page to the file, as far as the file goes."""
        count = min(PAGE_SIZE, os.fstat(self._descriptor).st_size - (page << PAGE_SHIFT))
        if count > 0 and self.writable:
            os.pwrite(self._descriptor, self._store.read(frame, 0, count), page << PAGE_SHIFT)

    def wrote(self, offset, data):
        """A guest has written to the file: the pages that are in memory get it too."""
        self.look()
        done = 0
        while done < len(data):
            start = (offset + done) % PAGE_SIZE
            count = min(PAGE_SIZE - start, len(data) - done)
            frame = self.mapped.frame((offset + done) >> PAGE_SHIFT)
            if frame is not None:
                self._store.write(frame, start, data[done : done + count])
            done += count

    def unmapped(self):
        del self._mount.pages[self._inode]
        os.close(self._descriptor)
        held_by_guests.give_back()


def host_pages(file, writable):
    """The HostPages of an open host file, made if nobody maps it yet. LinuxError."""
    mount = file.node.filesystem
    inode = os.fstat(file.descriptor).st_ino
    pages = mount.pages.get(inode)
    if pages is None:
        held_by_guests.take()
        descriptor = -1
        try:
            descriptor = os.dup(file.descriptor)
            pages = HostPages(mount, inode, mount.store, descriptor, writable)
        except (LinuxError, OSError):
            held_by_guests.give_back()
            if descriptor >= 0:
                os.close(descriptor)
            raise
        mount.pages[inode] = pages
    elif writable and not pages.writable:
        pages.use_descriptor(os.dup(file.descriptor))
    return pages
