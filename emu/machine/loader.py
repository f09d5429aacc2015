"""Program images: finding and reading a program in the supervisor, before anything runs.

Static executables and static position-independent ones for RV64; everything else
is refused with one line (elf.py).  What comes out is plain data for the system server,
which places it (server/exec.py).
"""

import errno
import os
import stat

from ..errors import MachineError
from ..limits import PAGE_SIZE
from ..server.elf import ElfError, parse
from ..server.vfs.programs import GUEST_DIRECTORY

MAX_FILE_BYTES = 1 << 30
_KINDS = {
    stat.S_IFDIR: "a directory", stat.S_IFIFO: "a FIFO", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}  # fmt: skip


def find_program(name):
    """The path of a program: a file, or the name of one of the project's own guests."""
    if os.path.exists(name):
        return name
    own = GUEST_DIRECTORY / (name if name.endswith(".elf") else f"{name}.elf")
    if os.sep not in name and os.path.exists(own):
        return str(own)
    return name


def read_program(name):
    """Read and check a program; MachineError says what is wrong with it."""
    path, image = read_image(name)
    try:
        return {"path": os.fsencode(path), **parse(image)}
    except ElfError as error:
        raise MachineError(f"{os.fspath(name)}: {error}") from None


def read_image(name):
    """(real path, bytes) of a program's file, whatever it holds; MachineError where there is none to read."""
    name = os.fspath(name)
    if not name or "\0" in name:
        raise MachineError(f"program {name!r}: expected a path, or the name of a guest that comes with emu")
    path = find_program(name)
    return os.path.realpath(path), _content(name, path)


def _content(name, path):
    try:
        # Without waiting for whoever may write into a FIFO, and without becoming the owner of a terminal.
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK | os.O_NOCTTY)) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise MachineError(f"{name}: {_kind(found)}, expected a RISC-V program")
            if found.st_size > MAX_FILE_BYTES:
                raise MachineError(f"{name}: larger than {MAX_FILE_BYTES >> 20} MiB")
            return file.read(max(found.st_size, PAGE_SIZE))  # no more, because read reserves so much memory first
    except OSError as error:
        if error.errno in (errno.EISDIR, errno.ENXIO):  # a directory, a socket or a device without a driver
            raise MachineError(f"{name}: {_kind(os.stat(path))}, expected a RISC-V program") from None
        hint = " (see `emu doctor` for the guests that come with emu)" if error.errno == errno.ENOENT else ""
        raise MachineError(f"{name}: cannot be read: {os.strerror(error.errno)}{hint}") from None


def _kind(found):
    return f"is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}"
