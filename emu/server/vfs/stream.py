"""Standard input, output and error: streams around host descriptors that the machine was given.

The server must never stop because a reader or writer on the host is slow, and the descriptors can not be made
non-blocking: that flag belongs to the open file description, which the user's shell shares.  So a pipe or terminal
is opened once more through /proc/self/fd, which gives a description of the server's own, and that one does not
block.  Sockets cannot be opened again, but have a flag for each transfer.  For what is left (no /proc, a terminal of
another user) `poll` is asked first, and at most PIPE_BUF bytes are written at a time, which a ready pipe takes.

Data are handed to the host before the call returns: nothing is buffered, so output is complete and in order.
Streams have no positions (ESPIPE), even where the host's descriptor is a regular file.
"""

import fcntl
import os
import select
import socket
import struct

from ...abi.errno import EAGAIN, EIO, ENOTTY
from ...abi.files import (
    O_ACCMODE,
    O_NONBLOCK,
    O_PATH,
    PIPE_BUF,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    S_IFCHR,
    S_IFIFO,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
)
from ..errors import Blocked, LinuxError
from .inode import Filesystem, Inode, Stat
from .open_file import OpenFile

_FIONREAD = 0x541B
_TCGETS = 0x5401
_TERMIOS_BYTES = 36  # of the kernel's struct termios, alike on riscv64 and x86-64 hosts
_PIECE_BYTES = 1 << 16  # written at once
# Character devices that opening again does not change: null and its like, terminals, pseudo-terminals.
_OPENED_AGAIN = {1, 4, *range(136, 144)}


class StreamNode(Inode):
    """The inode behind a host descriptor that the guest was given."""

    filesystem = Filesystem(0, 0x50495045, lambda: 0)  # PIPEFS_MAGIC

    def __init__(self, descriptor):
        status = os.fstat(descriptor)
        self.kind = status.st_mode & S_IFMT
        self.access = fcntl.fcntl(descriptor, fcntl.F_GETFL) & O_ACCMODE
        self._own = _opened_again(descriptor, status, self.access)
        self.descriptor = descriptor if self._own is None else self._own
        self._socket = socket.socket(fileno=os.dup(descriptor)) if self.kind == S_IFSOCK else None
        self._at_once = self.kind == S_IFREG or self._own is not None  # asking first is not necessary
        self._poll = select.poll()
        self._poll.register(self.descriptor, select.POLLIN | select.POLLOUT)

    def close(self):
        """Give back what is the server's own; the descriptor that was given stays open."""
        if self._own is not None:
            os.close(self._own)
        if self._socket is not None:
            self._socket.close()

    def poll(self):
        """Which of POLLIN, POLLOUT, POLLERR, POLLHUP hold now."""
        ready = self._poll.poll(0)
        return ready[0][1] & (POLLIN | POLLOUT | POLLERR | POLLHUP) if ready else 0

    def read_some(self, count):
        """Up to count bytes, none at the end; BlockingIOError when there are none yet. OSError."""
        if self._socket is not None:
            return self._socket.recv(count, socket.MSG_DONTWAIT)
        if not self._at_once and not self.poll() & (POLLIN | POLLHUP | POLLERR):
            raise BlockingIOError
        return os.read(self.descriptor, count)

    def write_some(self, data):
        """Write a piece of data; how long it was. BlockingIOError when nothing can be taken now. OSError."""
        if self._socket is not None:
            return self._socket.send(data[:_PIECE_BYTES], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        if self._at_once:
            return os.write(self.descriptor, data[:_PIECE_BYTES])
        if not self.poll() & (POLLOUT | POLLERR | POLLHUP):
            raise BlockingIOError
        return os.write(self.descriptor, data[:PIPE_BUF])

    def stat(self):
        host = os.fstat(self.descriptor)
        return Stat(
            0, host.st_ino, host.st_mode, host.st_nlink, 0, 0, host.st_rdev, host.st_size, 4096, host.st_blocks,
            host.st_atime_ns, host.st_mtime_ns, host.st_ctime_ns,
        )  # fmt: skip

    def open(self, flags, task):
        """Opening /dev/stdout or /proc/self/fd/1 gives the same stream again."""
        return OpenFile(self, flags) if flags & O_PATH else HostStream(self, flags & O_NONBLOCK)

    def truncate(self, size):
        """As for a terminal or pipe: nothing to do (O_TRUNC on /dev/stdout)."""


def _opened_again(descriptor, status, access):
    """A descriptor of the same pipe or terminal that does not block; None where there can be none."""
    kind = status.st_mode & S_IFMT
    if kind != S_IFIFO and not (kind == S_IFCHR and os.major(status.st_rdev) in _OPENED_AGAIN):
        return None
    try:
        return os.open(f"/proc/self/fd/{descriptor}", access | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None


class HostStream(OpenFile):
    """An open stream.  Closing it leaves the host's descriptor open: it is not the guest's to close."""

    def __init__(self, node, flags=0):
        super().__init__(node, flags | node.access)
        self.host_descriptor = node.descriptor

    def path(self):
        if self.node.kind == S_IFCHR:
            return "/dev/tty"
        return f"pipe:[{self.node.stat().inode}]"

    def poll(self):
        return self.node.poll()

    def read(self, count):
        if not count:
            return b""
        try:
            return self.node.read_some(count)
        except BlockingIOError:
            self._wait(writing=False)
        except OSError as error:
            raise LinuxError(error.errno or EIO) from None

    def write(self, data):
        data, done = memoryview(data), 0
        try:
            while done < len(data):
                done += self.node.write_some(data[done:])
        except BlockingIOError:
            if not done:
                self._wait(writing=True)
        except OSError as error:
            if not done:
                raise LinuxError(error.errno or EIO) from None
        return done

    def _wait(self, writing):
        if self.flags & O_NONBLOCK:
            raise LinuxError(EAGAIN)
        raise Blocked(self.host_descriptor, writing)

    def available(self):
        return struct.unpack("i", self._ask(_FIONREAD, bytes(4)))[0]

    def sync(self):
        """Nothing is held back here."""

    def terminal_size(self):
        """(columns, rows) of the terminal; ENOTTY when it is none."""
        try:
            return os.get_terminal_size(self.host_descriptor)
        except OSError:
            raise LinuxError(ENOTTY) from None

    def terminal_settings(self):
        """struct termios of the terminal; ENOTTY when it is none."""
        return self._ask(_TCGETS, bytes(_TERMIOS_BYTES))

    def _ask(self, request, buffer):
        try:
            return fcntl.ioctl(self.host_descriptor, request, buffer)
        except OSError:
            raise LinuxError(ENOTTY) from None
