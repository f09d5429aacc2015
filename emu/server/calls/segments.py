"""shmget, shmat, shmdt, shmctl (shmop(2)).

Differs from Linux: SHM_HUGETLB is refused; mremap makes a segment's mapping grow with zeroes of the segment's own.
"""

import struct

from ...abi.errno import EEXIST, EINVAL, ENOMEM
from ...abi.ipc import (
    IPC_INFO,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    SHM_DEST,
    SHM_EXEC,
    SHM_HUGETLB,
    SHM_INFO,
    SHM_LOCK,
    SHM_LOCKED,
    SHM_RDONLY,
    SHM_REMAP,
    SHM_RND,
    SHM_STAT,
    SHM_STAT_ANY,
    SHM_UNLOCK,
    SHMMNI,
)
from ...abi.mman import MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE
from ...abi.words import signed
from ...kernel.vm.address_space import unmap_region
from ...kernel.vm.areas import NEVER_WRITE
from ...limits import PAGE_SIZE, USER_TOP
from ..errors import LinuxError
from ..ipc.keys import PERMISSIONS, READ, WRITE
from .registry import Int32, Pointer, Size, UInt32, served

SEGMENT = struct.Struct("<QqqqiiQQQ")  # the rest of struct shmid64_ds
LIMITS = struct.Struct("<9Q")  # struct shminfo64
USE = struct.Struct("<i4x5Q")  # struct shm_info
MOST_BYTES = (1 << 64) - (1 << 24) - 1  # kernel.shmmax


@served("shmget")
def shmget(call, key: Int32, size: Size, flags: Int32):
    segments = call.tree.ipc.segments
    segments.sweep()
    if flags & SHM_HUGETLB:
        raise LinuxError(EINVAL)

    def make():
        if size == 0 or size > MOST_BYTES:
            raise LinuxError(EINVAL)
        if size > USER_TOP:
            raise LinuxError(ENOMEM)
        return segments.make(flags, call.credentials, size, call.task.pid)

    found = segments.get(key, flags, call.credentials, make)
    if size > found.size:
        raise LinuxError(EINVAL)
    return found.id


@served("shmat")
def shmat(call, number: Int32, address: Pointer, flags: Int32):
    segment = call.tree.ipc.segments.find(number)
    writable = not flags & SHM_RDONLY
    segment.check(call.credentials, READ | (WRITE if writable else 0))
    if address and flags & SHM_RND:
        address -= address % PAGE_SIZE
    if address % PAGE_SIZE or flags & SHM_REMAP and not address:
        raise LinuxError(EINVAL)
    prot = PROT_READ | (PROT_WRITE if writable else NEVER_WRITE) | (PROT_EXEC if flags & SHM_EXEC else 0)
    how = MAP_SHARED
    if address:
        how |= MAP_FIXED if flags & SHM_REMAP else MAP_FIXED_NOREPLACE
    placed = call.place_file(signed(address), segment.size, prot, how, segment.object, 0)
    if placed == -EEXIST:
        raise LinuxError(EINVAL)
    if placed >= 0:
        segment.note_attach(call.task.pid)
    return placed


@served("shmdt")
def shmdt(call, address: Pointer):
    """Unmap all parts of the attachment that begins at an address. EINVAL when none does."""
    segments = call.tree.ipc.segments
    at, segment = address, None
    while at < USER_TOP:
        region = call.area(at)
        whole = region.start - region.first * PAGE_SIZE
        mine = region.object >= 0 and whole == address and (segment is None or region.object == segment.object)
        if mine and (segment or segments.by_object(region.object)):
            segment = segment or segments.by_object(region.object)
            unmap_region(call.server.base, call.server.me, call.task_index, region.start, region.end - region.start)
        if region.start > (address + segment.size if segment else address):
            break
        at = region.end
    if segment is None or address % PAGE_SIZE:
        raise LinuxError(EINVAL)
    segment.note_detach(call.task.pid)
    segments.sweep()
    return 0


def _status(segment):
    mode = segment.mode | (SHM_DEST if segment.doomed else 0) | (SHM_LOCKED if segment.locked else 0)
    permissions = bytearray(segment.permissions())
    struct.pack_into("<I", permissions, 20, mode)
    times = segment.attached_s, segment.detached_s, segment.changed_s
    return bytes(permissions) + SEGMENT.pack(
        segment.size, *times, segment.creator, segment.last, segment.attachments(), 0, 0
    )


@served("shmctl")
def shmctl(call, number: Int32, command: UInt32, address: Pointer):
    segments = call.tree.ipc.segments
    segments.sweep()
    if number < 0:
        raise LinuxError(EINVAL)
    if command == IPC_INFO:
        call.write(address, LIMITS.pack(MOST_BYTES, 1, SHMMNI, SHMMNI, MOST_BYTES // PAGE_SIZE, 0, 0, 0, 0))
        return segments.highest
    if command == SHM_INFO:
        pages = sum(segment.pages for segment in segments)
        resident = sum(call.server.store.nr_pages(segment.object) for segment in segments)
        call.write(address, USE.pack(len(segments), pages, resident, 0, 0, 0))
        return segments.highest
    if command in (IPC_STAT, SHM_STAT, SHM_STAT_ANY):
        segment = segments.find(number) if command == IPC_STAT else segments.at(number)
        if command != SHM_STAT_ANY:
            segment.check(call.credentials, READ)
        call.write(address, _status(segment))
        return 0 if command == IPC_STAT else segment.id
    if command not in (IPC_RMID, IPC_SET, SHM_LOCK, SHM_UNLOCK):
        raise LinuxError(EINVAL)
    segment = segments.find(number)
    segment.check_owner(call.credentials)
    if command == IPC_RMID:
        segments.doom(segment)
    elif command == IPC_SET:
        segment.set_permissions(call.read(address, PERMISSIONS.size))
    else:
        segment.locked = command == SHM_LOCK
    return 0
