"""Standard input, output and error: streams around host descriptors that the machine was given.

The server must never stop because a reader or writer on the host is slow, and the descriptors can not be made
non-blocking (their flags belong to the user's shell too).  So it asks `poll` first, and writes at most PIPE_BUF
bytes at a time to anything but a regular file, for that many a ready pipe or terminal takes without waiting.
(A terminal stopped by Ctrl-S may still hold up the last piece.)

Data are handed to the host before the call returns: nothing is buffered, so output is complete and in order.
Positions are not offered (ESPIPE), even where the host's descriptor is a regular file.
"""

import fcntl
import os
import select
import struct

from ..syscalls.linux.errors import EAGAIN, EIO, ENOTTY, Blocked, LinuxError
from .abi import O_ACCMODE, O_NONBLOCK, O_PATH, PIPE_BUF, POLLERR, POLLHUP, POLLIN, POLLOUT, S_IFCHR, S_IFMT, S_IFREG
from .inode import Filesystem, Inode, Stat
from .open_file import OpenFile

_FIONREAD = 0x541B
_TCGETS = 0x5401
_TERMIOS_BYTES = 36  # of the kernel's struct termios, alike on riscv64 and x86-64 hosts


class StreamNode(Inode):
    """The inode behind a host descriptor that the guest was given."""

    filesystem = Filesystem(0, 0x50495045, lambda: 0)  # PIPEFS_MAGIC

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.kind = os.fstat(descriptor).st_mode & S_IFMT
        self.access = fcntl.fcntl(descriptor, fcntl.F_GETFL) & O_ACCMODE

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


class HostStream(OpenFile):
    """An open stream.  Closing it leaves the host's descriptor open: it is not the guest's to close."""

    def __init__(self, node, flags=0):
        super().__init__(node, flags | node.access)
        self.host_descriptor = node.descriptor
        self.at_once = node.kind == S_IFREG  # regular files never wait
        self._poll = select.poll()
        self._poll.register(node.descriptor, select.POLLIN | select.POLLOUT)

    def path(self):
        if self.node.kind == S_IFCHR:
            return "/dev/tty"
        return f"pipe:[{self.node.stat().inode}]"

    def poll(self):
        ready = self._poll.poll(0)
        return ready[0][1] & (POLLIN | POLLOUT | POLLERR | POLLHUP) if ready else 0

    def read(self, count):
        if not count:
            return b""
        if not self.at_once and not self.poll() & (POLLIN | POLLHUP | POLLERR):
            self._wait(writing=False)
        try:
            return os.read(self.host_descriptor, count)
        except BlockingIOError:
            self._wait(writing=False)
        except OSError as error:
            raise LinuxError(error.errno or EIO) from None

    def write(self, data):
        data, done = memoryview(data), 0
        piece = len(data) if self.at_once else PIPE_BUF
        while done < len(data):
            try:
                if not self.at_once and not self.poll() & (POLLOUT | POLLERR | POLLHUP):
                    raise BlockingIOError
                done += os.write(self.host_descriptor, data[done : done + piece])
            except BlockingIOError:
                if not done:
                    self._wait(writing=True)
                break
            except OSError as error:
                if not done:
                    raise LinuxError(error.errno or EIO) from None
                break
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
