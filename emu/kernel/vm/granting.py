"""One task maps its pages into another's address space, or takes pages out of it: what a pager does (cz-14, cz-17).

What is granted is shared memory, and no file's: both tasks have areas over one object, and see each other's stores.
The owner's pages have to be shared memory already (mmap with MAP_SHARED); private ones would have to stop being
private at the moment when somebody forks.  Rights are at most those that the owner's own mapping has.

Locks: the owner's map_lock while an object is looked up and held, then the other's while it is mapped; never both, so
two tasks that grant to each other do not wait for each other.  The other task is held by the caller
(thread/references.py), and has no memory any more once its last thread has left: its root says so under map_lock.
"""

from ...abi.errno import EFAULT, EPERM, ESRCH
from ...hot import hot, never_inline
from ..critical import noncritical
from .areas import NEVER_WRITE, first_above, page_of
from .maplock import lock_map, unlock_map
from .mapping import clear_range, put_area
from .objects import OBJECT_ANONYMOUS, drop_object, hold_object
from .pagetable import RWX, SHARED, W

PARTLY = -1  # what unmap answers where not all pages were mapped


@hot
def grant_pages(m, me, owner, source, other, va, length, flags):
    """Map [source, source + length) of a task at va in another, with R, W, X of `flags`: 0 or an error.

    -EFAULT: the owner has not mapped all of it; -EPERM: it is not shared, or not with these rights; -ENOMEM; -ESRCH:
    the other task has no memory any more.  After an error, what lies below may be mapped.
    """
    never_inline()
    noncritical(m, me)
    flags = (flags & RWX) | SHARED | (0 if flags & W else NEVER_WRITE)  # mprotect cannot add what was not granted
    done = 0
    while done < length:
        o, first, size, error = _hold_part(m, me, owner, source + done, length - done, flags)
        if error < 0:
            return error
        lock_map(m, me, other)
        error = -ESRCH
        if m.tasks[other].root >= 0:
            at = va + done
            error = put_area(m, me, other, at, at + size, flags, o, first)
        unlock_map(m, me, other)
        if error < 0:
            drop_object(m, me, o)
            return error
        done += size
    return 0


@hot
def _hold_part(m, me, owner, va, most, flags):
    """(object, its page, bytes of it, 0 or an error) of what the owner has at an address: held once more."""
    lock_map(m, me, owner)
    t = m.tasks[owner]
    a = first_above(m, t, va) if t.root >= 0 else -1
    o, first, size, error = -1, 0, 0, 0
    if a < 0 or m.areas[a].start > va:
        error = -EFAULT
    else:
        area = m.areas[a]
        is_memory = area.flags & SHARED != 0 and m.objects[area.object - 1].kind == OBJECT_ANONYMOUS
        if not is_memory or area.flags & flags & RWX != flags & RWX:
            error = -EPERM
        else:
            o = area.object - 1
            first = page_of(area, va)
            size = min(most, area.end - va)
            hold_object(m, me, o)
    unlock_map(m, me, owner)
    return o, first, size, error


@hot
def take_pages(m, me, task, va, length):
    """Unmap a range of a task: 0; PARTLY where not every page of it was mapped; -ESRCH, -ENOMEM."""
    never_inline()
    noncritical(m, me)
    result = -ESRCH
    lock_map(m, me, task)
    if m.tasks[task].root >= 0:
        whole = _is_whole(m, task, va, va + length)
        result = clear_range(m, me, task, va, va + length)
        if result == 0 and not whole:
            result = PARTLY
    unlock_map(m, me, task)
    return result


@hot
def _is_whole(m, task, va, end):
    """Whether every page of a range is mapped; map_lock is held."""
    t = m.tasks[task]
    while va < end:
        a = first_above(m, t, va)
        if a < 0 or m.areas[a].start > va:
            return False
        va = m.areas[a].end
    return True
