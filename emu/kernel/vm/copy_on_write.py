"""Copy on write: a page whose frame may be another task's too gets a frame of its own when it is stored to.

fork gives parent and child the same frames and takes D out of both entries (forking.py).  A store to such a page comes
here through `resolve`, since only entries with D fill a write TLB.  Where nobody else holds the frame any more, D is
all that it needs.

Invariant: while one CPU can store to the new frame, no other reads the old one through its TLB; else a thread would not
see what another thread of its task has stored.  So the new frame becomes writable in one of two ways:

* at once, under mm_lock, where no other CPU uses the task's address space (`is_alone`).  A CPU that comes later has
  an empty TLB, and it fills that under mm_lock, so it finds the new frame.
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
from .address_space import lock_mm, unlock_mm
from .frames import copy_frame, drop_frame, is_shared
from .maplock import lock_map, unlock_map
from .pagetable import DIRTY, W, frame_in, has_frame, lookup, must_copy, page_in, put_entry, with_frame
from .shootdown import shoot_down_task

NO_MEMORY, ELSEWHERE = -1, -3  # what `own_page` answers where it gives no entry


@hot
def is_alone(m, me, task):
    """True when no CPU but `me` may have entries of the task in its TLB. mm_lock is held, so none can fill one."""
    others = load_mask(m.tasks[task], "cpus")
    if me < m.nr_cpus:
        others = mask_minus(others, mask_of(me))
    return mask_first(others) < 0


@hot
def own_page(m, me, task, va, entry):
    """The entry of a page that may now be stored to, its frame copied if need be. mm_lock is held.

    NO_MEMORY; or ELSEWHERE: other CPUs may have the page in their TLBs, so the caller has to `make_private`.
    """
    never_inline()
    frame = frame_in(entry)
    if is_shared(m, frame):
        if not is_alone(m, me, task):
            return ELSEWHERE
        copy = copy_frame(m, me, frame)
        if copy < 0:
            return NO_MEMORY
        entry = with_frame(entry, copy)
        _forget(m, me, task, va)
        drop_frame(m, me, frame)
    elif load_relaxed(m.tasks[task], "map_lock") != 0 and not is_alone(m, me, task):
        return ELSEWHERE  # somebody may be between the two steps
    entry |= DIRTY
    put_entry(m, me, m.tasks[task].root, va, entry)  # takes no memory: the entry is there
    m.cpus[me].page_faults += 1
    return entry


@hot
def _forget(m, me, task, va):
    """Take a page out of this CPU's own read and fetch TLB."""
    c = m.cpus[me]
    if me >= m.nr_cpus or c.tlb_task != task:
        return
    slot = ((va // PAGE_SIZE) & (TLB_ENTRIES - 1)) * 2
    c.read_tlb[slot] = -1
    c.fetch_tlb[slot] = -1


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
    enough = True
    entry = lookup(m, root, va) if root >= 0 else 0
    writable = has_frame(entry) and entry & W != 0 and must_copy(entry) and page_in(m, entry) >= 0
    if writable and is_shared(m, frame_in(entry)):
        copy = copy_frame(m, me, frame_in(entry))
        enough = copy >= 0
        if enough:
            old = frame_in(entry)
            put_entry(m, me, root, va, with_frame(entry, copy))
    unlock_mm(m, me, task)
    if old >= 0:
        shoot_down_task(m, me, task)  # nobody reads the old frame from here on
        drop_frame(m, me, old)
    if writable and enough:
        lock_mm(m, me, task)
        entry = lookup(m, root, va)  # the same: who changes mappings holds map_lock
        put_entry(m, me, root, va, entry | DIRTY)
        unlock_mm(m, me, task)
        m.cpus[me].page_faults += 1
    unlock_map(m, me, task)
    return enough
