"""Sv39 page tables in guest frames: entries, walking, and editing ranges.

An entry with V set is what the privileged specification says (leaf or pointer).
An entry without V is ours: U set means that the span it covers, at whatever level
(4 KiB, 2 MiB, 1 GiB), is mapped with the permissions in R, W and X but has no frame
yet (or, with RESIDENT, has one that PROT_NONE hides).  So page tables alone say
what is mapped: there is no second list of areas that could disagree.  Empty is 0.

FRAME.link of a table frame counts its entries in use; an empty table is freed.
All functions run with the task's mm_lock held.

Rejected: a sorted array of areas (500 thread stacks with guards are 1000 areas to
shift about, and every fault searches twice).
"""

from ...hot import hot, never_inline
from ...limits import PAGE_SHIFT, RAM_OFFSET
from ...shm.layout import frame_address
from ...shm.memory import address_of, load_64, store_64
from ...shm.tags import TAG_TABLE
from .frames import allocate_frame, drop_frame

V, R, W, X, U = 1, 2, 4, 8, 16
ACCESSED, DIRTY = 64, 128
SHARED = 256  # software: stores are meant to be seen by other mappings
RESIDENT = 512  # software: no V, yet a frame
RWX = R | W | X
PPN_SHIFT = 10

# Edits of a range.
EDIT_MAP, EDIT_UNMAP, EDIT_PROTECT, EDIT_DISCARD = range(4)


@hot
def has_frame(entry):
    """True for a leaf that holds a frame, visible or hidden."""
    return (entry & V != 0 and entry & RWX != 0) or (entry & V == 0 and entry & RESIDENT != 0)


@hot
def is_table(entry):
    return entry & V != 0 and entry & RWX == 0


@hot
def frame_in(entry):
    return (entry >> PPN_SHIFT) & 0xFFFFFFFFFFF


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
    """The table below, made (and a lazy span split over it) if need be; -1: out of memory."""
    never_inline()
    slot = _slot(m, table, va, level)
    entry = load_64(slot)
    if is_table(entry):
        return frame_in(entry)
    below = allocate_frame(m, me, TAG_TABLE)
    if below < 0:
        return -1
    if entry != 0:  # a lazy span: each part inherits its permissions
        base = frame_address(m, below)
        for k in range(512):
            store_64(base + k * 8, entry)
        m.frames[below].link = 512
    _set(m, table, slot, (below << PPN_SHIFT) | V)
    return below


@hot
def leaf_slot(m, me, root, va):
    """Host address of the 4 KiB entry for va, tables made on the way; 0: out of memory."""
    never_inline()
    table = _descend(m, me, root, va, 2)
    if table >= 0:
        table = _descend(m, me, table, va, 1)
    return _slot(m, table, va, 0) if table >= 0 else 0


@hot
def lookup(m, root, va):
    """The entry that covers va at any level, 0 when nothing does."""
    table = root
    entry = 0
    for level in range(2, -1, -1):
        entry = load_64(_slot(m, table, va, level))
        if not is_table(entry):
            break
        table = frame_in(entry)
    return entry


@hot
def put_frame(m, me, root, va, frame, flags):
    """Map a frame at va with R, W, X flags (and SHARED); 0, or -1 when out of memory.

    The caller's reference to the frame becomes the entry's.
    """
    never_inline()
    slot = leaf_slot(m, me, root, va)
    if slot == 0:
        return -1
    table = (slot - address_of(m) - RAM_OFFSET) >> PAGE_SHIFT
    entry = (frame << PPN_SHIFT) | U | flags
    if flags & RWX:
        entry |= V | ACCESSED | DIRTY
    else:
        entry |= RESIDENT
    _set(m, table, slot, entry)
    return 0


@hot
def _edited(entry, edit, flags):
    """What an edit makes of a leaf or lazy entry (never a table)."""
    if edit == EDIT_MAP:
        return U | flags
    if edit == EDIT_UNMAP:
        return 0
    if edit == EDIT_PROTECT:
        if not has_frame(entry):
            return (entry & ~RWX) | flags
        kept = entry & ~(RWX | V | RESIDENT)
        return kept | flags | V if flags else kept | RESIDENT
    if entry & V:  # EDIT_DISCARD
        return U | (entry & (RWX | SHARED))
    return U | (entry & SHARED)


@hot
def edit_range(m, me, root, start, end, edit, flags, chain):
    """Apply an edit to all pages from start to end (page-aligned).

    Returns (result, chain): result is 0, -1 out of memory, or the number of bytes
    that were not mapped (EDIT_PROTECT and EDIT_DISCARD leave them alone).  Frames taken
    out are linked into `chain` through FRAME.link; they must not be dropped before the TLBs
    that may hold them were shot down.
    """
    never_inline()
    va = start
    holes = 0
    while va < end:
        table = root
        level = 2
        while True:
            span = 1 << _shift(level)
            slot = _slot(m, table, va, level)
            entry = load_64(slot)
            whole = va & (span - 1) == 0 and end - va >= span
            if is_table(entry):
                table = frame_in(entry)
            elif entry == 0 and edit != EDIT_MAP:
                step = min(end, (va & ~(span - 1)) + span) - va
                holes += step
                va += step
                break
            elif level == 0 or whole:
                if edit != EDIT_PROTECT and has_frame(entry) and not (
                    edit == EDIT_DISCARD and entry & SHARED
                ):
                    frame = frame_in(entry)
                    m.frames[frame].link = chain
                    chain = frame
                    _set(m, table, slot, _edited(entry, edit, flags))
                elif edit != EDIT_DISCARD:
                    _set(m, table, slot, _edited(entry, edit, flags))
                va += span
                break
            else:
                table = _descend(m, me, table, va, level)
                if table < 0:
                    return -1, chain
            level -= 1
        if edit == EDIT_UNMAP and m.frames[table].link == 0 and table != root:
            _prune(m, me, root, va - 1)
    return holes, chain


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
            table = frame_in(entry)
            level -= 1
        if level == lowest and table != root and m.frames[table].link == 0:
            _set(m, above, _slot(m, above, va, level + 1), 0)
            drop_frame(m, me, table)


@hot
def highest_mapped(m, root, start, end):
    """The end of the highest mapped span that reaches into [start, end), or -1."""
    never_inline()
    va = end
    while va > start:
        table = root
        last = va - 1
        for level in range(2, -1, -1):
            span = 1 << _shift(level)
            entry = load_64(_slot(m, table, last, level))
            if is_table(entry):
                table = frame_in(entry)
                continue
            if entry != 0:
                return min(end, (last & ~(span - 1)) + span)
            va = last & ~(span - 1)
            break
    return -1
