"""Files and links whose contents a function makes when they are opened or followed (/proc, /sys)."""

import os

from ...abi.errno import EACCES
from ...abi.files import O_ACCMODE, O_PATH, O_RDONLY, S_IFREG
from ..errors import LinuxError
from .inode import Inode, Link, Stat
from .open_file import SeekableFile


class MadeUp(Inode):
    """Common to files and links without lasting attributes of their own."""

    def __init__(self, filesystem, number=None):
        self.filesystem = filesystem
        self.number = number or filesystem.next_number()

    permissions = 0o444

    def stat(self):
        now = self.filesystem.clock()
        mode = self.kind | self.permissions
        return Stat(self.filesystem.device, self.number, mode, 1, 0, 0, 0, 0, 4096, 0, now, now, now)


class TextFile(MadeUp):
    """A file whose text a function makes."""

    kind = S_IFREG

    def __init__(self, filesystem, text, number=None):
        super().__init__(filesystem, number)
        self.text = text  # () -> str or bytes

    def open(self, flags, task):
        if flags & O_ACCMODE != O_RDONLY:
            raise LinuxError(EACCES)
        text = b"" if flags & O_PATH else self.text()
        return OpenText(self, flags, text if isinstance(text, bytes) else os.fsencode(text))


class OpenText(SeekableFile):
    def __init__(self, node, flags, text):
        super().__init__(node, flags)
        self.text = text

    def read_at(self, offset, count):
        return self.text[offset : offset + count]

    def size(self):
        return len(self.text)


class MadeUpLink(MadeUp, Link):
    """A symbolic link whose text a function of the calling task makes."""

    kind = Link.kind
    permissions = 0o777
    open = Link.open

    def __init__(self, filesystem, text, number=None):
        super().__init__(filesystem, number)
        self.text = text  # task -> str

    def target(self, task):
        return self.text(task)
