"""fork's half of memory: the child gets areas over the same objects, and no page tables yet (cz-9, cz-11).

Both areas of a private object are marked NEEDS_COPY, and D is taken out of the parent's page-table entries, so that
whoever stores first gets an object of its own (objects.py).  What is SHARED stays one object of both, whether
its pages have been touched or not.  The child finds each page when it touches it (faults.py).

The parent's map_lock is held throughout, so what is mapped does not change.  What its other threads store through their
TLBs before the shoot-down at the end goes to pages that the child has too: the child sees it or does not, as if it had
been forked a moment later.  No CPU runs the child before the shoot-down is over.  Nobody else knows the child's
areas yet, so its mm_lock is not taken.
"""

from ...abi.errno import ENOMEM
from ...hot import hot, never_inline
from ..critical import noncritical
from .areas import LOCKED, NEEDS_COPY, first_above, insert_area, new_area
from .maplock import lock_map, lock_mm, unlock_map, unlock_mm
from .mapping import edit_pages
from .objects import hold_object
from .pagetable import EDIT_FREEZE, SHARED
from .shootdown import shoot_down_task


@hot
def copy_space(m, me, parent, child):
    """Give a new task's empty address space what another has; 0, or -ENOMEM: the child then has a part of it."""
    never_inline()
    noncritical(m, me)
    p, c = m.tasks[parent], m.tasks[child]
    lock_map(m, me, parent)
    c.map_cursor = p.map_cursor
    c.brk_start = p.brk_start
    c.brk = p.brk
    frozen = False
    va = 0
    a = first_above(m, p, va)
    while a >= 0:
        area = m.areas[a]
        copy = new_area(m, me, child)
        if copy < 0:
            break
        lock_mm(m, me, parent)
        freezes = area.object != 0 and area.flags & (SHARED | NEEDS_COPY) == 0
        if freezes:
            area.flags |= NEEDS_COPY
        twin = m.areas[copy]
        twin.start = area.start
        twin.end = area.end
        twin.first = area.first
        twin.flags = area.flags & ~LOCKED
        if area.object != 0:
            hold_object(m, me, area.object - 1)
        twin.object = area.object
        insert_area(m, c, copy)
        unlock_mm(m, me, parent)
        if freezes:
            edit_pages(m, me, parent, area.start, area.end, EDIT_FREEZE, 0)
            frozen = True
        va = area.end
        a = first_above(m, p, va)
    if frozen:
        shoot_down_task(m, me, parent)
    unlock_map(m, me, parent)
    return 0 if a < 0 else -ENOMEM
