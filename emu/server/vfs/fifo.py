"""FIFOs: pipes with a name (fifo(7)), which mknod makes in the machine's own file system.

Opening one end waits for somebody to open the other, except for both at once (O_RDWR) and without waiting (O_NONBLOCK).
The end is made before that, so that the other side finds it; `is_joined` tells whether the open may end.  It is enough
that the other side was open at any moment since, as in Linux: it may have come and gone while nobody looked.
"""

from ...abi.errno import EAGAIN, ENXIO, EPIPE
from ...abi.files import O_NONBLOCK, O_PATH, PIPE_BUF, POLLERR, POLLHUP, POLLIN, POLLOUT, S_IFIFO
from ..errors import Blocked, LinuxError
from .allowance import INODE_BYTES
from .inode import MemoryInode
from .open_file import OpenFile

CAPACITY = 65536


class Fifo(MemoryInode):
    """The bytes under way, and who reads and writes."""

    kind = S_IFIFO

    def __init__(self, filesystem, mode):
        super().__init__(filesystem, mode)
        self.data = bytearray()
        self.readers = self.writers = 0
        self.opened_to_read = self.opened_to_write = 0  # how often, so far
        self.changes = 0  # of any of these; a call that waits looks again when it has grown

    def open(self, flags, task):
        if flags & O_PATH:
            return OpenFile(self, flags)
        return FifoEnd(self, flags)

    def resize(self, data):
        """The bytes under way are these from now on; ENOSPC."""
        self.charge.resize(INODE_BYTES + len(data))
        self.data = data
        self.changes += 1

    def truncate(self, size):
        """Nothing happens (O_TRUNC)."""

    def drop(self):
        self.charge.resize(0)


class FifoEnd(OpenFile):
    def __init__(self, node, flags):
        super().__init__(node, flags)
        if self.writable and not self.readable and flags & O_NONBLOCK and not node.readers:
            node.release()
            raise LinuxError(ENXIO)
        self._before = node.opened_to_read, node.opened_to_write
        node.readers += self.readable
        node.writers += self.writable
        node.opened_to_read += self.readable
        node.opened_to_write += self.writable
        node.changes += 1

    def is_joined(self):
        """Whether open(2) is done."""
        fifo = self.node
        if self.flags & O_NONBLOCK or self.readable and self.writable:
            return True
        if self.readable:
            return bool(fifo.writers) or fifo.opened_to_write != self._before[1]
        return bool(fifo.readers) or fifo.opened_to_read != self._before[0]

    def closed(self):
        fifo = self.node
        fifo.readers -= self.readable
        fifo.writers -= self.writable
        fifo.changes += 1
        if not fifo.readers and not fifo.writers:
            fifo.resize(bytearray())

    def read(self, count):
        fifo = self.node
        if not fifo.data and fifo.writers and count:
            self._wait()
        data = bytes(fifo.data[:count])
        fifo.resize(fifo.data[count:])
        return data

    def write(self, data):
        fifo = self.node
        if not fifo.readers:
            raise LinuxError(EPIPE)
        free = CAPACITY - len(fifo.data)
        if data and free < (len(data) if len(data) <= PIPE_BUF else 1):
            self._wait()
        fifo.resize(fifo.data + data[:free])
        return min(len(data), free)

    def _wait(self):
        raise LinuxError(EAGAIN) if self.flags & O_NONBLOCK else Blocked(None, on=self.node)

    def available(self):
        return len(self.node.data)

    def poll(self):
        fifo, ready = self.node, 0
        if self.readable:
            ready |= (POLLIN if fifo.data else 0) | (0 if fifo.writers else POLLHUP)
        if self.writable:
            ready |= POLLOUT if len(fifo.data) + PIPE_BUF <= CAPACITY else 0
            ready |= 0 if fifo.readers else POLLERR
        return ready


def opened(call, open_file):
    """The file that `open_file()` opens; a FIFO's end only once the other one is open: Blocked until then."""
    file, call.memo = call.memo or open_file(), None
    if isinstance(file, FifoEnd) and not file.is_joined():
        call.memo = file  # Call.abandon closes it where the call does not go on
        raise Blocked(None, on=file.node)
    return file
