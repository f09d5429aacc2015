"""Messages that move: pages leave the sender's memory, wait in a port, and enter the receiver's (rust-11).

A message of whole pages whose buffer begins with a page is not copied: its areas (vm/areas.py) are cut out of the
sender's address space, wait with the owner IN_MESSAGE, chained by `right`, and are put into the receiver's at another
place; pages stay in their memory objects, as in mremap (vm/moving.py).  The sender's next access is a fault.

    sender, with its map_lock                           receiver, with its map_lock
    1  cuts the areas out of the tree                   1  finds the message first in the port, and a place for it
    2  empties the page tables, shoots the TLBs down    2  takes mm_lock and the port's lock: is it first still?
    3  puts the message into the port                   3  takes it out, puts the areas into its tree

Nobody sees the message while a CPU of the sender's has its pages in its TLB.  Whatever other threads map, protect or
fork meanwhile waits for map_lock; the kernel's own accesses find no area.  Where the port cannot take the message any
more (step 3), the areas go back to their place, which is still free; a thread that touched it in between got SIGSEGV.
Areas in a message are in no tree: only who has taken the message out, or has closed the port, touches them.

What moves is private anonymous memory that may be read and stored to, in few areas; else the call fails (-EINVAL).
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
from ..vm.mapping import cut_ends, edit_locked, join_range, owns_pages
from ..vm.objects import (
    OBJECT_ANONYMOUS,
    OBJECT_SHADOW,
    drop_object,
    lock_object,
    new_object,
    unlock_object,
)
from ..vm.pagetable import EDIT_DROP, RWX, SHARED, R, W
from ..vm.radix import frame_of, free_pages, next_page, page_word, put_page

MOST_AREAS = 64  # of a message: more would keep a port locked for long


@hot
def may_move(m, me, task, va, size):
    """Whether a range may leave a task's memory as a message. map_lock held."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    at = va
    count = 0
    while at < va + size and count < MOST_AREAS:
        lock_mm(m, me, task)
        a = first_above(m, t, at)
        fits = a >= 0 and m.areas[a].start <= at and m.areas[a].flags & (SHARED | RWX) == R | W
        o = m.areas[a].object - 1 if fits else -1
        unlock_mm(m, me, task)
        # The object stays: its area, or the shadow that the area gets meanwhile, has a reference.
        if not fits or (o >= 0 and not _is_anonymous(m, me, o)):
            return False
        at = m.areas[a].end
        count += 1
    return at >= va + size


@hot
def _is_anonymous(m, me, o):
    """Whether the object that lies under all others of a chain is nobody's file or segment."""
    lock_object(m, me, o)
    below = o
    while m.objects[below].original != 0:
        below = m.objects[below].original - 1
    kind = m.objects[below].kind
    unlock_object(m, me, o)
    return kind == OBJECT_ANONYMOUS or kind == OBJECT_SHADOW  # one that has been merged with its original


@hot
def cut_out(m, me, task, va, size):
    """Take a range that may move out of a task's memory: its first area, or -ENOMEM, and nothing has changed.

    map_lock held.  No CPU has it in its TLB afterwards.
    """
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    if cut_ends(m, me, task, va, va + size) < 0:
        return -ENOMEM
    first, last = -1, -1
    lock_mm(m, me, task)
    a = first_above(m, t, va)
    while a >= 0 and m.areas[a].start < va + size:
        area = m.areas[a]
        remove_area(m, t, a)
        area.owner = IN_MESSAGE
        area.right = 0
        if area.flags & LOCKED:
            t.locked -= (area.end - area.start) >> PAGE_SHIFT
        if last >= 0:
            m.areas[last].right = a + 1
        else:
            first = a
        last = a
        a = first_above(m, t, area.end)
    edit_locked(m, me, task, va, va + size, EDIT_DROP, 0, -1, 0)
    a = first
    while a >= 0:
        if not _separate(m, me, a):
            put_back(m, me, task, first)
            return -ENOMEM
        a = m.areas[a].right - 1
    return first


@hot
def put_back(m, me, task, first):
    """The message was not sent: its areas lie where they did. map_lock held since cut_out."""
    never_inline()
    noncritical(m, me)
    start = m.areas[first].start
    lock_mm(m, me, task)
    end = enter_locked(m, task, first, start, False, 0)
    unlock_mm(m, me, task)
    join_range(m, me, task, start, end)


@hot
def enter_locked(m, task, first, place, changes, locked):
    """Put the areas of a message into a task's tree, from a place on that is free; where they end there.

    `changes`: they are another task's from here on, and LOCKED or not as that says.  map_lock and mm_lock held.
    """
    t = m.tasks[task]
    distance = place - m.areas[first].start
    a = first
    end = place
    while a >= 0:
        area = m.areas[a]
        following = area.right - 1
        if changes:
            area.flags = (area.flags & ~LOCKED) | locked
        area.start += distance
        area.end += distance
        end = area.end
        if area.flags & LOCKED:
            t.locked += (area.end - area.start) >> PAGE_SHIFT
        insert_area(m, t, a)
        a = following
    return end


@hot
def place_for(m, me, task, wanted, size):
    """Where a message of so many bytes goes: `wanted`, or where there is room (0). map_lock held.

    -EINVAL: no such place; -EEXIST: something is mapped there; -ENOMEM: no room, or no more areas.
    """
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    if t.limited_space != 0 or t.nr_areas + MOST_AREAS > MAX_TASK_AREAS:
        return -ENOMEM
    if wanted == 0:
        place = find_place(m, me, task, 0, size)
        return place if place > 0 else -ENOMEM
    if wanted < MAP_BOTTOM or bad_range(wanted, size) < 0:
        return -EINVAL
    return wanted if is_free(m, me, task, wanted, size) else -EEXIST


@hot
def leave_place(m, task, va, size):
    """A message has left: where it was placed last, its room is used again, as after munmap. map_lock held."""
    t = m.tasks[task]
    if t.map_cursor == va:
        t.map_cursor = va + size


@hot
def drop_areas(m, me, first):
    """Free the areas of a message that nobody receives, with their pages."""
    never_inline()
    noncritical(m, me)
    a = first
    while a >= 0:
        area = m.areas[a]
        following = area.right - 1
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
        a = following


@hot
def _end_page(area):
    """The first page of its object behind an area."""
    return area.first + ((area.end - area.start) >> PAGE_SHIFT)


@hot
def _separate(m, me, a):
    """Give an area of a message an object that no other area has a part of; False: no memory, nothing has changed.

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
    shared, original = m.objects[o].references > 1, m.objects[o].original
    unlock_object(m, me, o)
    if not shared:
        return True
    if original != 0:
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
