"""Copy on write: a store to a page that others may see too first gives it a frame of its own (cz-11).

Page-table entries without D come here before the first store goes through them, since only entries with D fill a write
TLB.  fork takes D out (forking.py).  Where the page is the object's that this area may change, D is all that it needs;
else its content is copied to a frame that becomes that object's (objects.py says which object that is).

Invariant: while one CPU can store to the new frame, no other reads the old one through its TLB; else a thread would not
see what another thread of its task has stored.  So the new frame becomes writable in one of two ways:

* at once, under mm_lock, where no other CPU uses the task's address space (`is_alone`).  A CPU that comes later puts
  back nothing that it has kept (tlb.py), and fills its TLB under mm_lock, so it finds the new frame.
* else in two steps, with map_lock held: the new frame is put in place without D, then the old one is shot out
  of all TLBs, and only then D is set.  Between the steps the page looks like one that may simply be given D; whoever
  wants to store to it therefore waits for map_lock too, unless map_lock is free: then nobody is between the steps.

Locks: mm_lock held on entry to what `resolve` calls; `make_private` takes map_lock and mm_lock.
"""

from ...hot import hot, never_inline
from ...limits import PAGE_SIZE, TLB_ENTRIES
from ...shm.atomics import load_relaxed
from ...shm.cpumask import load_mask, mask_first, mask_minus, mask_of
from ..critical import noncritical
from .areas import NEEDS_COPY, area_at, page_of
from .frames import copy_frame, drop_frame, share_frame
from .maplock import lock_map, lock_mm, unlock_map, unlock_mm
from .objects import OBJECT_FILE, lock_object, make_own, unlock_object
from .pagetable import DIRTY, SHARED, W, frame_in, has_frame, lookup, must_copy, page_in, put_entry, with_frame
from .radix import MODIFIED, frame_of, page_word, put_page, set_word
from .shootdown import shoot_down_task
from .tlb import forget_kept
from .windows import follow_changes, note_change

NO_MEMORY, BEYOND_FILE, ELSEWHERE = -1, -2, -3  # what `own_page` answers where it gives no entry


@hot
def is_alone(m, me, task, va):
    """True when no CPU but `me` may use the task's entry of a page. mm_lock is held, so none can fill one."""
    note_change(m.tasks[task], va & -PAGE_SIZE, (va & -PAGE_SIZE) + PAGE_SIZE)
    forget_kept(m, task)
    others = load_mask(m.tasks[task], "cpus")
    if me < m.nr_cpus:
        others = mask_minus(others, mask_of(me))
    return mask_first(others) < 0


@hot
def own_object(m, me, area):
    """Make the object of an area one that it may change; False when memory does not suffice. mm_lock is held."""
    end = page_of(area, area.end)
    own = make_own(m, me, area.object - 1, area.first, end)
    if own < 0:
        return False
    area.object = own + 1
    area.flags &= ~NEEDS_COPY
    return True


@hot
def note_store(m, o, page):
    """A file's page is stored to: it has to be written back. The object's lock is held."""
    word = page_word(m, m.objects[o], page)
    if word != 0:
        set_word(m, m.objects[o], page, word | MODIFIED)


@hot
def own_page(m, me, task, va, entry):
    """The entry of a page that may now be stored to, its frame copied if need be. mm_lock is held.

    NO_MEMORY; BEYOND_FILE; ELSEWHERE: others may have the page in their TLBs, so the caller has to `make_private`.
    """
    never_inline()
    alone = is_alone(m, me, task, va)
    if not alone and load_relaxed(m.tasks[task], "map_lock") != 0 and entry & SHARED == 0:
        return ELSEWHERE  # somebody may be between the two steps
    frame = _own_frame(m, me, task, va, entry, alone)
    if frame < 0:
        return frame
    old = frame_in(entry)
    entry = with_frame(entry, frame) | DIRTY
    put_entry(m, me, m.tasks[task].root, va, entry)  # takes no memory: the entry is there
    if frame != old:
        _forget(m, me, task, va)
        drop_frame(m, me, old)
    m.cpus[me].page_faults += 1
    return entry


@hot
def _own_frame(m, me, task, va, entry, may_copy):
    """The frame of a page that its area may store to; where that is a copy, a reference to it is the caller's.

    NO_MEMORY; BEYOND_FILE; ELSEWHERE: it has to be copied, and that is not allowed.
    """
    never_inline()
    a = area_at(m, m.tasks[task], va)
    if a < 0:
        return NO_MEMORY  # an entry outside of all areas: cannot be
    area = m.areas[a]
    if area.flags & SHARED == 0 and area.flags & NEEDS_COPY != 0 and not own_object(m, me, area):
        return NO_MEMORY
    o = area.object - 1
    page = page_of(area, va)
    frame = frame_in(entry)
    lock_object(m, me, o)
    word = page_word(m, m.objects[o], page)
    if frame_of(word) == frame:
        if m.objects[o].kind == OBJECT_FILE:
            note_store(m, o, page)
    elif word != 0 or area.flags & SHARED:
        frame = BEYOND_FILE  # its file has become shorter, and the entry is about to be dropped
    elif not may_copy:
        frame = ELSEWHERE
    else:
        frame = _copy(m, me, m.objects[o], page, frame)
    unlock_object(m, me, o)
    return frame


@hot
def _copy(m, me, o, page, frame):
    """Give an object a copy of a frame, with one more reference for an entry; NO_MEMORY. The object's lock is held."""
    copy = copy_frame(m, me, frame)
    if copy < 0:
        return NO_MEMORY
    share_frame(m, copy)
    if not put_page(m, me, o, page, copy):
        drop_frame(m, me, copy)
        drop_frame(m, me, copy)
        return NO_MEMORY
    return copy


@hot
def _forget(m, me, task, va):
    """Take a page out of this CPU's own read and fetch TLB, and its window."""
    c = m.cpus[me]
    if me >= m.nr_cpus or c.tlb_task != task:
        return
    slot = ((va // PAGE_SIZE) & (TLB_ENTRIES - 1)) * 2
    c.read_tlb[slot] = -1
    c.fetch_tlb[slot] = -1
    follow_changes(m, me)


@hot
def make_private(m, me, task, va):
    """Give a page that may be stored to a frame of its own, whoever uses the address space.

    The caller looks the page up anew.  False when memory does not suffice.  This answers shoot-downs.
    """
    never_inline()
    noncritical(m, me)
    lock_map(m, me, task)
    lock_mm(m, me, task)
    root = m.tasks[task].root
    old = -1
    frame = 0
    entry = lookup(m, root, va) if root >= 0 else 0
    writable = has_frame(entry) and entry & W != 0 and must_copy(entry) and page_in(m, entry) >= 0
    if writable:
        frame = _own_frame(m, me, task, va, entry, True)
        if frame >= 0 and frame != frame_in(entry):
            old = frame_in(entry)
            put_entry(m, me, root, va, with_frame(entry, frame))
            note_change(m.tasks[task], va & -PAGE_SIZE, (va & -PAGE_SIZE) + PAGE_SIZE)
    unlock_mm(m, me, task)
    if old >= 0:
        shoot_down_task(m, me, task)  # nobody reads the old frame from here on
        drop_frame(m, me, old)
    if writable and frame >= 0:
        lock_mm(m, me, task)
        entry = lookup(m, root, va)  # the same: who changes mappings holds map_lock
        put_entry(m, me, root, va, entry | DIRTY)
        unlock_mm(m, me, task)
        m.cpus[me].page_faults += 1
    unlock_map(m, me, task)
    return frame >= 0
