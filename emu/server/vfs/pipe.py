"""Pipes as the system server sees them, for what the CPUs leave to it: fstat, poll, ioctl, sendfile, /proc/PID/fd.

The pipes themselves are kernel/files/pipe.py's.  A PipeEnd speaks for a description; it holds no reference of its own.
A call that asks for the file of a descriptor borrows one until it is over (table.py).  An epoll set keeps the PipeEnd
longer, until the description has been freed: its serial number tells.
"""

import ctypes

from ...abi.errno import EAGAIN
from ...abi.files import O_ACCMODE, O_NONBLOCK, O_PATH, PIPE_BUF, S_IFIFO, S_IFSOCK
from ...kernel.files import for_server
from ..errors import Blocked, LinuxError, Watch
from .inode import Inode, Stat
from .open_file import OpenFile

PIECE_BYTES = 1 << 16


class PipeNode(Inode):
    """What the server keeps of a pipe, from the first time that somebody asks for it."""

    kind = S_IFIFO

    def __init__(self, files, pipe, number):
        self.filesystem = files.pipes
        self._files, self._pipe, self.number = files, pipe, number
        self._record = files.window.machine["pipes"][pipe]
        self.mode, self.uid, self.gid = 0o600, 0, 0
        self.accessed_ns = self.modified_ns = self.changed_ns = self.filesystem.clock()

    @property
    def changes(self):
        """Grows when the pipe changes, and when it is used again for another."""
        return int(self._record["changes"])

    def stat(self):
        return Stat(
            self.filesystem.device, self.number, self.kind | self.mode, 1, self.uid, self.gid, 0, 0, 4096, 0,
            self.accessed_ns, self.modified_ns, self.changed_ns,
        )  # fmt: skip

    def set_mode(self, mode):
        self.mode = mode & 0o7777
        self.changed_ns = self.filesystem.clock()

    def set_owner(self, uid, gid):
        self.uid = self.uid if uid == -1 else uid & 0xFFFFFFFF
        self.gid = self.gid if gid == -1 else gid & 0xFFFFFFFF
        self.changed_ns = self.filesystem.clock()

    def set_times(self, accessed_ns, modified_ns):
        self.accessed_ns = self.accessed_ns if accessed_ns is None else accessed_ns
        self.modified_ns = self.modified_ns if modified_ns is None else modified_ns
        self.changed_ns = self.filesystem.clock()

    def open(self, flags, task):
        """Opening /proc/self/fd/3 makes an end of its own."""
        if flags & O_PATH:
            return OpenFile(self, flags)
        return self._files.open_pipe(self._pipe, self, flags)


class RecordEnd(OpenFile):
    """An open file that is a record of the kernel's (kernel/files/descriptions.py), not SERVED."""

    def __init__(self, files, description, node):
        self._files, self.description = files, description
        self._record = files.window.machine["descriptions"][description]
        self._serial = int(self._record["serial"])
        super().__init__(node, self.flags)

    @property
    def flags(self):
        return int(self._record["flags"])

    @flags.setter
    def flags(self, flags):
        assert (flags ^ self.flags) & O_ACCMODE == 0
        for_server.set_flags(self._files.base, self.description, flags)

    def is_open(self):
        return int(self._record["serial"]) == self._serial and int(self._record["references"]) > 0

    def close(self):
        """Drop a reference of the description."""
        for_server.drop_file(self._files.base, self._files.me, self.description)

    def poll(self):
        return for_server.poll_end(self._files.base, self._files.me, self.description)


class PipeEnd(RecordEnd):
    def path(self):
        return f"{'socket' if self.node.kind == S_IFSOCK else 'pipe'}:[{self.node.number}]"

    def read(self, count):
        if not count:
            return b""
        watch, buffer = Watch(self.node), ctypes.create_string_buffer(min(count, PIECE_BYTES))
        n = for_server.read_end(
            self._files.base, self._files.me, self.description, ctypes.addressof(buffer), len(buffer)
        )  # fmt: skip
        return buffer.raw[: self._moved(n, watch)]

    def write(self, data):
        if not len(data):
            return 0
        watch, source = Watch(self.node), (ctypes.c_char * len(data)).from_buffer_copy(data)
        n = for_server.write_end(
            self._files.base, self._files.me, self.description, ctypes.addressof(source), len(data),
            len(data) <= PIPE_BUF,
        )  # fmt: skip
        return self._moved(n, watch)

    def _moved(self, n, watch):
        """How many bytes have been moved. Blocked, LinuxError."""
        if n == -EAGAIN and not self.flags & O_NONBLOCK:
            raise Blocked(None, on=watch)
        if n < 0:
            raise LinuxError(-n)
        return n

    def available(self):
        return for_server.waiting_bytes(self._files.base, self.description)
