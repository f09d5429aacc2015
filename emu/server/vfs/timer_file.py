"""timerfd: a timer that is read, and polled, as a file (timerfd_create(2))."""

import struct

from ...abi.errno import EAGAIN, EINVAL
from ...abi.files import O_NONBLOCK, POLLIN
from ..errors import Blocked, LinuxError, Watch
from .inode import MemoryInode
from .open_file import OpenFile


class TimerNode(MemoryInode):
    def __init__(self, filesystem, timer):
        super().__init__(filesystem, 0o600)
        self.timer = timer

    @property
    def changes(self):
        return int(self.timer.record["changes"])

    def drop(self):
        self.timer.close()


class TimerFile(OpenFile):
    def path(self):
        return "anon_inode:[timerfd]"

    def read(self, count):
        if count < 8:
            raise LinuxError(EINVAL)
        watch = Watch(self.node)  # before the look: the timer may expire right behind it
        expirations = self.node.timer.take_expirations()
        if not expirations:
            raise LinuxError(EAGAIN) if self.flags & O_NONBLOCK else Blocked(None, on=watch)
        return struct.pack("<Q", expirations)

    def poll(self):
        return POLLIN if self.node.timer.record["expirations"] else 0
