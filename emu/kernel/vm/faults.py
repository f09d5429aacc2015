"""What a page fault does: it asks the area and its object for the page, and keeps the answer in the page table.

`resolve` is the one lookup for every access, a CPU's or the kernel's.  An entry that allows the access is the answer.
Else the area says whether it is allowed, and the page is looked for down the chain of objects (objects.py).  One that
none of them has is made of zeroes, or is read from its file, which the system server does.  A store gets the page a
frame that is its task's own, or its object's where stores are meant to be shared (copy_on_write.py).

Of two CPUs that touch one page, the second finds what the first has put there: both hold mm_lock where they are of one
task, and the object's lock where two tasks share it.

Where `resolve` answers ELSEWHERE, it cannot finish with mm_lock held: the caller gives that lock back, calls
copy_on_write.make_private, and begins anew.
"""

from ...hot import hot, never_inline
from ...limits import PAGE_SIZE, PAGES_AHEAD, USER_TOP
from ...shm.atomics import fetch_add
from ...shm.exits import ACCESS_FETCH, ACCESS_WRITE, NO_ACCESS
from ...shm.tags import TAG_PAGE
from .areas import NEEDS_COPY, area_at, page_of
from .copy_on_write import BEYOND_FILE, NO_MEMORY, note_store, own_object, own_page
from .frames import allocate_frame, copy_frame, drop_frame, share_frame
from .objects import (
    NOT_READ,
    OBJECT_ANONYMOUS,
    OBJECT_FILE,
    PAST_END,
    ZEROES,
    find_page,
    lock_object,
    new_object,
    unlock_object,
)
from .pagetable import RWX, SHARED, R, W, X, has_frame, leaf, lookup, must_copy, page_in, put_entry
from .radix import put_page

REFUSED, IN_SERVER = 0, -4  # what `resolve` answers where there is no entry for an access; also those of own_page


@hot
def wanted(access):
    """The right that an access needs."""
    return W if access == ACCESS_WRITE else X if access == ACCESS_FETCH else R


@hot
def resolve(m, me, task, va, access):
    """The leaf entry for an access, its frame allocated if there was none; mm_lock is held.

    REFUSED: not allowed; NO_MEMORY: guest memory is used up; BEYOND_FILE: past the mapped file's end; ELSEWHERE;
    IN_SERVER: the page has not been read from its file yet.  CPU.missing says which, so that a system call can be made
    again when the server has read it; likewise where the task has a pager, which may map it.
    """
    never_inline()
    t = m.tasks[task]
    if va < 0 or va >= USER_TOP or t.root < 0:
        return REFUSED
    entry = lookup(m, t.root, va)
    if has_frame(entry) and entry & wanted(access) == 0:
        entry = _follow_area(m, me, task, va, entry)
    if has_frame(entry) and entry & wanted(access) != 0:
        if page_in(m, entry) < 0:
            return REFUSED
        return own_page(m, me, task, va, entry) if access == ACCESS_WRITE and must_copy(entry) else entry
    a = area_at(m, t, va)
    if a < 0 or m.areas[a].flags & wanted(access) == 0:
        if t.pager != 0:
            m.cpus[me].missing = va
            m.cpus[me].missing_access = access
        return REFUSED
    return _fill(m, me, task, va, a, access)


@hot
def _follow_area(m, me, task, va, entry):
    """Give an entry the rights of its area, which mprotect changes first; the entry. Its frame stays."""
    never_inline()
    a = area_at(m, m.tasks[task], va)
    if a >= 0 and m.areas[a].flags & RWX & ~entry != 0:
        entry |= m.areas[a].flags & RWX
        put_entry(m, me, m.tasks[task].root, va, entry)  # takes no memory: the entry is there
    return entry


@hot
def _fill(m, me, task, va, a, access):
    """Give a page that has no entry one, as its area and object say."""
    never_inline()
    area = m.areas[a]
    stores = access == ACCESS_WRITE
    if area.object == 0:
        o = new_object(m, me, OBJECT_ANONYMOUS)
        if o < 0:
            return NO_MEMORY
        area.first = 0  # nothing counts from it yet
        area.object = o + 1
    elif stores and area.flags & (SHARED | NEEDS_COPY) == NEEDS_COPY and not own_object(m, me, area):
        return NO_MEMORY
    o = area.object - 1
    lock_object(m, me, o)
    frame, may_store = _find(m, me, area, o, page_of(area, va), stores)
    unlock_object(m, me, o)
    if frame == IN_SERVER:
        m.cpus[me].missing = va
        m.cpus[me].missing_access = NO_ACCESS
    if frame < 0:
        return frame
    entry = leaf(frame, area.flags, may_store)
    if put_entry(m, me, m.tasks[task].root, va, entry) < 0:
        drop_frame(m, me, frame)
        return NO_MEMORY
    fetch_add(m.tasks[task], "resident", 1)
    m.cpus[me].page_faults += 1
    if stores and may_store and area.flags & SHARED == 0:
        _fill_ahead(m, me, task, va, area)
    return entry


@hot
def _fill_ahead(m, me, task, va, area):
    """Give pages behind one that was just stored to for the first time frames of their own, too.

    As many as there are before it: who fills memory from below has few faults, and at most twice the memory.  They get
    what a store would have given them, and neighbouring frames, which one host mapping shows (windows.py): frames that
    were used before are handed out from the last one freed to the first one, so they go to the pages from above.
    """
    never_inline()
    count = _room_ahead(m, m.tasks[task].root, va, area)
    from_above = m.free_frame >= 0
    for k in range(count):
        step = count - k if from_above else k + 1
        if not _fill_one(m, me, task, va + step * PAGE_SIZE, area):
            return


@hot
def _room_ahead(m, root, va, area):
    """How many pages to fill behind one; none where memory is scarce."""
    before = 0
    while before < PAGES_AHEAD and va - (before + 1) * PAGE_SIZE >= area.start:
        if not has_frame(lookup(m, root, va - (before + 1) * PAGE_SIZE)):
            break
        before += 1
    count = 0
    while count < before and va + (count + 1) * PAGE_SIZE < area.end:
        if has_frame(lookup(m, root, va + (count + 1) * PAGE_SIZE)):
            break
        count += 1
    return count if m.nr_free_frames >= m.nr_frames // 4 else 0


@hot
def _fill_one(m, me, task, va, area):
    """Give a page without an entry what its first store would have given it; False where that is not zeroes."""
    o, page = area.object - 1, page_of(area, va)
    lock_object(m, me, o)
    found, _ = find_page(m, o, page)
    frame = allocate_frame(m, me, TAG_PAGE) if found == ZEROES else -1
    if frame >= 0 and not put_page(m, me, m.objects[o], page, frame):
        drop_frame(m, me, frame)
        frame = -1
    if frame >= 0:
        share_frame(m, frame)  # one reference is the object's, one the entry's
    unlock_object(m, me, o)
    if frame < 0:
        return False
    if put_entry(m, me, m.tasks[task].root, va, leaf(frame, area.flags, True)) < 0:
        drop_frame(m, me, frame)
        return False
    fetch_add(m.tasks[task], "resident", 1)
    return True


@hot
def _find(m, me, area, o, page, stores):
    """(a frame for a page with a reference, or what `resolve` answers without one; whether it may be stored to)."""
    frame, holder = find_page(m, o, page)
    own = area.flags & (SHARED | NEEDS_COPY) != NEEDS_COPY  # what the object has, may be stored to
    if frame == ZEROES:
        frame = allocate_frame(m, me, TAG_PAGE)
    elif frame == PAST_END:
        return BEYOND_FILE, False
    elif frame == NOT_READ:
        return IN_SERVER, False
    elif holder == o:
        share_frame(m, frame)
        is_file = m.objects[o].kind == OBJECT_FILE
        if stores and is_file:
            note_store(m, o, page)
        return frame, own and (stores or not is_file)
    elif stores:
        frame = copy_frame(m, me, frame)
    else:
        share_frame(m, frame)
        return frame, False
    if frame < 0:
        return NO_MEMORY, False
    share_frame(m, frame)  # one reference is the object's, one the entry's
    if not put_page(m, me, m.objects[o], page, frame):
        drop_frame(m, me, frame)
        drop_frame(m, me, frame)
        return NO_MEMORY, False
    return frame, own
