"""The allowance: what guests make the server hold is paid for with guest memory.

Inodes, names, open files, bytes in pipes and listings live in the server's own memory.  For every 4096 bytes of them
the allowance holds a frame of guest memory that nobody uses, so guests can fill `--memory` once, by whatever means,
and the host's memory stays within that and a constant.  Files and names (whose error is ENOSPC) can hold half of guest
memory, as a tmpfs can: a program that makes them without end gets an error, and is not killed.
The sizes below are what CPython takes for an object and what hangs on it, rounded up; a test weighs them.

    charge = allowance.charge(size)     LinuxError when guest memory is used up
    charge.resize(more)                 likewise
A charge ends when the object that owns it is gone, so nothing has to be given back by hand.

Always: the frames held cover the bytes charged.  A few frames more are kept, so that a pipe that fills and empties
does not take and give back one each time; none while nothing is charged.
"""

from ...abi.errno import ENOMEM, ENOSPC
from ...limits import PAGE_SIZE
from ..errors import LinuxError

INODE_BYTES = 1024
NAME_BYTES = 256  # an entry of a directory, beside the characters of its name
PAGE_BYTES = 192  # an entry of a file's map of pages
DESCRIPTOR_BYTES = 1344  # an entry of a table, and the open file
SPARE_FRAMES = 8


def text_bytes(text):
    """What a string takes beside its object: two bytes a character where it is not ASCII."""
    return len(text) if text.isascii() else 4 * len(text)


class Allowance:
    def __init__(self, store, most):
        self._store = store
        self._most = most  # bytes of files and names
        self._frames = []
        self.size = 0  # bytes charged
        self.size_of_files = 0

    def charge(self, size, error=ENOMEM):
        """A Charge of so many bytes; LinuxError(error) when guest memory does not suffice."""
        return Charge(self, size, error)

    def add(self, size, error):
        """Charge or, with a negative size, give back."""
        total = self.size + size
        files = self.size_of_files + size if error == ENOSPC else 0
        needed = -(-total // PAGE_SIZE)
        if size > 0:
            if files > self._most:
                raise LinuxError(ENOSPC)
            try:
                while len(self._frames) < needed:
                    self._frames.append(self._store.allocate())
            except LinuxError:
                self._trim(-(-self.size // PAGE_SIZE))
                raise LinuxError(error) from None
        else:
            self._trim(needed)
        self.size = total
        if error == ENOSPC:
            self.size_of_files = files

    def _trim(self, needed):
        keep = needed + SPARE_FRAMES if needed else 0
        while len(self._frames) > keep:
            self._store.free(self._frames.pop())


class Charge:
    """Bytes charged to an allowance, for as long as this object lives."""

    __slots__ = ("_allowance", "_error", "size")

    def __init__(self, allowance, size, error):
        self._allowance, self._error, self.size = allowance, error, 0
        self.resize(size)

    def resize(self, size):
        if size != self.size:
            self._allowance.add(size - self.size, self._error)
            self.size = size

    def __del__(self):
        if self.size:
            self._allowance.add(-self.size, self._error)


class _Free(Allowance):
    """Charges nothing: what the machine itself makes before any guest runs."""

    def __init__(self):
        super().__init__(None, 0)

    def add(self, size, error):
        pass


FREE = _Free()
