"""brk, mmap of anonymous memory, munmap, mprotect, mremap, madvise (mman(2) pages)."""

from ...abi.errno import EFAULT, EINVAL, ENOMEM
from ...abi.mman import (
    MADV_DONTNEED,
    MADV_FREE,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_TYPE,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
)
from ...abi.registers import A0
from ...abi.syscall_numbers import NUMBERS
from ...hot import entry, hot, never_inline
from ...limits import PAGE_SIZE, USER_TOP
from ...shm.layout import machine_at
from ..vm.address_space import (
    MAP_BOTTOM,
    bad_range,
    discard_pages,
    is_mapped,
    map_free_pages,
    map_pages,
    permissions,
    place_pages,
    protect_pages,
    round_up,
    set_break,
    unmap_pages,
)
from ..vm.areas import NEEDS_COPY, NEVER_WRITE
from ..vm.moving import remap
from ..vm.objects import drop_object, hold_object
from ..vm.pagetable import SHARED

BRK, MREMAP = NUMBERS["brk"], NUMBERS["mremap"]


@hot
def sys_brk(m, me, i):
    t = m.threads[i]
    return set_break(m, me, t.task, t.x[A0])


@hot
def place_mapping(m, me, task, address, length, prot, flags, object, first):
    """Choose where mmap puts a mapping, and map it; the address or a negative error.

    `object`: of a file, whose page `first` is mapped at the address, with one more reference; -1: new memory.
    `prot` may have NEVER_WRITE set.
    """
    never_inline()
    kind = flags & MAP_TYPE
    if length == 0 or kind < MAP_SHARED or kind > MAP_SHARED_VALIDATE:
        return -EINVAL
    if length < 0 or length > USER_TOP:
        return -ENOMEM
    length = round_up(length)
    bits = permissions(prot) | m.tasks[task].lock_future
    if kind != MAP_PRIVATE:
        bits |= SHARED | (prot & NEVER_WRITE)
    elif object >= 0:
        bits |= NEEDS_COPY
    if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE):
        if address & (PAGE_SIZE - 1):
            return -EINVAL
        if address < MAP_BOTTOM or bad_range(address, length) < 0:
            return -ENOMEM
        if flags & MAP_FIXED_NOREPLACE:
            error = map_free_pages(m, me, task, address, length, bits, object, first)
        else:
            error = map_pages(m, me, task, address, length, bits, object, first)
        return error if error < 0 else address
    hint = address & ~(PAGE_SIZE - 1)
    if hint < MAP_BOTTOM or hint > USER_TOP - length:
        hint = 0
    return place_pages(m, me, task, hint, length, bits, object, first)


@hot
def sys_mmap(m, me, i):
    t = m.threads[i]
    x = t.x
    if x[A0 + 5] & (PAGE_SIZE - 1):  # the offset has to be aligned, though there is no file
        return -EINVAL
    return place_mapping(m, me, t.task, x[A0], x[A0 + 1], x[A0 + 2], x[A0 + 3], -1, 0)


@hot
def sys_munmap(m, me, i):
    t = m.threads[i]
    start, length = t.x[A0], t.x[A0 + 1]
    if length <= 0 or bad_range(start, length) < 0:
        return -EINVAL
    return unmap_pages(m, me, t.task, start, round_up(length))


@hot
def sys_mprotect(m, me, i):
    t = m.threads[i]
    start, length, prot = t.x[A0], t.x[A0 + 1], t.x[A0 + 2]
    if start & (PAGE_SIZE - 1) or prot & ~7:
        return -EINVAL
    if length == 0:
        return 0
    if bad_range(start, length) < 0:
        return -ENOMEM
    return protect_pages(m, me, t.task, start, round_up(length), permissions(prot))


@hot
def sys_madvise(m, me, i):
    t = m.threads[i]
    start, length, advice = t.x[A0], t.x[A0 + 1], t.x[A0 + 2]
    if start & (PAGE_SIZE - 1) or length < 0 or advice < 0 or advice > 25:
        return -EINVAL
    if length == 0:
        return 0
    if bad_range(start, length) < 0:
        return -ENOMEM
    length = round_up(length)
    if advice == MADV_DONTNEED or advice == MADV_FREE:
        return discard_pages(m, me, t.task, start, length)
    return 0 if is_mapped(m, me, t.task, start, length) else -ENOMEM


@hot
def sys_mremap(m, me, i):
    never_inline()
    t = m.threads[i]
    old, old_size, new_size = t.x[A0], t.x[A0 + 1], t.x[A0 + 2]
    flags, wanted = t.x[A0 + 3], t.x[A0 + 4]
    if old & (PAGE_SIZE - 1) or new_size <= 0 or old_size <= 0 or flags & ~3:
        return -EINVAL
    if flags & MREMAP_FIXED and flags & MREMAP_MAYMOVE == 0:
        return -EINVAL
    if bad_range(0, new_size) < 0:
        return -EINVAL
    if bad_range(old, old_size) < 0:
        return -EFAULT
    old_size = round_up(old_size)
    new_size = round_up(new_size)
    target = -1
    if flags & MREMAP_FIXED:
        target = wanted
        if wanted & (PAGE_SIZE - 1) or bad_range(wanted, new_size) < 0 or wanted < MAP_BOTTOM:
            return -EINVAL
        if wanted < old + old_size and old < wanted + new_size:
            return -EINVAL
    return remap(m, me, t.task, old, old_size, new_size, flags & MREMAP_MAYMOVE, target)


@entry(9)
def place_file(base, me, task, address, length, prot, flags, object, first):
    """Cold form of place_mapping, for pages of a file."""
    m = machine_at(base)
    hold_object(m, me, object)
    result = place_mapping(m, me, task, address, length, prot, flags, object, first)
    if result < 0:
        drop_object(m, me, object)
    return result


@entry(7)
def place(base, me, task, address, length, prot, flags):
    """Cold form of place_mapping, for new memory."""
    return place_mapping(machine_at(base), me, task, address, length, prot, flags, -1, 0)


@entry(4)
def memory_call(base, me, i, number):
    """What hot code answers to brk, mmap of anonymous memory or mremap of thread i."""
    m = machine_at(base)
    if number == BRK:
        return sys_brk(m, me, i)
    return sys_mremap(m, me, i) if number == MREMAP else sys_mmap(m, me, i)
