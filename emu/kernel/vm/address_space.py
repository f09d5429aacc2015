"""A task's address space: mapping, unmapping, protecting, and what a page fault does.

Every operation takes the task's mm_lock, edits the page tables, releases it, shoots
down the TLBs that may hold what was taken away, and only then drops the frames.
Memory is allocated when it is first touched.  Errors are negative Linux numbers.
Lock: mm_lock, taken and released inside; no other lock may be held on entry.
"""

from ...hot import entry, hot, never_inline
from ...limits import PAGE_SIZE, USER_TOP
from ...shm import lockrank
from ...shm.atomics import fetch_add, load_seq_cst
from ...shm.exits import ACCESS_FETCH, ACCESS_WRITE
from ...shm.layout import frame_address, machine_at
from ...shm.memory import store_64
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_PAGE, TAG_TABLE
from ..errno import EINVAL, ENOMEM
from .frames import allocate_frame, drop_frame
from .pagetable import (
    EDIT_DISCARD,
    EDIT_MAP,
    EDIT_PROTECT,
    EDIT_UNMAP,
    RESIDENT,
    RWX,
    SHARED,
    R,
    V,
    W,
    X,
    edit_range,
    frame_in,
    has_frame,
    highest_mapped,
    leaf_slot,
    lookup,
    put_frame,
)
from .shootdown import shoot_down

MAP_TOP = USER_TOP - (64 << 20)  # mappings are placed below; stack and trampoline are above
MAP_BOTTOM = 1 << 16
PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4


@hot
def lock_mm(m, me, task):
    acquire(m, me, field_address(m.tasks[task], "mm_lock"), lockrank.MM)


@hot
def unlock_mm(m, me, task):
    release(m, me, field_address(m.tasks[task], "mm_lock"))


@hot
def create_space(m, me, task):
    """Give a task an empty address space; 0 or -ENOMEM."""
    t = m.tasks[task]
    root = allocate_frame(m, me, TAG_TABLE)
    if root < 0:
        return -ENOMEM
    t.root = root
    t.map_cursor = MAP_TOP
    t.brk_start = 0
    t.brk = 0
    t.resident = 0
    return 0


@hot
def destroy_space(m, me, task):
    """Free everything a task had mapped. None of its threads exists any more."""
    t = m.tasks[task]
    lock_mm(m, me, task)
    _, chain = edit_range(m, me, t.root, 0, USER_TOP, EDIT_UNMAP, 0, -1)
    root = t.root
    t.root = -1
    unlock_mm(m, me, task)
    shoot_down(m, me, load_seq_cst(t, "cpus"))
    _drop_chain(m, me, chain)
    drop_frame(m, me, root)


@hot
def permissions(prot):
    """Page-table flags for PROT_* bits; writable implies readable, as in the specification."""
    flags = 0
    if prot & PROT_READ:
        flags |= R
    if prot & PROT_WRITE:
        flags |= R | W
    if prot & PROT_EXEC:
        flags |= X | R
    return flags


@hot
def round_up(size):
    return (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1)


@hot
def in_user_space(start, length):
    return start >= 0 and length >= 0 and length <= USER_TOP and start <= USER_TOP - length


@hot
def map_pages(m, me, task, start, length, flags):
    """Map [start, start + length) afresh, replacing what was there; 0 or an error."""
    never_inline()
    t = m.tasks[task]
    lock_mm(m, me, task)
    _, chain = edit_range(m, me, t.root, start, start + length, EDIT_UNMAP, 0, -1)
    result, chain = edit_range(m, me, t.root, start, start + length, EDIT_MAP, flags, chain)
    unlock_mm(m, me, task)
    _release_chain(m, me, task, chain)
    return -ENOMEM if result < 0 else 0


@hot
def place_pages(m, me, task, hint, length, flags):
    """Map `length` bytes at the hint if that is free, else where there is room; the address."""
    never_inline()
    t = m.tasks[task]
    lock_mm(m, me, task)
    start = hint
    if hint == 0 or highest_mapped(m, t.root, hint, hint + length) >= 0:
        start = _find_gap(m, t, length)
    result = -1
    if start > 0:
        result, _ = edit_range(m, me, t.root, start, start + length, EDIT_MAP, flags, -1)
    unlock_mm(m, me, task)
    return start if result >= 0 else -ENOMEM


@hot
def unmap_pages(m, me, task, start, length):
    """Unmap a range; pages that are not mapped are no error (munmap)."""
    never_inline()
    t = m.tasks[task]
    lock_mm(m, me, task)
    result, chain = edit_range(m, me, t.root, start, start + length, EDIT_UNMAP, 0, -1)
    if result >= 0 and start == t.map_cursor:
        t.map_cursor = start + length  # the last one placed goes first: use its room again
    unlock_mm(m, me, task)
    _release_chain(m, me, task, chain)
    return -ENOMEM if result < 0 else 0


@hot
def protect_pages(m, me, task, start, length, flags):
    """Change permissions; -ENOMEM when a page is not mapped (mprotect)."""
    never_inline()
    t = m.tasks[task]
    lock_mm(m, me, task)
    result, _ = edit_range(m, me, t.root, start, start + length, EDIT_PROTECT, flags, -1)
    unlock_mm(m, me, task)
    shoot_down(m, me, load_seq_cst(t, "cpus"))
    return 0 if result == 0 else -ENOMEM


@hot
def discard_pages(m, me, task, start, length):
    """Give private frames back; the pages read as zeroes again (MADV_DONTNEED)."""
    never_inline()
    t = m.tasks[task]
    lock_mm(m, me, task)
    result, chain = edit_range(m, me, t.root, start, start + length, EDIT_DISCARD, 0, -1)
    unlock_mm(m, me, task)
    _release_chain(m, me, task, chain)
    return 0 if result == 0 else -ENOMEM


@hot
def move_pages(m, me, task, old, new, length):
    """Move mapped pages to an unmapped range of the same length (mremap); 0 or an error."""
    never_inline()
    t = m.tasks[task]
    lock_mm(m, me, task)
    result = 0
    for offset in range(0, length, PAGE_SIZE):
        entry = lookup(m, t.root, old + offset)
        target = leaf_slot(m, me, t.root, new + offset)
        if entry == 0 or target == 0:
            result = -ENOMEM
            break
        if has_frame(entry):
            put_frame(m, me, t.root, new + offset, frame_in(entry), entry & (RWX | SHARED))
            store_64(leaf_slot(m, me, t.root, old + offset), entry & ~(V | RESIDENT | RWX) & 1023)
        else:
            edit_range(
                m, me, t.root, new + offset, new + offset + PAGE_SIZE, EDIT_MAP,
                entry & (RWX | SHARED), -1,
            )  # fmt: skip
    if result == 0:
        edit_range(m, me, t.root, old, old + length, EDIT_UNMAP, 0, -1)
    unlock_mm(m, me, task)
    shoot_down(m, me, load_seq_cst(t, "cpus"))
    return result


@hot
def is_mapped(m, me, task, start, length):
    """True when every page of the range is mapped."""
    never_inline()
    t = m.tasks[task]
    lock_mm(m, me, task)
    va = start
    while va < start + length and lookup(m, t.root, va) != 0:
        va += PAGE_SIZE
    unlock_mm(m, me, task)
    return va >= start + length


@hot
def is_free(m, me, task, start, length):
    """True when no page of the range is mapped."""
    never_inline()
    t = m.tasks[task]
    lock_mm(m, me, task)
    found = highest_mapped(m, t.root, start, start + length)
    unlock_mm(m, me, task)
    return found < 0


@hot
def resolve(m, me, task, va, access):
    """The leaf entry for an access, the frame allocated if need be; mm_lock held.

    0: the access is not allowed; -1: guest memory is used up.
    """
    never_inline()
    if va < 0 or va >= USER_TOP:
        return 0
    root = m.tasks[task].root
    entry = lookup(m, root, va)
    wanted = W if access == ACCESS_WRITE else X if access == ACCESS_FETCH else R
    if entry & wanted == 0 or has_frame(entry):
        return entry if entry & wanted else 0
    frame = allocate_frame(m, me, TAG_PAGE)
    if frame < 0:
        return -1
    if put_frame(m, me, root, va, frame, entry & (RWX | SHARED)) < 0:
        drop_frame(m, me, frame)
        return -1
    fetch_add(m.tasks[task], "resident", 1)
    m.cpus[me].page_faults += 1
    return lookup(m, root, va)


@hot
def user_address(m, me, task, va, access):
    """Host address of a guest byte, 0 when the access is not allowed."""
    never_inline()
    lock_mm(m, me, task)
    entry = resolve(m, me, task, va, access)
    unlock_mm(m, me, task)
    if entry <= 0:
        return 0
    return frame_address(m, frame_in(entry)) + (va & (PAGE_SIZE - 1))


@hot
def set_break(m, me, task, wanted):
    """brk: the new break, or the old one when it cannot be moved there."""
    never_inline()
    t = m.tasks[task]
    old = t.brk
    if wanted < t.brk_start or wanted >= MAP_TOP:
        return old
    old_end = round_up(old)
    new_end = round_up(wanted)
    if new_end > old_end:
        if not is_free(m, me, task, old_end, new_end - old_end):
            return old
        if map_pages(m, me, task, old_end, new_end - old_end, R | W) < 0:
            return old
    elif new_end < old_end:
        unmap_pages(m, me, task, new_end, old_end - new_end)
    t.brk = wanted
    return wanted


@hot
def _find_gap(m, t, length):
    """Room for length bytes below the cursor, else anywhere; 0 when there is none."""
    for attempt in range(2):
        end = t.map_cursor if attempt == 0 else MAP_TOP
        while end - length >= MAP_BOTTOM:
            found = highest_mapped(m, t.root, end - length, end)
            if found < 0:
                t.map_cursor = end - length
                return end - length
            end = _bottom_of(m, t, found)
    return 0


@hot
def _bottom_of(m, t, end):
    """The start of the mapped stretch that ends at `end`."""
    va = end - PAGE_SIZE
    while va - PAGE_SIZE >= MAP_BOTTOM and lookup(m, t.root, va - PAGE_SIZE) != 0:
        va -= PAGE_SIZE
    return va


@hot
def _release_chain(m, me, task, chain):
    """Shoot down and then drop the frames that an edit took out."""
    if chain >= 0:
        shoot_down(m, me, load_seq_cst(m.tasks[task], "cpus"))
        fetch_add(m.tasks[task], "resident", -_drop_chain(m, me, chain))


@hot
def _drop_chain(m, me, chain):
    """Drop a chain of frames; how many there were."""
    count = 0
    while chain >= 0:
        following = m.frames[chain].link
        drop_frame(m, me, chain)
        chain = following
        count += 1
    return count


@hot
def bad_range(start, length):
    """-EINVAL for a misaligned or impossible range, else 0."""
    if start & (PAGE_SIZE - 1) != 0 or not in_user_space(start, length):
        return -EINVAL
    return 0


# --- cold forms, for the loader and the system server ---------------------------


@entry(6)
def map_region(address, me, task, start, length, prot):
    """Map [start, start + length) with PROT_* bits, replacing what was there; 0 or an error."""
    return map_pages(machine_at(address), me, task, start, length, permissions(prot))


@entry(6)
def protect_region(address, me, task, start, length, prot):
    """Change the permissions of mapped pages; 0 or -ENOMEM."""
    return protect_pages(machine_at(address), me, task, start, length, permissions(prot))


@entry(4)
def covers(address, me, task, va):
    """1 when the page of va is mapped, with whatever permissions."""
    if va < 0 or va >= USER_TOP:
        return 0
    page = va & ~(PAGE_SIZE - 1)
    return 1 if is_mapped(machine_at(address), me, task, page, PAGE_SIZE) else 0


@entry(6)
def map_frame(address, me, task, va, frame, prot):
    """Map a frame that others may map too; the caller's reference goes over. 0 or -ENOMEM."""
    m = machine_at(address)
    lock_mm(m, me, task)
    error = put_frame(m, me, m.tasks[task].root, va, frame, permissions(prot) | SHARED)
    if error == 0:
        fetch_add(m.tasks[task], "resident", 1)
    unlock_mm(m, me, task)
    return -ENOMEM if error < 0 else 0
