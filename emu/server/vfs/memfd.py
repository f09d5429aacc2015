"""Files in memory without a name, and what seals forbid (memfd_create(2), fcntl(2) F_ADD_SEALS).

Differs from Linux: F_SEAL_WRITE is refused (EBUSY) also while a shared mapping is only readable.  A mapping may keep
the right to be made writable in Linux as well, but there the seal then takes that away.
"""

from ...abi.errno import EBUSY, EINVAL, EPERM
from ...abi.files import O_TRUNC
from ..errors import LinuxError
from .memory_file import OpenMemoryFile, RegularFile

F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE, F_SEAL_EXEC = 1, 2, 4, 8, 16, 32
ALL_SEALS = 63
NO_WRITES = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE


class MemoryFd(RegularFile):
    """A file that lives as long as it is open or mapped."""

    def __init__(self, filesystem, name, mode, seals):
        super().__init__(filesystem, mode)
        self.name, self.seals = name, seals

    def open(self, flags, task):
        if flags & O_TRUNC:
            self.truncate(0)
        return OpenMemoryFd(self, flags)

    def add_seals(self, seals):
        """EPERM, EBUSY."""
        if self.seals & F_SEAL_SEAL:
            raise LinuxError(EPERM)
        if seals & F_SEAL_WRITE & ~self.seals and self.mapped is not None and self.mapped.is_used():
            raise LinuxError(EBUSY)
        if seals & F_SEAL_EXEC and self.mode & 0o111:
            seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE
        self.seals |= seals

    def set_mode(self, mode):
        if self.seals & F_SEAL_EXEC and (mode ^ self.mode) & 0o111:
            raise LinuxError(EPERM)
        super().set_mode(mode)

    def write_at(self, offset, data):
        if data and (self.seals & NO_WRITES or self.seals & F_SEAL_GROW and offset + len(data) > self.size):
            raise LinuxError(EPERM)
        return super().write_at(offset, data)

    def truncate(self, size):
        if self.seals & (F_SEAL_SHRINK if size < self.size else F_SEAL_GROW) and size != self.size:
            raise LinuxError(EPERM)
        super().truncate(size)

    def allocate(self, offset, length):
        if self.seals & F_SEAL_GROW and offset + length > self.size:
            raise LinuxError(EPERM)
        super().allocate(offset, length)


class OpenMemoryFd(OpenMemoryFile):
    def path(self):
        return f"/memfd:{self.node.name} (deleted)"

    def check_map(self, shared, writable):
        super().check_map(shared, writable)
        if shared and writable and self.node.seals & NO_WRITES:
            raise LinuxError(EPERM)


def seal_command(node, adds, seals, writable):
    """fcntl's F_ADD_SEALS, or F_GET_SEALS. EINVAL where the file has none, EPERM, EBUSY."""
    if not isinstance(node, RegularFile):
        raise LinuxError(EINVAL)
    if not adds:
        return node.seals if isinstance(node, MemoryFd) else F_SEAL_SEAL
    if not writable:
        raise LinuxError(EPERM)
    if seals & ~ALL_SEALS:
        raise LinuxError(EINVAL)
    if not isinstance(node, MemoryFd):
        raise LinuxError(EPERM)
    node.add_seals(seals)
    return 0
