"""Character devices: /dev/null, zero, full, random, urandom, tty."""

from ...abi.errno import ENOSPC, ENXIO
from ...abi.files import O_PATH, S_IFCHR, device_number
from ..errors import LinuxError
from .inode import MemoryInode
from .open_file import OpenFile, SeekableFile


class Device(MemoryInode):
    """A character device made of two functions: `read(count)` gives bytes, `write(count)` raises or not."""

    kind = S_IFCHR

    def __init__(self, filesystem, major, minor, read, write=lambda count: None):
        super().__init__(filesystem, 0o666)
        self.special_device = device_number(major, minor)
        self.read = read
        self.write = write

    def open(self, flags, task):
        return OpenDevice(self, flags)


class OpenDevice(SeekableFile):
    """Positions mean nothing to these devices: they are accepted and stay 0."""

    def read_at(self, offset, count):
        return self.node.read(count)

    def write_at(self, offset, data):
        self.node.write(len(data))
        return len(data)

    def size(self):
        return 0

    def seek(self, offset, whence):
        return 0

    @property
    def maps_zeros(self):
        return self.node.read is zeros

    def check_map(self, shared, writable):
        """A private mapping of /dev/zero is anonymous memory; nothing else of these can be mapped."""
        if shared or not self.maps_zeros:
            super().check_map(shared, writable)
        self.check_map_access(shared, writable)


class NoTerminal(MemoryInode):
    """/dev/tty: no task has a controlling terminal."""

    kind = S_IFCHR
    special_device = device_number(5, 0)

    def open(self, flags, task):
        if not flags & O_PATH:
            raise LinuxError(ENXIO)
        return OpenFile(self, flags)


def zeros(count):
    return bytes(count)


def nothing(count):
    return b""


def _full(count):
    if count:
        raise LinuxError(ENOSPC)


def devices(filesystem, random):
    """{name: inode} of /dev; random(n) gives n random bytes."""
    return {
        "null": Device(filesystem, 1, 3, nothing),
        "zero": Device(filesystem, 1, 5, zeros),
        "full": Device(filesystem, 1, 7, zeros, _full),
        "random": Device(filesystem, 1, 8, random),
        "urandom": Device(filesystem, 1, 9, random),
        "tty": NoTerminal(filesystem, 0o666),
    }
