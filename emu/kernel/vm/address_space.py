"""A task's address space: mapping, unmapping, protecting, and brk (cz-12).

Every change of what is mapped holds the task's map_lock from its first look to its end, so other changes see it as one
step (maplock.py); mapping.py has the steps.  Another thread that touches the range meanwhile finds each page as it was
or as it will be.  A change takes the records that it needs before it changes anything: it is done whole, or returns
-ENOMEM and has changed nothing.  (mprotect stops at a hole, as Linux's does: what lies below it is changed then.)

Memory is allocated when it is first touched (faults.py).  Errors are negative Linux numbers.
Locks: map_lock and mm_lock, taken and released inside; no other lock may be held on entry.
"""

from ...abi.errno import EACCES, EEXIST, EINVAL, ENOMEM
from ...abi.mman import PROT_EXEC, PROT_READ, PROT_WRITE
from ...hot import entry, hot, never_inline
from ...limits import PAGE_SIZE, USER_TOP
from ...shm.layout import machine_at
from ...shm.tags import TAG_TABLE
from ..critical import either, noncritical
from .areas import NEEDS_COPY, NEVER_WRITE, area_at, first_above, last_below, page_of
from .frames import allocate_frame, drop_frame
from .maplock import lock_map, lock_mm, unlock_map, unlock_mm
from .mapping import clear_range, cut_ends, edit_locked, edit_pages, forget_areas, join_range, owns_pages, put_area
from .objects import OBJECT_FILE, drop_object, hold_object, lowest
from .pagetable import EDIT_DROP, EDIT_PROTECT, RWX, SHARED, R, W, X
from .shootdown import shoot_down_task

MAP_TOP = USER_TOP - (64 << 20)  # mappings are placed below this; stack and trampoline are above
MAP_BOTTOM = 1 << 16
LENT, DESTROYED = -1, -2  # TASK.root of a task without page tables: another has them (lending.py), or nobody


@hot
def create_space(m, me, task):
    """Give a task an empty address space; 0 or -ENOMEM."""
    t = m.tasks[task]
    root = allocate_frame(m, me, TAG_TABLE)
    if root < 0:
        return -ENOMEM
    t.root = root
    t.lender = -1
    t.areas = 0
    t.nr_areas = 0
    t.area_hint = 0
    t.map_cursor = MAP_TOP
    t.brk_start = 0
    t.brk = 0
    t.resident = 0
    t.locked = 0
    t.lock_future = 0
    return 0


@hot
def destroy_space(m, me, task):
    """Free everything a task had mapped, if it has an address space. None of its threads uses it any more."""
    noncritical(m, me)
    t = m.tasks[task]
    lock_map(m, me, task)
    root = t.root
    if root >= 0:
        forget_areas(m, me, task, 0, USER_TOP, False)  # first: the system server may still look at it
        edit_pages(m, me, task, 0, USER_TOP, EDIT_DROP, 0)
    lock_mm(m, me, task)
    t.root = DESTROYED  # what was lent is the borrower's from now on
    unlock_mm(m, me, task)
    unlock_map(m, me, task)
    if root >= 0:
        drop_frame(m, me, root)
    elif root == LENT:
        shoot_down_task(m, me, task)  # TLBs may hold what was its own before the loan; the record will be used again


@hot
def permissions(prot):
    """Flags for PROT_* bits; writable implies readable, as in the specification."""
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


# --- the calls --------------------------------------------------------------------


@hot
def map_pages(m, me, task, start, length, flags, object, first):
    """Map [start, start + length) afresh, replacing what was there; 0 or -ENOMEM. `object`, `first`: see put_area."""
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    result = put_area(m, me, task, start, start + length, flags, object, first)
    unlock_map(m, me, task)
    return result


@hot
def map_free_pages(m, me, task, start, length, flags, object, first):
    """Map [start, start + length) if nothing is mapped there; 0, -EEXIST or -ENOMEM."""
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    result = -EEXIST
    if is_free(m, me, task, start, length):
        result = put_area(m, me, task, start, start + length, flags, object, first)
    unlock_map(m, me, task)
    return result


@hot
def place_pages(m, me, task, hint, length, flags, object, first):
    """Map `length` bytes at the hint if that is free, else where there is room; the address."""
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    start = find_place(m, me, task, hint, length)
    result = put_area(m, me, task, start, start + length, flags, object, first) if start > 0 else -ENOMEM
    unlock_map(m, me, task)
    return start if result >= 0 else -ENOMEM


@hot
def find_place(m, me, task, hint, length):
    """Where `length` bytes are free: at the hint, else somewhere; 0 when nowhere. map_lock held."""
    never_inline()
    either(m, me)
    if hint == 0 or not is_free(m, me, task, hint, length):
        return _find_gap(m, m.tasks[task], length)
    return hint


@hot
def unmap_pages(m, me, task, start, length):
    """Unmap a range; pages that are not mapped are no error (munmap)."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    lock_map(m, me, task)
    result = clear_range(m, me, task, start, start + length)
    if result >= 0 and start == t.map_cursor:
        t.map_cursor = start + length  # the mapping placed last is unmapped: use its room again
    unlock_map(m, me, task)
    return result


@hot
def protect_pages(m, me, task, start, length, flags):
    """Change the rights of pages (mprotect).

    -ENOMEM at a hole, -EACCES at an area that may never be stored to: what lies below is changed.
    """
    never_inline()
    noncritical(m, me)
    end = start + length
    t = m.tasks[task]
    lock_map(m, me, task)
    result = cut_ends(m, me, task, start, end)
    va = start
    while va < end and result == 0:
        a = first_above(m, t, va)
        if a < 0 or m.areas[a].start > va:
            result = -ENOMEM
        elif flags & W != 0 and m.areas[a].flags & NEVER_WRITE != 0:
            result = -EACCES
        else:
            lock_mm(m, me, task)
            m.areas[a].flags = (m.areas[a].flags & ~RWX) | flags
            va = m.areas[a].end
            unlock_mm(m, me, task)
    edit_pages(m, me, task, start, va, EDIT_PROTECT, flags)
    shoot_down_task(m, me, task)
    join_range(m, me, task, start, end)
    unlock_map(m, me, task)
    return result


@hot
def discard_pages(m, me, task, start, length):
    """Forget what private pages hold: they read as zeroes, or as their file (MADV_DONTNEED). -ENOMEM at a hole."""
    never_inline()
    noncritical(m, me)
    end = start + length
    t = m.tasks[task]
    lock_map(m, me, task)
    result = 0
    va = start
    while va < end:
        a = first_above(m, t, va)
        if a < 0 or m.areas[a].start >= end:
            result = -ENOMEM
            break
        if m.areas[a].start > va:
            result = -ENOMEM
            va = m.areas[a].start
        stop = min(end, m.areas[a].end)
        error = _discard(m, me, task, a, va, stop)
        if error < 0:
            result = error
            break
        va = stop
    unlock_map(m, me, task)
    return result


@hot
def _discard(m, me, task, a, va, stop):
    """discard_pages for a part of one area; 0 or -ENOMEM."""
    never_inline()
    area = m.areas[a]
    if area.object == 0:
        return 0
    o = area.object - 1
    if area.flags & SHARED or m.objects[o].kind == OBJECT_FILE:  # the object keeps them: only this task's entries go
        edit_pages(m, me, task, va, stop, EDIT_DROP, 0)
        return 0
    bottom = lowest(m, me, o)
    if bottom == o and owns_pages(area):
        lock_mm(m, me, task)
        edit_locked(m, me, task, va, stop, EDIT_DROP, 0, o, page_of(area, va))
        return 0
    # What others see too, or what lies below, cannot be taken out: the part begins anew, over its file or nothing.
    flags, first = area.flags & ~NEEDS_COPY, 0
    if m.objects[bottom].kind == OBJECT_FILE:
        hold_object(m, me, bottom)
        flags, first = flags | NEEDS_COPY, page_of(area, va)
    else:
        bottom = -1
    error = put_area(m, me, task, va, stop, flags, bottom, first)
    if error < 0 and bottom >= 0:
        drop_object(m, me, bottom)
    return error


@hot
def is_mapped(m, me, task, start, length):
    """True when every page of the range is mapped."""
    never_inline()
    either(m, me)
    t = m.tasks[task]
    lock_mm(m, me, task)
    va = start
    while va < start + length:
        a = area_at(m, t, va)
        if a < 0:
            break
        va = m.areas[a].end
    unlock_mm(m, me, task)
    return va >= start + length


@hot
def is_free(m, me, task, start, length):
    """True when no page of the range is mapped."""
    never_inline()
    either(m, me)
    t = m.tasks[task]
    lock_mm(m, me, task)
    a = last_below(m, t, start + length)
    free = a < 0 or m.areas[a].end <= start
    unlock_mm(m, me, task)
    return free


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
            result = clear_range(m, me, task, new_end, old_end)
        elif not is_free(m, me, task, old_end, new_end - old_end):
            result = -ENOMEM
        elif new_end > old_end:
            result = put_area(m, me, task, old_end, new_end, R | W, -1, 0)
        if result >= 0:
            t.brk = wanted
    old = t.brk
    unlock_map(m, me, task)
    return old


@hot
def _find_gap(m, t, length):
    """Room for length bytes below the cursor, else anywhere; 0 when there is none. map_lock held."""
    for attempt in range(2):
        end = t.map_cursor if attempt == 0 else MAP_TOP
        while end - length >= MAP_BOTTOM:
            a = last_below(m, t, end)
            if a < 0 or m.areas[a].end <= end - length:
                t.map_cursor = end - length
                return end - length
            end = m.areas[a].start
    return 0


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
    return map_pages(machine_at(address), me, task, start, length, permissions(prot), -1, 0)


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
