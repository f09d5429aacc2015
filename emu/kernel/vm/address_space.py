"""A task's address space: mapping, unmapping, protecting, and what a page fault does.

Every change of what is mapped holds the task's map_lock from its first look to its end, so
other changes see it as one step (maplock.py).  It edits the page tables in bounded stretches
under mm_lock; after each stretch it shoots down the TLBs that may hold what was taken away,
and only then drops the frames (gathering.py).  Another thread that touches the range
meanwhile finds each page as it was or as it will be.  An edit takes the memory that it needs
before it changes anything: it is done whole, or returns -ENOMEM and has changed nothing.

Memory is allocated when it is first touched.  Errors are negative Linux numbers.
Locks: map_lock and mm_lock, taken and released inside; no other lock may be held on entry.
"""

from ...abi.errno import EEXIST, EINVAL, ENOMEM
from ...abi.mman import PROT_EXEC, PROT_READ, PROT_WRITE
from ...hot import entry, hot, never_inline
from ...limits import PAGE_SIZE, USER_TOP
from ...shm import lockrank
from ...shm.layout import machine_at
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_TABLE
from ..critical import either, noncritical
from .frames import allocate_frame, drop_frame
from .gathering import release_gathered
from .maplock import lock_map, unlock_map
from .pagetable import (
    EDIT_DISCARD,
    EDIT_MAP,
    EDIT_PROTECT,
    EDIT_UNMAP,
    R,
    W,
    X,
    covering,
    cut_ends,
    edit_range,
    highest_mapped,
    span_bytes,
)
from .shootdown import answer_shootdowns, shoot_down_task

MAP_TOP = USER_TOP - (64 << 20)  # mappings are placed below this; stack and trampoline are above
MAP_BOTTOM = 1 << 16
LENT, DESTROYED = -1, -2  # TASK.root of a task without page tables: another has them (lending.py), or nobody


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
    t.lender = -1
    t.map_cursor = MAP_TOP
    t.brk_start = 0
    t.brk = 0
    t.resident = 0
    return 0


@hot
def destroy_space(m, me, task):
    """Free everything a task had mapped, if it has an address space. None of its threads uses it any more."""
    noncritical(m, me)
    t = m.tasks[task]
    lock_map(m, me, task)
    root = t.root
    if root >= 0:
        edit_pages(m, me, task, 0, USER_TOP, EDIT_UNMAP, 0)
    lock_mm(m, me, task)
    t.root = DESTROYED  # what was lent is the borrower's from now on
    unlock_mm(m, me, task)
    unlock_map(m, me, task)
    if root >= 0:
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
    """A size of at most USER_TOP in whole pages. Callers refuse larger ones, for which the sum may overflow."""
    return (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1)


@hot
def in_user_space(start, length):
    return start >= 0 and length >= 0 and length <= USER_TOP and start <= USER_TOP - length


@hot
def edit_pages(m, me, task, start, end, edit, flags):
    """Apply an edit of pagetable.py to a range, map_lock held, in bounded stretches.

    Returns the number of bytes that were not mapped, or -ENOMEM when nothing was changed.
    """
    either(m, me)
    lock_mm(m, me, task)
    return _edit_locked(m, me, task, start, end, edit, flags)


@hot
def _edit_locked(m, me, task, start, end, edit, flags):
    """edit_pages, with mm_lock held on entry and not on return."""
    never_inline()
    root = m.tasks[task].root
    short = not cut_ends(m, me, root, start, end, edit == EDIT_MAP)
    va = start
    holes = 0
    while va < end and not short:
        va, unmapped = edit_range(m, me, root, va, end, edit, flags)
        holes += unmapped
        if va < end:
            unlock_mm(m, me, task)
            release_gathered(m, me, task)
            if me < m.nr_cpus:
                answer_shootdowns(m, me)  # so that others need not wait for the whole range
            lock_mm(m, me, task)
    unlock_mm(m, me, task)
    if m.cpus[me].nr_gathered != 0:
        release_gathered(m, me, task)
    return -ENOMEM if short else holes


@hot
def map_pages(m, me, task, start, length, flags):
    """Map [start, start + length) afresh, replacing what was there; 0 or an error."""
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    result = edit_pages(m, me, task, start, start + length, EDIT_MAP, flags)
    unlock_map(m, me, task)
    return min(result, 0)


@hot
def map_free_pages(m, me, task, start, length, flags):
    """Map [start, start + length) if nothing is mapped there; 0, -EEXIST or -ENOMEM."""
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    result = -EEXIST
    if is_free(m, me, task, start, length):
        result = edit_pages(m, me, task, start, start + length, EDIT_MAP, flags)
    unlock_map(m, me, task)
    return min(result, 0)


@hot
def place_pages(m, me, task, hint, length, flags):
    """Map `length` bytes at the hint if that is free, else where there is room; the address."""
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    lock_mm(m, me, task)
    start = _find_place(m, m.tasks[task], hint, length)
    if start > 0:
        result = _edit_locked(m, me, task, start, start + length, EDIT_MAP, flags)
    else:
        result = -ENOMEM
        unlock_mm(m, me, task)
    unlock_map(m, me, task)
    return start if result >= 0 else -ENOMEM


@hot
def find_place(m, me, task, hint, length):
    """Where `length` bytes are free: at the hint, else somewhere; 0 when nowhere. map_lock held."""
    either(m, me)
    lock_mm(m, me, task)
    start = _find_place(m, m.tasks[task], hint, length)
    unlock_mm(m, me, task)
    return start


@hot
def _find_place(m, t, hint, length):
    """find_place, mm_lock held too."""
    never_inline()
    if hint == 0 or highest_mapped(m, t.root, hint, hint + length) >= 0:
        return _find_gap(m, t, length)
    return hint


@hot
def unmap_pages(m, me, task, start, length):
    """Unmap a range; pages that are not mapped are no error (munmap)."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    lock_map(m, me, task)
    result = edit_pages(m, me, task, start, start + length, EDIT_UNMAP, 0)
    if result >= 0 and start == t.map_cursor:
        t.map_cursor = start + length  # the mapping placed last is unmapped: use its room again
    unlock_map(m, me, task)
    return min(result, 0)


@hot
def protect_pages(m, me, task, start, length, flags):
    """Change permissions; -ENOMEM when a page is not mapped (mprotect)."""
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    result = edit_pages(m, me, task, start, start + length, EDIT_PROTECT, flags)
    shoot_down_task(m, me, task)
    unlock_map(m, me, task)
    return 0 if result == 0 else -ENOMEM


@hot
def discard_pages(m, me, task, start, length):
    """Give private frames back; the pages read as zeroes again (MADV_DONTNEED)."""
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    result = edit_pages(m, me, task, start, start + length, EDIT_DISCARD, 0)
    unlock_map(m, me, task)
    return 0 if result == 0 else -ENOMEM


@hot
def is_mapped(m, me, task, start, length):
    """True when every page of the range is mapped."""
    never_inline()
    either(m, me)
    lock_mm(m, me, task)
    va = start
    while va < start + length:
        word, level = covering(m, m.tasks[task].root, va)
        if word == 0:
            break
        va = (va & ~(span_bytes(level) - 1)) + span_bytes(level)
    unlock_mm(m, me, task)
    return va >= start + length


@hot
def is_free(m, me, task, start, length):
    """True when no page of the range is mapped."""
    never_inline()
    either(m, me)
    lock_mm(m, me, task)
    found = highest_mapped(m, m.tasks[task].root, start, start + length)
    unlock_mm(m, me, task)
    return found < 0


@hot
def set_break(m, me, task, wanted):
    """brk: the new break, or the old one when it cannot be moved there."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    lock_map(m, me, task)
    old = t.brk
    if wanted >= t.brk_start and wanted < MAP_TOP:
        old_end = round_up(old)
        new_end = round_up(wanted)
        result = 0
        if new_end < old_end:
            result = edit_pages(m, me, task, new_end, old_end, EDIT_UNMAP, 0)
        elif not is_free(m, me, task, old_end, new_end - old_end):
            result = -ENOMEM
        elif new_end > old_end:
            result = edit_pages(m, me, task, old_end, new_end, EDIT_MAP, R | W)
        if result >= 0:
            t.brk = wanted
    old = t.brk
    unlock_map(m, me, task)
    return old


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
    va = end
    while va > MAP_BOTTOM:
        word, level = covering(m, t.root, va - 1)
        if word == 0:
            break
        va = (va - 1) & ~(span_bytes(level) - 1)
    return va


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


@entry(5)
def unmap_region(address, me, task, start, length):
    """Unmap a range; 0 or -ENOMEM."""
    return unmap_pages(machine_at(address), me, task, start, length)


@entry(4)
def covers(address, me, task, va):
    """1 when the page of va is mapped, with whatever permissions."""
    if va < 0 or va >= USER_TOP:
        return 0
    page = va & ~(PAGE_SIZE - 1)
    return 1 if is_mapped(machine_at(address), me, task, page, PAGE_SIZE) else 0
