"""mmap of files. Anonymous memory is mapped in hot code (memory_calls.py).

A shared mapping of an in-memory file maps the file's own frames.  A private one, and
any of a host file, gets a copy of the bytes when it is made: what is written to the
file later does not show, which mmap(2) leaves open.  A writable shared mapping of a
host file is refused with ENODEV.
"""

from ....limits import PAGE_SIZE
from .errors import EBADF, EINVAL, LinuxError
from .registry import Int32, Int64, Pointer, Size, served

MAP_SHARED, MAP_PRIVATE, MAP_TYPE = 1, 2, 15
PROT_WRITE, PROT_READ = 2, 1


def _signed(value):
    return value - ((value >> 63) << 64)


@served("mmap")
def mmap(call, address: Pointer, length: Size, prot: Int32, flags: Int32, fd: Int32, offset: Int64):
    if offset % PAGE_SIZE or offset < 0 or length == 0:
        raise LinuxError(EINVAL)
    if fd < 0:
        raise LinuxError(EBADF)
    file = call.task.files.get(fd)
    shared = flags & MAP_TYPE != MAP_PRIVATE
    file.check_map(shared, bool(prot & PROT_WRITE))
    pages = file.map_pages(offset, length) if shared else None
    placed = call.place_mapping(_signed(address), _signed(length), prot | PROT_WRITE, flags)
    if placed < 0:
        return placed
    if pages is not None:
        for index, frame in pages:
            call.map_frame(placed + (index * PAGE_SIZE - offset), frame, prot)
    else:
        _copy(call, file, placed, offset, length)
        call.protect(placed, -(-length // PAGE_SIZE) * PAGE_SIZE, prot)
    return placed


def _copy(call, file, placed, offset, length):
    done = 0
    while done < length:
        data = file.read_at(offset + done, min(length - done, 1 << 20))
        if not data:
            break
        call.write(placed + done, data)
        done += len(data)
