"""mremap: growing, shrinking and moving a mapping (mremap(2)).

map_lock is held from the first look to the last shoot-down.  A move takes all the memory for
tables that it can need before it moves the first page, and both happen in one go under mm_lock:
either all pages are moved or none, and nobody finds a page missing from both places.  The frame's
reference goes from the old entry to the new one.

Differs from Linux: a file mapping that grows gets private zeroes, not more of the file;
pages past the file's end stay so after a move, even if the file grows; no MREMAP_DONTUNMAP.
"""

from ...abi.errno import EFAULT, ENOMEM
from ...hot import hot, never_inline
from ...limits import USER_TOP
from ..critical import either, noncritical
from .address_space import edit_pages, find_place, is_free, is_mapped, lock_mm, unlock_mm
from .maplock import lock_map, unlock_map
from .pagetable import (
    EDIT_FORGET,
    EDIT_MAP,
    EDIT_UNMAP,
    PAST_END,
    RWX,
    SHARED,
    covering,
    cut,
    edit_range,
    has_frame,
    lookup,
    put_entry,
    span_bytes,
)
from .shootdown import shoot_down_task


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
            result = edit_pages(m, me, task, old + new_size, old + old_size, EDIT_UNMAP, 0)
            result = old if result >= 0 else result
        else:
            result = _grow(m, me, task, old, old_size, new_size, may_move)
    unlock_map(m, me, task)
    return result


@hot
def _move_to(m, me, task, old, old_size, new_size, target):
    """MREMAP_FIXED."""
    if edit_pages(m, me, task, target, target + new_size, EDIT_UNMAP, 0) < 0:
        return -ENOMEM
    if new_size < old_size:
        if edit_pages(m, me, task, old + new_size, old + old_size, EDIT_UNMAP, 0) < 0:
            return -ENOMEM
        old_size = new_size
    return move(m, me, task, old, old_size, target, new_size)


@hot
def _grow(m, me, task, old, old_size, new_size, may_move):
    """Grow a mapping: in place where there is room behind it, else elsewhere."""
    end = old + old_size
    if old <= USER_TOP - new_size and is_free(m, me, task, end, new_size - old_size):
        result = edit_pages(m, me, task, end, old + new_size, EDIT_MAP, _flags_at(m, me, task, end - 1))
        return old if result >= 0 else result
    if not may_move:
        return -ENOMEM
    target = find_place(m, me, task, 0, new_size)
    if target <= 0:
        return -ENOMEM
    return move(m, me, task, old, old_size, target, new_size)


@hot
def _flags_at(m, me, task, va):
    """The permissions of a page."""
    lock_mm(m, me, task)
    entry = lookup(m, m.tasks[task].root, va)
    unlock_mm(m, me, task)
    return entry & (RWX | SHARED)


@hot
def move(m, me, task, old, old_size, target, new_size):
    """Move mapped pages to a range where nothing is mapped, new_size >= old_size; the target or -ENOMEM.

    map_lock held.
    """
    never_inline()
    either(m, me)
    root = m.tasks[task].root
    lock_mm(m, me, task)
    enough = _prepare(m, me, root, old, old_size, target, new_size)
    if enough:
        flags = lookup(m, root, old + old_size - 1) & (RWX | SHARED)
        _transfer(m, me, root, old, old_size, target)
        _edit(m, me, root, target + old_size, target + new_size, EDIT_MAP, flags)
        _edit(m, me, root, old, old + old_size, EDIT_FORGET, 0)
    else:
        _edit(m, me, root, target, target + new_size, EDIT_UNMAP, 0)  # frees the tables that were made in vain
    unlock_mm(m, me, task)
    shoot_down_task(m, me, task)
    return target if enough else -ENOMEM


@hot
def _edit(m, me, root, start, end, edit, flags):
    """Apply an edit that takes no frame out and needs no table to a range, in one go under mm_lock."""
    va = start
    while va < end:
        va, _ = edit_range(m, me, root, va, end, edit, flags)


@hot
def _step(m, root, va, end):
    """(the entry that covers va, where the next one begins or the range ends)."""
    entry, level = covering(m, root, va)
    return entry, min(end, (va & ~(span_bytes(level) - 1)) + span_bytes(level))


@hot
def _prepare(m, me, root, old, old_size, target, new_size):
    """Make all tables that the move needs; False when memory does not suffice."""
    if cut(m, me, root, old, False) < 0 or cut(m, me, root, old + old_size, False) < 0:
        return False
    if cut(m, me, root, target, True) < 0 or cut(m, me, root, target + new_size, True) < 0:
        return False
    va = old
    while va < old + old_size:  # the target is cut wherever an entry of the old range ends
        _, va = _step(m, root, va, old + old_size)
        if cut(m, me, root, target + (va - old), True) < 0:
            return False
    return True


@hot
def _transfer(m, me, root, old, old_size, target):
    """Give the target the entries of the old range."""
    va = old
    while va < old + old_size:
        entry, following = _step(m, root, va, old + old_size)
        to = target + (va - old)
        if has_frame(entry):
            put_entry(m, me, root, to, entry)
        else:
            _edit(m, me, root, to, to + (following - va), EDIT_MAP, entry & (RWX | SHARED | PAST_END))
        va = following
