"""mremap: growing, shrinking and moving a mapping (mremap(2)).

A move takes the area to another place; its object stays what it is.  Page-table entries of the old place are dropped,
and what is touched at the new one is found in the object.  So nothing is copied, and no page is ever missing from the
object, though for a moment a thread finds none of it at either place.  map_lock is held from the first look to the last
shoot-down.

Differs from Linux: a range of several areas can be moved (Linux: EFAULT); no MREMAP_DONTUNMAP.
"""

from ...abi.errno import EFAULT, ENOMEM
from ...hot import hot, never_inline
from ...limits import USER_TOP
from ..critical import noncritical
from .address_space import find_place, is_free, is_mapped
from .areas import NEEDS_COPY, first_above, insert_area, page_of, remove_area
from .maplock import lock_map, lock_mm, unlock_map, unlock_mm
from .mapping import clear_range, cut_ends, edit_pages, join, put_area
from .objects import OBJECT_FILE, drop_object, hold_object, lowest
from .pagetable import EDIT_DROP, SHARED


@hot
def remap(m, me, task, old, old_size, new_size, may_move, target):
    """Resize a mapping; its address, or a negative error. `target` -1: the kernel chooses.

    Ranges are page-aligned and lie in user space, the old one and the target apart.  At a target,
    everything there is replaced.
    """
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    result = -EFAULT
    if is_mapped(m, me, task, old, old_size):
        if target >= 0:
            result = _move_to(m, me, task, old, old_size, new_size, target)
        elif new_size <= old_size:
            result = clear_range(m, me, task, old + new_size, old + old_size)
            result = old if result >= 0 else result
        else:
            result = _grow(m, me, task, old, old_size, new_size, may_move)
    unlock_map(m, me, task)
    return result


@hot
def _move_to(m, me, task, old, old_size, new_size, target):
    """MREMAP_FIXED."""
    if clear_range(m, me, task, target, target + new_size) < 0:
        return -ENOMEM
    if new_size < old_size:
        if clear_range(m, me, task, old + new_size, old + old_size) < 0:
            return -ENOMEM
        old_size = new_size
    return _move(m, me, task, old, old_size, target, new_size)


@hot
def _grow(m, me, task, old, old_size, new_size, may_move):
    """Grow a mapping: in place where there is room behind it, else elsewhere."""
    end = old + old_size
    if old <= USER_TOP - new_size and is_free(m, me, task, end, new_size - old_size):
        result = _extend(m, me, task, end, old + new_size)
        return old if result >= 0 else result
    if not may_move:
        return -ENOMEM
    target = find_place(m, me, task, 0, new_size)
    if target <= 0:
        return -ENOMEM
    return _move(m, me, task, old, old_size, target, new_size)


@hot
def _extend(m, me, task, start, end):
    """Map the free range behind a mapping: more of its file or shared object, or new memory; 0 or -ENOMEM."""
    never_inline()
    t = m.tasks[task]
    a = first_above(m, t, start - 1)
    area = m.areas[a]
    flags = area.flags & ~NEEDS_COPY
    o, first = -1, 0
    if area.object != 0:
        bottom = lowest(m, me, area.object - 1)
        if m.objects[bottom].kind == OBJECT_FILE or flags & SHARED:
            o, first = bottom, page_of(area, start)
            hold_object(m, me, o)
            if flags & SHARED == 0:
                flags |= NEEDS_COPY
    error = put_area(m, me, task, start, end, flags, o, first)
    if error < 0 and o >= 0:
        drop_object(m, me, o)
    return error


@hot
def _move(m, me, task, old, old_size, target, new_size):
    """Move areas to a range where nothing is mapped, new_size >= old_size; the target or -ENOMEM: nothing has moved."""
    never_inline()
    if cut_ends(m, me, task, old, old + old_size) < 0:
        return -ENOMEM
    _shift(m, me, task, old, old + old_size, target - old)
    if new_size > old_size and _extend(m, me, task, target + old_size, target + new_size) < 0:
        _shift(m, me, task, target, target + old_size, old - target)
        return -ENOMEM
    join(m, me, task, target)
    return target


@hot
def _shift(m, me, task, start, end, distance):
    """Move all areas of a range, whose ends are cut, by a distance; nothing is mapped there."""
    never_inline()
    t = m.tasks[task]
    lock_mm(m, me, task)
    a = first_above(m, t, start)
    while a >= 0 and m.areas[a].start < end:
        following = m.areas[a].end
        remove_area(m, t, a)
        m.areas[a].start += distance
        m.areas[a].end += distance
        insert_area(m, t, a)
        a = first_above(m, t, following)
    unlock_mm(m, me, task)
    edit_pages(m, me, task, start, end, EDIT_DROP, 0)
