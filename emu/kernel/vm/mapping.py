"""Changing what a task has mapped: cutting, joining, clearing and putting areas, while page tables and TLBs follow.

Areas change first, under mm_lock, so that faults go by what will be.  Then the page tables follow in bounded stretches
(`edit_pages`): after each, the TLBs that may hold what was taken away are shot down, and only then frames are dropped
(gathering.py).  Where an object loses pages too, each is gone before a fault can find it again.

Anonymous memory that continues a mapping below it becomes part of that one's area (`_grows`); areas that one record
could describe are joined.  One that ends where an older one begins stays apart, which Linux would join.

Locks: map_lock held on entry; mm_lock taken and released inside.  Errors are negative Linux numbers.
"""

from ...abi.errno import ENOMEM
from ...hot import hot, never_inline
from ...limits import MAX_TASK_AREAS, PAGE_SHIFT
from ..critical import critical, either, noncritical
from .areas import (
    JOINED,
    LOCKED,
    NEEDS_COPY,
    first_above,
    free_area,
    insert_area,
    last_below,
    new_area,
    page_of,
    remove_area,
)
from .gathering import release_gathered
from .maplock import lock_mm, unlock_mm
from .objects import OBJECT_ANONYMOUS, drop_object, hold_object, lock_object, new_object, unlock_object
from .pagetable import EDIT_DROP, SHARED, edit_range
from .radix import free_pages
from .shootdown import answer_shootdowns
from .windows import note_change


@hot
def edit_pages(m, me, task, start, end, edit, flags):
    """Apply an edit of pagetable.py to a range, map_lock held, in bounded stretches; frames are dropped after each."""
    either(m, me)
    lock_mm(m, me, task)
    edit_locked(m, me, task, start, end, edit, flags, -1, 0)


@hot
def edit_locked(m, me, task, start, end, edit, flags, o, first):
    """edit_pages, with mm_lock held on entry and not on return.

    `o` >= 0: the object loses its pages of the range too, each before a fault can find it again; page `first` of it
    lies at start.
    """
    never_inline()
    critical(m, me)
    root = m.tasks[task].root
    va = start
    while va < end:
        after = edit_range(m, me, root, va, end, edit, flags)
        note_change(m.tasks[task], va, after)
        if o >= 0:
            _free_part(m, me, o, first + ((va - start) >> PAGE_SHIFT), first + ((after - start) >> PAGE_SHIFT))
        va = after
        if va < end:
            unlock_mm(m, me, task)
            release_gathered(m, me, task)
            if me < m.nr_cpus:
                answer_shootdowns(m, me)  # so that others need not wait for the whole range
            lock_mm(m, me, task)
    unlock_mm(m, me, task)
    if m.cpus[me].nr_gathered != 0:
        release_gathered(m, me, task)


@hot
def _free_part(m, me, o, first, end):
    """Drop an object's pages from first on."""
    lock_object(m, me, o)
    free_pages(m, me, m.objects[o], first, end, -1)
    unlock_object(m, me, o)


# --- areas: map_lock held ---------------------------------------------------------


@hot
def owns_pages(area):
    """True when nobody else can see the pages of its object that an area maps."""
    return area.object != 0 and area.flags & (SHARED | NEEDS_COPY) == 0


@hot
def _is_one_of_many(m, me, o):
    """True when an object has more than one reference. Where it is the caller's alone, it stays so under map_lock."""
    lock_object(m, me, o)
    many = m.objects[o].references > 1
    unlock_object(m, me, o)
    return many


@hot
def split(m, me, t, a, va, other):
    """Cut an area in two at an address within it; the record `other` gets the upper part. mm_lock held."""
    never_inline()
    area, upper = m.areas[a], m.areas[other]
    upper.start = va
    upper.end = area.end
    upper.first = page_of(area, va)
    upper.flags = area.flags
    upper.object = area.object
    if area.object != 0:
        hold_object(m, me, area.object - 1)
    area.end = va
    insert_area(m, t, other)


@hot
def _cut(m, me, task, va):
    """See that no area reaches across an address; 0 or -ENOMEM."""
    never_inline()
    t = m.tasks[task]
    a = last_below(m, t, va)
    if a < 0 or m.areas[a].end <= va:
        return 0
    other = new_area(m, me, task) if t.nr_areas < MAX_TASK_AREAS else -1
    if other < 0:
        return -ENOMEM
    lock_mm(m, me, task)
    split(m, me, t, a, va, other)
    unlock_mm(m, me, task)
    return 0


@hot
def cut_ends(m, me, task, start, end):
    """See that no area reaches across either end of a range; 0 or -ENOMEM, perhaps with a cut that does not matter."""
    error = _cut(m, me, task, start)
    return error if error < 0 else _cut(m, me, task, end)


@hot
def _continues(m, a, b):
    """True when area b begins where a ends, and one area could say the same."""
    low, high = m.areas[a], m.areas[b]
    if low.end != high.start or (low.flags ^ high.flags) & JOINED != 0:
        return False
    if low.object != high.object:
        return False
    return low.object == 0 or page_of(low, low.end) == high.first


@hot
def join(m, me, task, va):
    """Make one area of the two that meet at an address, where nothing tells them apart."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    b = first_above(m, t, va)
    a = last_below(m, t, va)
    if a < 0 or b < 0 or a == b:
        return
    lock_mm(m, me, task)
    joins = _continues(m, a, b)
    o = m.areas[b].object - 1
    if joins:
        remove_area(m, t, b)
        m.areas[a].end = m.areas[b].end
    unlock_mm(m, me, task)
    if joins:
        free_area(m, me, b)
        if o >= 0:
            drop_object(m, me, o)


@hot
def join_range(m, me, task, start, end):
    """Join what can be joined from start to end, both included."""
    t = m.tasks[task]
    join(m, me, task, start)
    a = first_above(m, t, start)
    while a >= 0 and m.areas[a].end <= end:
        va = m.areas[a].end
        join(m, me, task, va)
        a = first_above(m, t, va)


@hot
def _grows(m, me, task, start, flags):
    """The anonymous area that ends at start and may grow over what is mapped next, -1 when there is none.

    Its object must have nothing behind its end: it is no shadow, and nobody else has it.
    """
    t = m.tasks[task]
    a = last_below(m, t, start)
    if a < 0 or m.areas[a].end != start or (m.areas[a].flags ^ flags) & JOINED != 0 or flags & SHARED != 0:
        return -1
    o = m.areas[a].object - 1
    if o < 0:
        return a
    lock_object(m, me, o)
    grows = m.objects[o].kind == OBJECT_ANONYMOUS and m.objects[o].references == 1
    unlock_object(m, me, o)
    return a if grows else -1


@hot
def forget_areas(m, me, task, start, end, with_pages):
    """Take the areas of a range, whose ends are cut, out of the tree, and with `with_pages` their pages; resident too.

    Without, the page tables are emptied after it.
    """
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    while True:
        a = first_above(m, t, start)
        if a < 0 or m.areas[a].start >= end:
            return
        area = m.areas[a]
        from_va, to_va = area.start, area.end
        lock_mm(m, me, task)
        remove_area(m, t, a)
        o = area.object - 1
        if area.flags & LOCKED:
            t.locked -= (to_va - from_va) >> PAGE_SHIFT
        if with_pages:
            # An object that ends with the area is freed below, with no lock held.
            part = o if owns_pages(area) and _is_one_of_many(m, me, o) else -1
            edit_locked(m, me, task, from_va, to_va, EDIT_DROP, 0, part, area.first)
        else:
            unlock_mm(m, me, task)
        area.object = 0
        free_area(m, me, a)
        if o >= 0:
            drop_object(m, me, o)


@hot
def clear_range(m, me, task, start, end):
    """Unmap what lies in a range; 0 or -ENOMEM, and nothing has changed."""
    never_inline()
    error = cut_ends(m, me, task, start, end)
    if error == 0:
        forget_areas(m, me, task, start, end, True)
    return error


@hot
def put_area(m, me, task, start, end, flags, object, first):
    """Map a range afresh, in place of what was there: pages of an object from `first` on, or new memory (object -1).

    0, and the area has taken over a reference to the object; or -ENOMEM: nothing has changed.
    """
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    a = new_area(m, me, task) if t.nr_areas < MAX_TASK_AREAS else -1
    if a < 0:
        return -ENOMEM
    if flags & SHARED and object < 0:
        object = new_object(m, me, OBJECT_ANONYMOUS)
        if object < 0:
            free_area(m, me, a)
            return -ENOMEM
        error = clear_range(m, me, task, start, end)
        if error < 0:
            drop_object(m, me, object)
    else:
        error = clear_range(m, me, task, start, end)
    if error < 0:
        free_area(m, me, a)
        return error
    grown = _grows(m, me, task, start, flags) if object < 0 else -1
    lock_mm(m, me, task)
    if grown >= 0:
        m.areas[grown].end = end
    else:
        area = m.areas[a]
        area.start = start
        area.end = end
        area.first = first
        area.object = object + 1
        area.flags = flags
        insert_area(m, t, a)
    if flags & LOCKED:
        t.locked += (end - start) >> PAGE_SHIFT
    unlock_mm(m, me, task)
    if grown >= 0:
        free_area(m, me, a)
    join(m, me, task, start)
    join(m, me, task, end)
    return 0
