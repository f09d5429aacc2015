"""eventfd: a 64-bit counter that writes add to and reads take (eventfd(2))."""

import struct

from ...abi.errno import EAGAIN, EINVAL
from ...abi.files import O_NONBLOCK, POLLIN, POLLOUT
from ..errors import Blocked, LinuxError
from .inode import MemoryInode
from .open_file import OpenFile

MOST = (1 << 64) - 2  # a write that would go beyond waits
COUNTER = struct.Struct("<Q")


class EventCounter(MemoryInode):
    """`changes` grows with each change, as calls that wait for it want."""

    def __init__(self, filesystem, value):
        super().__init__(filesystem, 0o600)
        self.value = value
        self.changes = 0

    def set(self, value):
        self.value = value
        self.changes += 1


class EventFile(OpenFile):
    def __init__(self, node, flags, takes_one):
        super().__init__(node, flags)
        self._takes_one = takes_one  # EFD_SEMAPHORE

    def path(self):
        return "anon_inode:[eventfd]"

    def read(self, count):
        if count < COUNTER.size:
            raise LinuxError(EINVAL)
        value = self.node.value
        if not value:
            self._wait()
        taken = 1 if self._takes_one else value
        self.node.set(value - taken)
        return COUNTER.pack(taken)

    def write(self, data):
        if len(data) < COUNTER.size:
            raise LinuxError(EINVAL)
        (added,) = COUNTER.unpack(bytes(data[: COUNTER.size]))
        if added > MOST:
            raise LinuxError(EINVAL)
        if self.node.value + added > MOST:
            self._wait()
        self.node.set(self.node.value + added)
        return COUNTER.size

    def _wait(self):
        raise LinuxError(EAGAIN) if self.flags & O_NONBLOCK else Blocked(None, on=self.node)

    def poll(self):
        value = self.node.value
        return (POLLIN if value else 0) | (POLLOUT if value < MOST else 0)
