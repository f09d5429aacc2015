"""fork's half of memory: the child's page tables become a copy of the parent's, the frames are shared (cz-9).

A private page loses D in both, so that whoever stores to it first gets a frame of its own (copy_on_write.py); a page
that is SHARED stays one page of both.  Memory that nobody has touched yet is lazy in both, except where it is SHARED:
that gets its frames now, because later each task would get its own.

The parent's map_lock is held throughout, so what is mapped does not change and no table is freed; its page tables are
copied one leaf table at a time under mm_lock, so its other threads wait little for a page fault.  What these store
before the shoot-down at the end goes to frames that the child has too: the child sees it or does not, as if it had been
forked a moment later.  No CPU runs the child before the shoot-down is over.  Nobody else knows the child's tables yet,
so its mm_lock is not taken.
"""

from ...abi.errno import ENOMEM
from ...hot import hot, never_inline
from ...limits import PAGE_SIZE, USER_TOP
from ...shm.atomics import fetch_add
from ...shm.layout import frame_address
from ...shm.memory import load_64, store_64
from ...shm.tags import TAG_PAGE
from ..critical import noncritical
from .address_space import lock_mm, unlock_mm
from .faults import put_page
from .frames import allocate_frame, drop_frame, share_frame
from .maplock import lock_map, unlock_map
from .pagetable import (
    DIRTY,
    PAST_END,
    RWX,
    SHARED,
    covering,
    has_frame,
    leaf,
    must_copy,
    page_in,
    put_span,
    span_bytes,
    table_at,
)
from .shootdown import answer_shootdowns, shoot_down_task

ENTRIES = 512


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
    enough = True
    va = 0
    while va < USER_TOP and enough:
        entry, level = covering(m, p.root, va)
        if entry == 0 and level > 0:  # and stays so: map_lock
            va = _following(va, level)
            continue
        lock_mm(m, me, parent)
        entry, level = covering(m, p.root, va)
        if level > 0 and _needs_frame(entry):
            enough = _fill(m, me, parent, va)  # from here on a leaf table covers va
        elif level > 0:
            enough = put_span(m, me, c.root, va, level, entry) == 0
            va = _following(va, level)
        else:
            enough = _copy_leaves(m, me, parent, child, va)
            va = _following(va, 1)
        unlock_mm(m, me, parent)
        if me < m.nr_cpus:
            answer_shootdowns(m, me)
    shoot_down_task(m, me, parent)  # also where memory did not suffice: D was taken out of entries
    unlock_map(m, me, parent)
    return 0 if enough else -ENOMEM


@hot
def _following(va, level):
    """Where the next entry of a level begins."""
    return (va & ~(span_bytes(level) - 1)) + span_bytes(level)


@hot
def _needs_frame(entry):
    """True for memory without a frame that both tasks are to share."""
    return entry & SHARED != 0 and entry & PAST_END == 0 and not has_frame(entry)


@hot
def _fill(m, me, task, va):
    """Give the pages of a lazy span, as many as one leaf table holds, their frames; False: no memory. mm_lock held."""
    entry, _ = covering(m, m.tasks[task].root, va)
    end = _following(va, 1)
    while va < end:
        frame = allocate_frame(m, me, TAG_PAGE)
        if frame < 0:
            return False
        if put_page(m, me, task, va, leaf(frame, entry & (RWX | SHARED))) < 0:
            drop_frame(m, me, frame)
            return False
        va += PAGE_SIZE
    return True


@hot
def _copy_leaves(m, me, parent, child, va):
    """Copy the leaf table that covers va; False when memory does not suffice. mm_lock held."""
    never_inline()
    table = table_at(m, me, m.tasks[parent].root, va)
    copy = table_at(m, me, m.tasks[child].root, va)
    if table < 0 or copy < 0:
        return False
    source, target = frame_address(m, table), frame_address(m, copy)
    used = 0
    resident = 0
    enough = True
    for n in range(ENTRIES):
        entry = load_64(source + n * 8)
        if entry == 0:
            continue
        if _needs_frame(entry):
            frame = allocate_frame(m, me, TAG_PAGE)
            if frame < 0:
                enough = False
                break
            entry = leaf(frame, entry & (RWX | SHARED))
            store_64(source + n * 8, entry)
            fetch_add(m.tasks[parent], "resident", 1)
        if has_frame(entry):
            frame = page_in(m, entry)
            if frame < 0:
                break  # the machine has failed
            if not must_copy(entry) and entry & SHARED == 0:
                entry &= ~DIRTY
                store_64(source + n * 8, entry)
            share_frame(m, frame)
            resident += 1
        store_64(target + n * 8, entry)
        used += 1
    m.frames[copy].link = used
    m.tasks[child].resident += resident
    return enough
