"""What a page fault does: it finds the entry that an access needs, and gives the page a frame, or one of its own.

`resolve` is the one lookup for every access, a CPU's or the kernel's.  Where it answers ELSEWHERE, it cannot finish
with mm_lock held: the caller gives that lock back, calls copy_on_write.make_private, and begins anew.
"""

from ...abi.errno import EAGAIN, ENOMEM
from ...hot import hot, never_inline
from ...limits import USER_TOP
from ...shm.atomics import fetch_add
from ...shm.exits import ACCESS_FETCH, ACCESS_WRITE
from ...shm.tags import TAG_PAGE
from ..critical import either
from .address_space import lock_mm, unlock_mm
from .copy_on_write import NO_MEMORY, own_page
from .frames import allocate_frame, drop_frame
from .pagetable import PAST_END, RWX, SHARED, R, W, X, has_frame, leaf, lookup, must_copy, page_in, put_entry

REFUSED, BEYOND_FILE = 0, -2  # what `resolve` answers where there is no entry for an access; also the two of own_page


@hot
def wanted(access):
    """The permission that an access needs."""
    return W if access == ACCESS_WRITE else X if access == ACCESS_FETCH else R


@hot
def resolve(m, me, task, va, access):
    """The leaf entry for an access, its frame allocated if there was none; mm_lock is held.

    REFUSED: not allowed; NO_MEMORY: guest memory is used up; BEYOND_FILE: past the mapped file's end; ELSEWHERE.
    """
    never_inline()
    root = m.tasks[task].root
    if va < 0 or va >= USER_TOP or root < 0:
        return REFUSED
    word = lookup(m, root, va)
    if word & wanted(access) == 0:
        return REFUSED
    if has_frame(word):
        if page_in(m, word) < 0:
            return REFUSED
        return own_page(m, me, task, va, word) if access == ACCESS_WRITE and must_copy(word) else word
    if word & PAST_END:
        return BEYOND_FILE
    frame = allocate_frame(m, me, TAG_PAGE)
    if frame < 0:
        return NO_MEMORY
    word = leaf(frame, word & (RWX | SHARED))
    if put_page(m, me, task, va, word) < 0:
        drop_frame(m, me, frame)
        return NO_MEMORY
    m.cpus[me].page_faults += 1
    return word


@hot
def put_frame(m, me, task, va, frame, flags):
    """Put a frame into a page that is mapped and has none yet.

    0, and the page has taken over the caller's reference; -ENOMEM; or -EAGAIN when another thread
    has unmapped or touched the page meanwhile.
    """
    never_inline()
    either(m, me)
    lock_mm(m, me, task)
    word = lookup(m, m.tasks[task].root, va)
    result = -EAGAIN
    if word != 0 and not has_frame(word):
        result = put_page(m, me, task, va, leaf(frame, flags))
    unlock_mm(m, me, task)
    return result


@hot
def put_page(m, me, task, va, word):
    """Set the entry of a page that has no frame to one with a frame; 0 or -ENOMEM. mm_lock held."""
    if put_entry(m, me, m.tasks[task].root, va, word) < 0:
        return -ENOMEM
    fetch_add(m.tasks[task], "resident", 1)
    return 0
