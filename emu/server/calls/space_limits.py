"""RLIMIT_AS and RLIMIT_DATA: how much a task may have mapped, in all and as private writable memory.

Hot code maps for a task without such limits; for one that has any, brk, mmap and mremap are served, and what is mapped
is counted from its regions before each.  Another thread of the task may map at the same moment: its call is served
after this one.
"""

from ...abi.errno import ENOMEM
from ...abi.mman import MAP_FIXED, MAP_PRIVATE, MAP_TYPE, PROT_WRITE
from ...kernel.linux.memory import memory_call
from ...limits import PAGE_SIZE
from ..errors import LinuxError
from ..resource_limits import RLIMIT_AS, RLIMIT_DATA, limit_of
from .registry import Int32, Pointer, Size, served


def _pages_up(size):
    return -(-size // PAGE_SIZE) * PAGE_SIZE


def check_space(call, more_bytes, is_data, replaced=(0, 0)):
    """ENOMEM where so many bytes more, instead of those in the range `replaced`, would be beyond a limit."""
    space, data = limit_of(call.task, RLIMIT_AS)[0], limit_of(call.task, RLIMIT_DATA)[0]
    mapped = mapped_data = 0
    for region in call.machine.regions(call.task):
        size = region.end - region.start - max(min(region.end, replaced[1]) - max(region.start, replaced[0]), 0)
        mapped += size
        mapped_data += size if region.rights[1] == "w" and region.rights[3] == "p" else 0
    if mapped + more_bytes > space or (is_data and mapped_data + more_bytes > data):
        raise LinuxError(ENOMEM)


def check_mapping(call, address, length, prot, flags):
    """mmap: ENOMEM where a limit forbids it."""
    is_data = flags & MAP_TYPE == MAP_PRIVATE and prot & PROT_WRITE != 0
    length = _pages_up(length)
    check_space(call, length, is_data, (address, address + length) if flags & MAP_FIXED else (0, 0))


def _in_hot_code(call):
    """The call as hot code makes it."""
    return memory_call(call.server.base, call.server.me, call.thread_index, call.number)


def map_anonymous(call, address, length, prot, flags):
    """An anonymous mmap of a task that has limits."""
    check_mapping(call, address, length, prot, flags)
    return _in_hot_code(call)


@served("brk")
def brk(call, address: Pointer):
    start, now = int(call.task_record["brk_start"]), int(call.task_record["brk"])
    if address > now:
        try:
            check_space(call, _pages_up(address) - _pages_up(now), True)
            if address - start > limit_of(call.task, RLIMIT_DATA)[0]:
                return now
        except LinuxError:
            return now
    return _in_hot_code(call)


@served("mremap")
def mremap(call, address: Pointer, old_size: Size, new_size: Size, flags: Int32, target: Pointer):
    if new_size > old_size:
        check_space(call, _pages_up(new_size) - _pages_up(old_size), True)
    return _in_hot_code(call)
