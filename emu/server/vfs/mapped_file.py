"""The pages of a file that is mapped: the object that all its mappings share (kernel/vm/file_objects.py).

A MappedFile is made when a file is first mapped, and let go when no area has its object any more
(`PageStore.let_go`, called when tasks end and before files are mapped).  Its owner says what is in the pages:

    owner.bring(page)             the frame of a page that the object lacks, or None past the file's end
    owner.brought(frame)          the object has had its chance to take a reference to that frame
    owner.take_back(page, frame)  what a guest has stored to a page, to be written back
    owner.unmapped()              no mapping is left
"""

from ..errors import LinuxError


class MappedFile:
    """`nr_pages`: the file's. LinuxError(ENOMEM)."""

    def __init__(self, store, owner, nr_pages):
        self._store = store
        self.owner = owner
        self.path, self.inode = "", 0  # by which it was mapped last
        self.object = store.new_object(self, nr_pages)

    def is_used(self):
        """Whether some area has it, or a private copy of a part of it."""
        return self._store.references(self.object) > 1

    def set_pages(self, count):
        """The file has grown to so many pages."""
        self._store.set_limit(self.object, count)

    def cut(self, count):
        """The file has shrunk to so many pages: accesses to the others are bus errors from now on."""
        self._store.cut(self.object, count)

    def put(self, page, frame):
        """Give the object a page that it lacks; it has a reference of its own to the frame. ENOMEM."""
        self._store.put_page(self.object, page, frame)

    def frame(self, page):
        """The frame of a page that the object has, else None."""
        return self._store.page(self.object, page)

    def bring(self, page):
        """See that the object has a page, if the file has it; whether it has."""
        if self.frame(page) is not None:
            return True
        try:
            frame = self.owner.bring(page)
            if frame is None:
                return False
            try:
                self.put(page, frame)
            finally:
                self.owner.brought(frame)
        except (LinuxError, OSError):  # no memory, or the host cannot read it
            return False
        return True

    def write_back(self, first=0, end=1 << 52):
        """Give the owner what guests have stored to pages from first on since it was last asked."""
        pages = self._store.modified(self.object, first, end)
        if pages:
            self._store.clean(self.object, first, end)
        for page in pages:
            frame = self.frame(page)
            if frame is not None:
                self.owner.take_back(page, frame)
