"""mmap of files, msync, mincore. Anonymous memory is mapped in hot code (kernel/linux/memory.py).

All mappings of a file, private and shared, in whatever task, have the same pages until somebody stores to a private one
(kernel/vm/objects.py, vfs/mapped_file.py).  The pages of a mapping are brought into memory when it is made, except that
of a large one of a host file only the first part is; the others are read when they are touched.

Pages wholly past the file's end are bus errors, until the file has grown over them.
mincore answers for at most MOST_RESIDENCE bytes at once, and ENOMEM beyond.
"""

from ...abi.errno import EBADF, EBUSY, EINVAL, ENOMEM, ENOSPC, EOVERFLOW
from ...abi.files import OFFSET_MAX
from ...abi.mman import MAP_ANONYMOUS, MAP_PRIVATE, MAP_TYPE, MS_ASYNC, MS_INVALIDATE, MS_SYNC, PROT_WRITE
from ...abi.words import signed
from ...kernel.vm.areas import LOCKED, NEVER_WRITE
from ...limits import PAGE_SHIFT, PAGE_SIZE, USER_TOP
from ..errors import LinuxError
from .registry import Int32, Int64, Pointer, Size, served
from .space_limits import check_mapping, map_anonymous

MOST_RESIDENCE = 256 << 20


@served("mmap")
def mmap(call, address: Pointer, length: Size, prot: Int32, flags: Int32, fd: Int32, offset: Int64):
    if offset % PAGE_SIZE or offset < 0 or length == 0:
        raise LinuxError(EINVAL)
    if flags & MAP_ANONYMOUS:
        return map_anonymous(call, address, length, prot, flags)
    check_mapping(call, address, length, prot, flags)
    if fd < 0:
        raise LinuxError(EBADF)
    if length > USER_TOP:
        raise LinuxError(ENOMEM)
    if offset > OFFSET_MAX - length - PAGE_SIZE:
        raise LinuxError(EOVERFLOW)
    file = call.task.files.get(fd)
    shared = flags & MAP_TYPE != MAP_PRIVATE
    file.check_map(shared, bool(prot & PROT_WRITE))
    if file.maps_zeros:
        return call.place_mapping(signed(address), signed(length), prot, flags)
    try:
        mapped = file.map_pages(offset, length)
    except LinuxError as error:
        raise LinuxError(ENOMEM if error.errno == ENOSPC else error.errno) from None
    mapped.path, mapped.inode = file.path(), file.stat().inode
    prot = prot & 7 | (NEVER_WRITE if shared and not file.writable else 0)
    return call.place_file(signed(address), signed(length), prot, flags, mapped.object, offset >> PAGE_SHIFT)


def _range(address, length):
    """(start, end) in whole pages; EINVAL, ENOMEM."""
    if address % PAGE_SIZE:
        raise LinuxError(EINVAL)
    end = address + -(-length // PAGE_SIZE) * PAGE_SIZE
    if end > USER_TOP:
        raise LinuxError(ENOMEM)
    return address, end


@served("msync")
def msync(call, address: Pointer, length: Size, flags: Int32):
    """Write back what was stored to shared mappings of host files; other files are in memory as it is."""
    if flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) or flags & (MS_ASYNC | MS_SYNC) == MS_ASYNC | MS_SYNC:
        raise LinuxError(EINVAL)
    at, end = _range(address, length)
    holes = False
    while at < end:
        area = call.area(at)
        holes = holes or area.start > at
        if area.start >= end:
            break
        if flags & MS_INVALIDATE and area.flags & LOCKED:
            raise LinuxError(EBUSY)
        if area.mapped is not None:
            start = max(at, area.start)
            first = area.first + ((start - area.start) >> PAGE_SHIFT)
            area.mapped.write_back(first, first + ((min(end, area.end) - start) >> PAGE_SHIFT))
        at = area.end
    if holes:
        raise LinuxError(ENOMEM)
    return 0


@served("mincore")
def mincore(call, address: Pointer, length: Size, answer: Pointer):
    """A byte for each page: 1 when it is in memory."""
    start, end = _range(address, length)
    if end - start > MOST_RESIDENCE:
        raise LinuxError(ENOMEM)
    found = bytes(call.residence(va) & 0xFF for va in range(start, end, PAGE_SIZE))
    if 0xFF in found:
        raise LinuxError(ENOMEM)
    call.write(answer, found)
    return 0
