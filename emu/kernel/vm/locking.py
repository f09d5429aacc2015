"""Memory that is locked: mlock(2). No page of a guest is ever taken away, so this counts, and touches the pages.

An area's LOCKED says it; TASK.locked counts the pages of such areas (RLIMIT_MEMLOCK, VmLck in /proc).  TASK.lock_future
is LOCKED where mappings to come are to be locked (mlockall).

Locks: map_lock and mm_lock, taken and released inside.
"""

from ...abi.errno import ENOMEM
from ...hot import entry
from ...limits import PAGE_SHIFT, PAGE_SIZE, USER_TOP
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.layout import machine_at
from ..critical import noncritical
from .areas import LOCKED, NEEDS_COPY, first_above
from .copy_on_write import ELSEWHERE, NO_MEMORY, make_private
from .faults import resolve
from .maplock import lock_map, lock_mm, unlock_map, unlock_mm
from .mapping import cut_ends, join_range
from .pagetable import RWX, SHARED, W


@entry(6)
def lock_region(address, me, task, start, end, locks):
    """Lock or unlock the pages of a range; 0, or -ENOMEM at a hole: what lies below it has changed."""
    m = machine_at(address)
    noncritical(m, me)
    t = m.tasks[task]
    flags = LOCKED if locks else 0
    lock_map(m, me, task)
    result = cut_ends(m, me, task, start, end)
    va = start
    while va < end and result == 0:
        a = first_above(m, t, va)
        if a < 0 or m.areas[a].start > va:
            result = -ENOMEM
            break
        area = m.areas[a]
        lock_mm(m, me, task)
        if area.flags & LOCKED != flags:
            t.locked += (1 if locks else -1) * ((area.end - area.start) >> PAGE_SHIFT)
            area.flags ^= LOCKED
        va = area.end
        unlock_mm(m, me, task)
    join_range(m, me, task, start, end)
    unlock_map(m, me, task)
    return result


@entry(4)
def lock_all(address, me, task, what):
    """Lock (bit 0) or unlock all that is mapped, and lock (bit 1) or not what will be."""
    m = machine_at(address)
    noncritical(m, me)
    t = m.tasks[task]
    lock_map(m, me, task)
    lock_mm(m, me, task)
    t.lock_future = LOCKED if what & 2 else 0
    a = first_above(m, t, 0)
    while a >= 0:
        area = m.areas[a]
        wanted = LOCKED if what & 1 else 0
        if area.flags & LOCKED != wanted:
            t.locked += (1 if wanted else -1) * ((area.end - area.start) >> PAGE_SHIFT)
            area.flags ^= LOCKED
        a = first_above(m, t, area.end)
    unlock_mm(m, me, task)
    join_range(m, me, task, 0, USER_TOP)
    unlock_map(m, me, task)
    return 0


@entry(5)
def touch(address, me, task, start, end):
    """Give the pages of a range their frames, those that may be stored to their own; where that ended."""
    m = machine_at(address)
    noncritical(m, me)
    va = start
    while va < end:
        lock_mm(m, me, task)
        a = first_above(m, m.tasks[task], va)
        found = 0
        if a >= 0 and m.areas[a].flags & RWX == 0:
            va = max(va, m.areas[a].end - PAGE_SIZE)  # nobody may touch these
        elif a >= 0 and m.areas[a].start <= va:
            area = m.areas[a]
            stores = area.flags & W != 0 and area.flags & (SHARED | NEEDS_COPY) != SHARED
            found = resolve(m, me, task, va, ACCESS_WRITE if stores else ACCESS_READ)
        unlock_mm(m, me, task)
        if found == ELSEWHERE and make_private(m, me, task, va):
            continue
        if found == NO_MEMORY:
            break
        va += PAGE_SIZE
    return va
