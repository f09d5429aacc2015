"""Messages that move: pages leave the sender's memory, wait in a port, and enter the receiver's (rust-11).

A message of whole pages whose buffer begins with a page is not copied: its area (vm/areas.py) is cut out of the
sender's address space, waits with the owner IN_MESSAGE, and is put into the receiver's at another place; its pages stay
in the memory object, as in mremap (vm/moving.py).  Afterwards the sender's next access is a fault.

    sender, with its map_lock                           receiver, with its map_lock
    1  cuts the area out of the tree                    1  finds the message first in the port, and a place for it
    2  empties the page tables, shoots the TLBs down    2  takes mm_lock and the port's lock: is it first still?
    3  puts the message into the port                   3  takes it out, puts the area into its tree

Nobody sees the message while a CPU of the sender's has its pages in its TLB.  Whatever other threads map, protect or
fork meanwhile waits for map_lock; the kernel's own accesses find no area.  Where the port cannot take the message any
more (step 3), the area goes back to its place, which is still free; a thread that touched it in between got SIGSEGV.
An area in a message is in no tree: only who has taken the message out, or has closed the port, touches it.

What moves is private anonymous memory that may be read and stored to, within one area; else the call fails (-EINVAL).
Memory that a forked task has too keeps its mark, so that who stores first gets a copy.  An object that other areas of
the sender have too is split: the message gets one of its own (_separate).
"""

from ...abi.errno import EEXIST, EINVAL, ENOMEM
from ...hot import hot, never_inline
from ...limits import MAX_TASK_AREAS, PAGE_SHIFT, PAGE_SIZE
from ..critical import noncritical
from ..vm.address_space import MAP_BOTTOM, bad_range, find_place, is_free
from ..vm.areas import IN_MESSAGE, LOCKED, NEEDS_COPY, first_above, free_area, insert_area, remove_area
from ..vm.frames import drop_frame, share_frame
from ..vm.maplock import lock_mm, unlock_mm
from ..vm.mapping import cut_ends, edit_locked, join, join_range, owns_pages
from ..vm.objects import (
    OBJECT_ANONYMOUS,
    OBJECT_SHADOW,
    drop_object,
    lock_object,
    lowest,
    new_object,
    unlock_object,
)
from ..vm.pagetable import EDIT_DROP, RWX, SHARED, R, W
from ..vm.radix import frame_of, free_pages, next_page, page_word, put_page


@hot
def movable_area(m, me, task, va, size):
    """The area of which a message may be cut, or -EINVAL. map_lock held."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    lock_mm(m, me, task)
    a = first_above(m, t, va)
    fits = a >= 0 and m.areas[a].start <= va and m.areas[a].end - va >= size
    o = -1
    if fits:
        fits = m.areas[a].flags & (SHARED | RWX) == R | W
        o = m.areas[a].object - 1
    unlock_mm(m, me, task)
    if not fits:
        return -EINVAL
    if o >= 0:  # it stays: the area, or the shadow that it gets, has a reference
        if m.objects[lowest(m, me, o)].kind != OBJECT_ANONYMOUS:
            return -EINVAL
    return a


@hot
def cut_out(m, me, task, va, size):
    """Take a movable range out of a task's memory; (its area, whether it was LOCKED), (-ENOMEM, 0): nothing changed.

    map_lock held.  No CPU has it in its TLB afterwards.
    """
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    if cut_ends(m, me, task, va, va + size) < 0:
        return -ENOMEM, 0
    lock_mm(m, me, task)
    a = first_above(m, t, va)
    area = m.areas[a]
    remove_area(m, t, a)
    area.owner = IN_MESSAGE
    locked = area.flags & LOCKED
    if locked:
        area.flags &= ~LOCKED
        t.locked -= size >> PAGE_SHIFT
    edit_locked(m, me, task, va, va + size, EDIT_DROP, 0, -1, 0)
    if not _separate(m, me, a):
        put_back(m, me, task, a, locked)
        return -ENOMEM, 0
    return a, locked


@hot
def put_back(m, me, task, a, locked):
    """The message was not sent: its area lies where it did. map_lock held since cut_out."""
    never_inline()
    _enter(m, me, task, a, m.areas[a].start, locked)
    join_range(m, me, task, m.areas[a].start, m.areas[a].end)


@hot
def _enter(m, me, task, a, place, locked):
    """Put an area into a task's tree at a place that is free; map_lock held."""
    lock_mm(m, me, task)
    enter_locked(m, task, a, place, locked)
    unlock_mm(m, me, task)


@hot
def enter_locked(m, task, a, place, locked):
    """Put an area that is in no tree into a task's, at a place that is free; map_lock and mm_lock held."""
    t, area = m.tasks[task], m.areas[a]
    size = area.end - area.start
    area.start = place
    area.end = place + size
    area.flags |= locked
    if locked:
        t.locked += size >> PAGE_SHIFT
    insert_area(m, t, a)


@hot
def place_for(m, me, task, wanted, size):
    """Where a message of so many bytes goes: `wanted`, or where there is room (0). map_lock held.

    -EINVAL: no such place; -EEXIST: something is mapped there; -ENOMEM: no room, or no more areas.
    """
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    if t.limited_space != 0 or t.nr_areas >= MAX_TASK_AREAS:
        return -ENOMEM
    if wanted == 0:
        place = find_place(m, me, task, 0, size)
        return place if place > 0 else -ENOMEM
    if wanted < MAP_BOTTOM or bad_range(wanted, size) < 0:
        return -EINVAL
    return wanted if is_free(m, me, task, wanted, size) else -EEXIST


@hot
def settle(m, me, task, place, size):
    """A message has entered a task's memory; map_lock held."""
    join(m, me, task, place)
    join(m, me, task, place + size)


@hot
def leave_place(m, task, va, size):
    """A message has left: where it was placed last, its room is used again, as after munmap. map_lock held."""
    t = m.tasks[task]
    if t.map_cursor == va:
        t.map_cursor = va + size


@hot
def drop_area(m, me, a):
    """Free the area of a message that nobody receives, with its pages."""
    never_inline()
    noncritical(m, me)
    area = m.areas[a]
    o = area.object - 1
    if o >= 0:
        if owns_pages(area):
            lock_object(m, me, o)
            if m.objects[o].references > 1:  # else all go with the object
                free_pages(m, me, m.objects[o], area.first, _end_page(area), -1)
            unlock_object(m, me, o)
        drop_object(m, me, o)
    area.object = 0
    free_area(m, me, a)


@hot
def _end_page(area):
    """The first page of its object behind an area."""
    return area.first + ((area.end - area.start) >> PAGE_SHIFT)


@hot
def _separate(m, me, a):
    """Give the area of a message an object that no other area has a part of; False: no memory, nothing has changed.

    Areas that are cut from one another share an object by parts, within a task.  Between tasks they may not: an area
    grows over the pages behind it (mapping.py) where no other has its object any more, and what those were in the other
    task would be found there.  A shadow is left as it is, and marked, since it never grows; nor does an area that is
    marked.
    """
    never_inline()
    area = m.areas[a]
    o = area.object - 1
    if o < 0 or area.flags & NEEDS_COPY:
        return True
    lock_object(m, me, o)
    shared, kind = m.objects[o].references > 1, m.objects[o].kind
    unlock_object(m, me, o)
    if not shared:
        return True
    if kind == OBJECT_SHADOW:
        area.flags |= NEEDS_COPY
        return True
    own = new_object(m, me, OBJECT_ANONYMOUS)
    if own < 0:
        return False
    lock_object(m, me, o)
    whole = _copy_index(m, me, m.objects[o], m.objects[own], area.first, _end_page(area))
    if whole:
        free_pages(m, me, m.objects[o], area.first, _end_page(area), -1)
    unlock_object(m, me, o)
    if not whole:
        drop_object(m, me, own)
        return False
    area.object = own + 1
    drop_object(m, me, o)
    return True


@hot
def _copy_index(m, me, source, target, first, end):
    """The target gets the source's pages of a range too; False: no memory for its index. The source's lock is held.

    Nobody knows the target yet, so its lock is not taken.
    """
    page = next_page(m, source, first)
    while page < end:
        frame = frame_of(page_word(m, source, page))
        share_frame(m, frame)
        if not put_page(m, me, target, page, frame):
            drop_frame(m, me, frame)
            return False
        page = next_page(m, source, page + 1)
    return True


assert PAGE_SIZE == 1 << PAGE_SHIFT
