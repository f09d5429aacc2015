"""mmap of files. Anonymous memory is mapped in hot code (kernel/linux/memory.py).

A shared mapping of an in-memory file maps the file's own frames.  A private one, and
any of a host file, gets a copy of the bytes when it is made: what is written to the
file later does not show, which mmap(2) leaves open.  A writable shared mapping of a
host file is refused with ENODEV.

Pages wholly past the file's end are mapped without a frame, and an access is a bus error.  When
an in-memory file has grown over such a page of a shared mapping, the guest's first access maps it
(`reveal`); a system call that is given its address before that still finds no page there.
When a file becomes shorter, the pages that it loses are bus errors from then on, also if it grows again.
"""

from ...abi.errno import EBADF, EFAULT, EINVAL, ENOMEM, ENOSPC
from ...abi.mman import MAP_PRIVATE, MAP_TYPE, PROT_NONE, PROT_WRITE
from ...abi.words import signed
from ...limits import PAGE_SHIFT, PAGE_SIZE
from ..errors import LinuxError
from .registry import Int32, Int64, Pointer, Size, served

MAX_ENDS = 64  # so many mappings of a task, the newest, may grow with their files


def _pages_up(size):
    return -(-size // PAGE_SIZE) * PAGE_SIZE


@served("mmap")
def mmap(call, address: Pointer, length: Size, prot: Int32, flags: Int32, fd: Int32, offset: Int64):
    if offset % PAGE_SIZE or offset < 0 or length == 0:
        raise LinuxError(EINVAL)
    if fd < 0:
        raise LinuxError(EBADF)
    file = call.task.files.get(fd)
    shared = flags & MAP_TYPE != MAP_PRIVATE
    file.check_map(shared, bool(prot & PROT_WRITE))
    # Nobody may touch the pages before the file's own are there; who tries is served after this call, and tries again.
    first_prot = PROT_NONE if shared and file.has_frames else prot | PROT_WRITE
    placed = call.place_mapping(signed(address), signed(length), first_prot, flags)
    if placed < 0:
        return placed
    try:
        _fill(call, file, placed, length, prot, shared, offset)
    except LinuxError as error:
        call.unmap(placed, _pages_up(length))
        no_memory = error.errno in (ENOSPC, EFAULT)  # for the file's pages, or for a copy
        raise LinuxError(ENOMEM if no_memory else error.errno) from None
    return placed


def _fill(call, file, placed, length, prot, shared, offset):
    """Give the mapping its content, and each page its permissions."""
    own = shared and file.has_frames
    if file.maps_zeros:
        inside = _pages_up(length)
    elif own:
        pages = file.map_pages(offset, length)
        for index, frame in pages:
            call.map_frame(placed + (index * PAGE_SIZE - offset), frame, prot)
        inside = len(pages) * PAGE_SIZE
    else:
        inside = _pages_up(_copy(call, file, placed, offset, length))
    past = _pages_up(length) - inside
    if past > 0:
        number = 0
        if own:
            number = _remember(call.task, file.node, (placed - offset) >> PAGE_SHIFT)
        call.map_past_end(placed + inside, past, prot, shared, number)
    call.protect(placed, _pages_up(length), prot)


def _copy(call, file, placed, offset, length):
    """Copy the file's bytes; how many there were."""
    done = 0
    while done < length:
        data = file.read_at(offset + done, min(length - done, 1 << 20))
        if not data:
            break
        call.write(placed + done, data)
        done += len(data)
    return done


def _remember(task, node, base):
    """Number a mapping that ends past its file's end; page n of the file is at page base + n of the task."""
    task.last_end += 1
    task.ends[task.last_end] = (node, base)
    if len(task.ends) > MAX_ENDS:
        del task.ends[min(task.ends)]
    return task.last_end


def reveal(task, number, address):
    """The frame of the page at an address past the end of mapping `number`, if the file has it by now, else None."""
    node, base = task.ends.get(number, (None, 0))
    try:
        return node and node.page_at((address >> PAGE_SHIFT) - base)
    except LinuxError:
        return None
