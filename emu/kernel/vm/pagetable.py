"""Sv39 page tables in guest frames: entries, walking, and editing ranges.

An entry with V set is what the privileged specification says (leaf or pointer).
An entry without V has a meaning of emu's own: U set means that the span it covers, at whatever level
(4 KiB, 2 MiB, 1 GiB), is mapped with the permissions in R, W and X but has no frame
yet (or, with RESIDENT, has one that PROT_NONE hides; or, with PAST_END, gets none because it
lies past the end of the file that is mapped there).  So page tables alone say
what is mapped: there is no second list of areas that could disagree.  Empty is 0.

Copy on write: where W is set and D is not, the page may be stored to, but its frame may be another task's too.  No
write TLB holds such an entry, so the first store looks it up, gives the task a frame of its own, and sets D
(copy_on_write.py).  The specification allows a machine that leaves D to the kernel (Svade).  For pages that are SHARED
on purpose D means nothing.

What a table holds is checked before it is used: a frame number becomes a host address only if
that frame exists, is held, and was allocated as what the entry says it is, a table or a page.
Anything else fails the machine (FAIL_PAGE_TABLE) and counts as not mapped, so that a broken
invariant of the kernel never becomes an access outside guest memory.

FRAME.link of a table frame counts its entries in use; an empty table is freed at once,
since no TLB holds tables.  All functions run with the task's mm_lock held.

Rejected: a sorted array of areas (500 thread stacks with guards are 1000 areas to
shift about, and every fault searches twice).
"""

from ...hot import hot, never_inline
from ...limits import EDITED_ENTRIES, PAGE_SHIFT
from ...shm.atomics import load_relaxed
from ...shm.layout import frame_address
from ...shm.memory import load_64, store_64
from ...shm.spinlock import fail
from ...shm.tags import TAG_PAGE, TAG_TABLE
from ..failures import FAIL_PAGE_TABLE
from .frames import FRAME_CUT_OFF, allocate_frame, drop_frame, is_live
from .gathering import gather, is_full

V, R, W, X, U = 1, 2, 4, 8, 16
ACCESSED, DIRTY = 64, 128
SHARED = 256  # software: stores are meant to be seen by other mappings
RESIDENT = 512  # software: no V, yet a frame
RWX = R | W | X
PPN_SHIFT = 10
PAST_END = 1 << PPN_SHIFT  # software, where there is no frame: accesses are bus errors
NUMBER_SHIFT = PPN_SHIFT + 1  # above PAST_END: the server's number of the file mapping, 0 none

# Edits of a range. EDIT_FORGET takes out entries whose references have gone elsewhere; EDIT_CUT_OFF
# takes the frames marked FRAME_CUT_OFF out of their pages, which then lie past the file's end.
EDIT_MAP, EDIT_UNMAP, EDIT_PROTECT, EDIT_DISCARD, EDIT_FORGET, EDIT_CUT_OFF = range(6)


@hot
def has_frame(entry):
    """True for a leaf that holds a frame, visible or hidden."""
    return (entry & V != 0 and entry & RWX != 0) or (entry & V == 0 and entry & RESIDENT != 0)


@hot
def is_past_end(entry):
    """True for a mapped page past the end of its file."""
    return entry & (V | RESIDENT) == 0 and entry & PAST_END != 0


@hot
def is_table(entry):
    return entry & V != 0 and entry & RWX == 0


@hot
def frame_in(entry):
    """The frame number of an entry. Unchecked: fit for an address only after `page_in` or faults.resolve."""
    return (entry >> PPN_SHIFT) & 0xFFFFFFFFFFF


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
    """The table below, made (and a lazy span split over it) if need be; -1: out of memory."""
    never_inline()
    slot = _slot(m, table, va, level)
    entry = load_64(slot)
    if is_table(entry):
        return _table_in(m, entry)
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
    """Set the 4 KiB entry for va, in place of one without a frame; 0, or -1 when out of memory."""
    never_inline()
    table = table_at(m, me, root, va)
    if table < 0:
        return -1
    _set(m, table, _slot(m, table, va, 0), entry)
    return 0


@hot
def put_span(m, me, root, va, level, entry):
    """Set the entry for va at level 1 or 2, where there is none; 0, or -1 when out of memory."""
    table = root if level == 2 else _descend(m, me, root, va, 2)
    if table < 0:
        return -1
    _set(m, table, _slot(m, table, va, level), entry)
    return 0


@hot
def must_copy(entry):
    """True for a page whose frame may be another task's too, until it is stored to."""
    return entry & (DIRTY | SHARED) == 0


@hot
def with_frame(entry, frame):
    """The same page in another frame."""
    return (entry & ((1 << PPN_SHIFT) - 1)) | (frame << PPN_SHIFT)


@hot
def leaf(frame, flags):
    """The entry of a frame with R, W, X flags (and SHARED); without any of R, W, X it is hidden."""
    entry = (frame << PPN_SHIFT) | U | flags
    return entry | V | ACCESSED | DIRTY if flags & RWX else entry | RESIDENT


@hot
def cut(m, me, root, va, making):
    """Split a lazy span (mapped, no frames yet) that reaches across va, so that an edit may begin or end there.

    0, or -1 when out of memory.  `making`: also make the tables that entries just above or below va need
    (EDIT_MAP).  So an edit between two cuts needs no memory: it is done whole, or not begun.
    """
    never_inline()
    table = root
    for level in range(2, 0, -1):
        if va & (span_bytes(level) - 1) == 0:
            break
        entry = load_64(_slot(m, table, va, level))
        if entry == 0 and not making:
            break
        table = _descend(m, me, table, va, level)
        if table < 0:
            return -1
    return 0


@hot
def cut_ends(m, me, root, start, end, making):
    """Cut both ends of a range; False when memory does not suffice."""
    large = span_bytes(1)
    if start & (large - 1) != 0 and start >> _shift(1) == (end - 1) >> _shift(1):  # one table holds both
        return cut(m, me, root, start, making) == 0
    return cut(m, me, root, start, making) == 0 and cut(m, me, root, end, making) == 0


@hot
def _edited(entry, edit, flags):
    """What an edit makes of a leaf or lazy entry (never a table)."""
    if edit == EDIT_MAP:
        return U | flags
    if edit == EDIT_UNMAP or edit == EDIT_FORGET:
        return 0
    if edit == EDIT_PROTECT:
        if not has_frame(entry):
            return (entry & ~RWX) | flags
        kept = entry & ~(RWX | V | RESIDENT)
        return kept | flags | V if flags else kept | RESIDENT
    if edit == EDIT_CUT_OFF:
        return U | (entry & (RWX | SHARED)) | PAST_END
    if entry & V:  # EDIT_DISCARD
        return U | (entry & (RWX | SHARED))
    return U | (entry & SHARED)


@hot
def _loses_frame(m, entry, edit):
    """True when an edit takes a frame out of this entry, so that it has to be gathered."""
    if not has_frame(entry) or edit == EDIT_PROTECT or edit == EDIT_FORGET:
        return False
    if edit == EDIT_CUT_OFF:
        frame = page_in(m, entry)
        return frame >= 0 and load_relaxed(m.frames[frame], "word") & FRAME_CUT_OFF != 0
    return edit != EDIT_DISCARD or entry & SHARED == 0


@hot
def edit_range(m, me, root, start, end, edit, flags):
    """Apply an edit to the pages from start on (page-aligned, both ends cut), some or all of them.

    Returns (va, the number of bytes that were not mapped; EDIT_PROTECT and EDIT_DISCARD leave these alone).
    The edit is done up to va, which is before the end when the actor's buffer of gathered frames is full or
    many entries were looked at.  The caller then releases what was gathered, and calls again from va.
    """
    never_inline()
    va = start
    holes = 0
    left = EDITED_ENTRIES
    while va < end and left > 0:
        left -= 1
        table = root
        level = 2
        while True:
            span = span_bytes(level)
            slot = _slot(m, table, va, level)
            entry = load_64(slot)
            if is_table(entry):
                if level == 0:
                    fail(m, FAIL_PAGE_TABLE, frame_in(entry))
                    return end, holes
                table = _table_in(m, entry)
                if table < 0:
                    return end, holes
                level -= 1
                continue
            if entry == 0 and edit != EDIT_MAP:
                step = min(end, (va & ~(span - 1)) + span) - va
                holes += step
                va += step
                break
            if level > 0 and (va & (span - 1) != 0 or end - va < span):  # not cut
                fail(m, FAIL_PAGE_TABLE, frame_in(entry))
                return end, holes
            if _loses_frame(m, entry, edit):
                if is_full(m, me):
                    return va, holes
                frame = page_in(m, entry)
                if frame < 0:
                    return end, holes
                gather(m, me, frame)
                _set(m, table, slot, _edited(entry, edit, flags))
            elif edit != EDIT_DISCARD and edit != EDIT_CUT_OFF:
                _set(m, table, slot, _edited(entry, edit, flags))
            va += span
            break
        if (edit == EDIT_UNMAP or edit == EDIT_FORGET) and m.frames[table].link == 0 and table != root:
            _prune(m, me, root, va - 1)
    return va, holes


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
def highest_mapped(m, root, start, end):
    """The end of the highest mapped span that reaches into [start, end), or -1."""
    never_inline()
    va = end
    while va > start:
        entry, level = covering(m, root, va - 1)
        below = (va - 1) & ~(span_bytes(level) - 1)
        if entry != 0:
            return min(end, below + span_bytes(level))
        va = below
    return -1
