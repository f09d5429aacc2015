"""Pipes between guest threads.

A blocked end raises Blocked: the server makes the call again when the pipe has changed.  Writes of up to PIPE_BUF
bytes are all or nothing; longer ones go in pieces.
"""

from ...abi.errno import EAGAIN, ENOMEM, EPIPE
from ...abi.files import O_NONBLOCK, O_RDONLY, O_WRONLY, PIPE_BUF, POLLERR, POLLHUP, POLLIN, POLLOUT, S_IFIFO
from ..errors import Blocked, LinuxError
from .allowance import INODE_BYTES
from .inode import MemoryInode
from .open_file import OpenFile

CAPACITY = 65536
KEPT_BYTES = 8192  # charged beyond what an empty pipe holds, once it has held them


class Pipe(MemoryInode):
    """The bytes under way, and how many open files read and write."""

    kind = S_IFIFO
    no_room = ENOMEM

    def __init__(self, filesystem):
        super().__init__(filesystem, 0o600)
        self.links = 1  # no name, but Linux shows one
        self.data = bytearray()
        self.readers = 0
        self.writers = 0
        self.changes = 0  # counts changes of any of these; a call that waits looks again when it has grown

    def put(self, data):
        """Add bytes; ENOMEM. A bytearray takes an eighth more than it holds, and keeps it until it is empty."""
        needed = INODE_BYTES + (len(self.data) + len(data)) * 9 // 8 + 64
        if needed > self.charge.size:
            self.charge.resize(needed)
        self.data += data
        self.changes += 1

    def take(self, count):
        """Remove up to count bytes from the front."""
        data = bytes(self.data[:count])
        del self.data[:count]
        self.changes += 1
        if not self.data and self.charge.size > INODE_BYTES + KEPT_BYTES:
            self.data = bytearray()
            self.charge.resize(INODE_BYTES)
        return data

    def open(self, flags, task):
        return PipeEnd(self, flags)


class PipeEnd(OpenFile):
    def __init__(self, node, flags):
        super().__init__(node, flags)
        node.readers += self.readable
        node.writers += self.writable
        node.changes += 1

    def closed(self):
        self.node.readers -= self.readable
        self.node.writers -= self.writable
        self.node.changes += 1

    def path(self):
        return f"pipe:[{self.node.number}]"

    def read(self, count):
        pipe = self.node
        if not pipe.data and pipe.writers and count:
            self._wait()
        return pipe.take(count)

    def write(self, data):
        pipe = self.node
        if not pipe.readers:
            raise LinuxError(EPIPE)
        free = CAPACITY - len(pipe.data)
        if data and free < (len(data) if len(data) <= PIPE_BUF else 1):
            self._wait()
        pipe.put(data[:free])
        return min(len(data), free)

    def _wait(self):
        raise LinuxError(EAGAIN) if self.flags & O_NONBLOCK else Blocked(None, on=self.node)

    def available(self):
        return len(self.node.data)

    def poll(self):
        pipe, ready = self.node, 0
        if self.readable:
            ready |= (POLLIN if pipe.data else 0) | (0 if pipe.writers else POLLHUP)
        if self.writable:
            ready |= POLLOUT if len(pipe.data) + PIPE_BUF <= CAPACITY else 0
            ready |= 0 if pipe.readers else POLLERR
        return ready


def make_pipe(filesystem, flags):
    """(reading end, writing end)."""
    pipe = Pipe(filesystem)
    return PipeEnd(pipe, O_RDONLY | flags), PipeEnd(pipe, O_WRONLY | flags)
