"""Sv39 page tables in guest frames: entries, walking, and editing ranges.

Page tables are a cache.  What is mapped is said by areas (areas.py) over memory objects (objects.py); an access that
finds no entry here asks them (faults.py), and an entry may be dropped at any time, as long as TLBs are told.

An entry with V set is what the privileged specification says (leaf or pointer).  All others are 0.  A leaf holds a
reference to its frame.

Where W is set and D is not, the page may be stored to, but its frame may be another task's too.  No write TLB holds
such an entry, so the first store looks it up, and gets the page a frame that may be stored to (copy_on_write.py).
The specification allows a machine that leaves D to the kernel (Svade).

What a table holds is checked before it is used: a frame number becomes a host address only if
that frame exists, is held, and was allocated as what the entry says it is, a table or a page.
Anything else fails the machine (FAIL_PAGE_TABLE) and counts as not mapped, so that a broken
invariant of the kernel never becomes an access outside guest memory.

FRAME.link of a table frame counts its entries in use; an empty table is freed at once,
since no TLB holds tables.  All functions run with the task's mm_lock held.

Page tables were the truth themselves once, with lazy entries of emu's own for what nobody had touched.  That is less
code, but it cannot say that two tasks map one page which neither has touched, nor whose a frame is that one of them
may store to; and it looks a thousand areas up no faster than a tree does.
"""

from ...hot import hot, never_inline
from ...limits import EDITED_ENTRIES, PAGE_SHIFT, PAGE_SIZE
from ...shm.layout import frame_address
from ...shm.memory import load_64, store_64
from ...shm.spinlock import fail
from ...shm.tags import TAG_PAGE, TAG_TABLE
from ..failures import FAIL_PAGE_TABLE
from .frames import allocate_frame, drop_frame, is_live
from .gathering import gather, is_full

V, R, W, X, U = 1, 2, 4, 8, 16
ACCESSED, DIRTY = 64, 128
SHARED = 256  # software: stores are meant to be seen by other mappings
RWX = R | W | X
PPN_SHIFT, PPN_MASK = 10, (1 << 44) - 1

# Edits of a range: take entries out; set their R, W and X; take D out of those that are not SHARED, or of all.
EDIT_DROP, EDIT_PROTECT, EDIT_FREEZE, EDIT_CLEAN = range(4)


@hot
def has_frame(entry):
    """True for a leaf."""
    return entry & V != 0 and entry & RWX != 0


@hot
def is_table(entry):
    return entry & V != 0 and entry & RWX == 0


@hot
def frame_in(entry):
    """The frame number of an entry. Unchecked: fit for an address only after `page_in` or faults.resolve."""
    return (entry >> PPN_SHIFT) & PPN_MASK


@hot
def _named(m, entry, tag):
    """The frame of an entry; where it is not what it should be, the machine fails, and this returns -1."""
    frame = frame_in(entry)
    if is_live(m, frame, tag):
        return frame
    fail(m, FAIL_PAGE_TABLE, frame)
    return -1


@hot
def page_in(m, entry):
    """The frame that a leaf (`has_frame`) holds; where it is no page, the machine fails, and this returns -1."""
    return _named(m, entry, TAG_PAGE)


@hot
def _table_in(m, entry):
    """The table that a pointer (`is_table`) names; where it is none, the machine fails, and this returns -1."""
    return _named(m, entry, TAG_TABLE)


@hot
def _shift(level):
    return PAGE_SHIFT + 9 * level


@hot
def _slot(m, table, va, level):
    """Host address of the entry for va in a table frame."""
    return frame_address(m, table) + ((va >> _shift(level)) & 511) * 8


@hot
def _set(m, table, slot, entry):
    """Write an entry and keep the table's count of used ones."""
    old = load_64(slot)
    if old == 0 and entry != 0:
        m.frames[table].link += 1
    elif old != 0 and entry == 0:
        m.frames[table].link -= 1
    store_64(slot, entry)


@hot
def _descend(m, me, table, va, level):
    """The table below, made if need be; -1: out of memory."""
    never_inline()
    slot = _slot(m, table, va, level)
    entry = load_64(slot)
    if entry != 0:
        return _table_in(m, entry)
    below = allocate_frame(m, me, TAG_TABLE)
    if below >= 0:
        _set(m, table, slot, (below << PPN_SHIFT) | V)
    return below


@hot
def table_at(m, me, root, va):
    """The leaf table that covers va, tables made on the way; -1: out of memory."""
    never_inline()
    table = _descend(m, me, root, va, 2)
    return _descend(m, me, table, va, 1) if table >= 0 else -1


@hot
def covering(m, root, va):
    """(the entry that covers va or 0, its level)."""
    table = root
    entry = 0
    level = 2
    while table >= 0:
        entry = load_64(_slot(m, table, va, level))
        if not is_table(entry):
            return entry, level
        table = _table_in(m, entry)
        level -= 1
        if level < 0:  # a pointer at the lowest level, where only pages may be
            fail(m, FAIL_PAGE_TABLE, table)
            break
    return 0, 2


@hot
def lookup(m, root, va):
    """The entry that covers va at any level, 0 when nothing does."""
    entry, _ = covering(m, root, va)
    return entry


@hot
def span_bytes(level):
    """How much an entry of a level covers."""
    return 1 << _shift(level)


@hot
def put_entry(m, me, root, va, entry):
    """Set the 4 KiB entry for va; 0, or -1 when out of memory (never where there was one)."""
    never_inline()
    table = table_at(m, me, root, va)
    if table < 0:
        _prune(m, me, root, va)
        return -1
    _set(m, table, _slot(m, table, va, 0), entry)
    return 0


@hot
def must_copy(entry):
    """True for a page whose frame may be another task's too, or is not known as stored to yet."""
    return entry & DIRTY == 0


@hot
def with_frame(entry, frame):
    """The same page in another frame."""
    return (entry & ((1 << PPN_SHIFT) - 1)) | (frame << PPN_SHIFT)


@hot
def _prune(m, me, root, va):
    """Free the tables on the way to va that are empty."""
    never_inline()
    for lowest in range(2):
        table = root
        above = root
        level = 2
        while level > lowest:
            entry = load_64(_slot(m, table, va, level))
            if not is_table(entry):
                break
            above = table
            table = _table_in(m, entry)
            if table < 0:
                return
            level -= 1
        if level == lowest and table != root and m.frames[table].link == 0:
            _set(m, above, _slot(m, above, va, level + 1), 0)
            drop_frame(m, me, table)


@hot
def leaf(frame, flags, may_store):
    """The entry of a frame with the rights of an area's flags; `may_store`: where W allows it, without another look."""
    entry = (frame << PPN_SHIFT) | U | V | ACCESSED | (flags & (RWX | SHARED))
    return entry | DIRTY if may_store and flags & W else entry


@hot
def edit_range(m, me, root, start, end, edit, flags):
    """Apply an edit to the entries of [start, end); up to where it was done.

    That is before the end when the actor's buffer of gathered frames is full or many entries were looked at.  The
    caller then releases what was gathered, and calls again.
    """
    never_inline()
    va = start
    left = EDITED_ENTRIES
    drops = edit == EDIT_DROP or (edit == EDIT_PROTECT and flags & RWX == 0)
    while va < end and left > 0:
        table = root
        level = 2
        while True:
            slot = _slot(m, table, va, level)
            entry = load_64(slot)
            if entry == 0 or level == 0:
                break
            table = _table_in(m, entry)
            if table < 0:
                return end
            level -= 1
        stop = min(end, (va & ~(span_bytes(level) - 1)) + span_bytes(level))
        if entry == 0 and level > 0:
            va = stop
            left -= 1
            continue
        stop = min(end, (va & ~(span_bytes(1) - 1)) + span_bytes(1))  # the entries of this table
        while va < stop and left > 0:
            entry = load_64(slot)
            if entry != 0:
                if drops:
                    if is_full(m, me):
                        return va
                    frame = page_in(m, entry)
                    if frame < 0:
                        return end
                    gather(m, me, frame)
                    _set(m, table, slot, 0)
                elif edit == EDIT_PROTECT:
                    store_64(slot, (entry & ~RWX) | (flags & RWX))
                elif edit == EDIT_CLEAN or entry & SHARED == 0:
                    store_64(slot, entry & ~DIRTY)
            va += PAGE_SIZE
            slot += 8
            left -= 1
        if drops and m.frames[table].link == 0:
            _prune(m, me, root, va - 1)
    return va
