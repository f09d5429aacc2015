"""memfd_create(2)."""

import os

from ...abi.errno import EFAULT, EINVAL, ENAMETOOLONG
from ...abi.files import O_CLOEXEC, O_RDWR
from ..errors import LinuxError
from ..vfs.memfd import F_SEAL_EXEC, F_SEAL_SEAL, MemoryFd
from .events import place_new
from .registry import Pointer, UInt32, only, served

MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_NOEXEC_SEAL, MFD_EXEC = 1, 2, 8, 16
NAME_MAX = 249


@served("memfd_create")
def memfd_create(call, name_at: Pointer, flags: UInt32):
    only(flags, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC)
    if flags & MFD_EXEC and flags & MFD_NOEXEC_SEAL:
        raise LinuxError(EINVAL)
    try:
        name = call.string(name_at, NAME_MAX + 1)
    except LinuxError as error:
        raise LinuxError(EINVAL if error.errno == ENAMETOOLONG else EFAULT) from None
    mode, seals = 0o777, 0 if flags & MFD_ALLOW_SEALING else F_SEAL_SEAL
    if flags & MFD_NOEXEC_SEAL:
        mode, seals = 0o666, F_SEAL_EXEC

    def make():
        node = MemoryFd(call.tree.filesystem, os.fsdecode(name), mode, seals)
        node.uid, node.gid = call.credentials.fsuid, call.credentials.fsgid
        return node.open(O_RDWR, call.task)

    return place_new(call, O_CLOEXEC if flags & MFD_CLOEXEC else 0, make)
