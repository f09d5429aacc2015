"""Save areas: words that the kernel keeps of a thread that it makes, of a size chosen at its creation (kse-9).

The document's alternate kernel stack, whose size kthread_create is told.  Here a thread has no stack in the kernel, but
the kernel may have something to remember for one that it makes itself, where no guest can change it: registers are the
guest's, whoever's thread it is.  Size 0 is no area.

    make_save_area   at creation, before the thread starts      save, saved   a word of it, by the thread's own CPU
    free_save_area   the destructor, when its record is recycled (spares.py), with no lock held

The pool is part of the machine's record, so it is there from the start, and what is taken from it never serves anything
else: an area that is given back waits in the list of its size for the next thread that wants this size.  So it cannot
come to an end by fragments: a guest can have as many areas as threads, and those that it causes are of one size.

    arena     area, area, area …, never used        area      its size class + 1, then its words, of which the first
                                                              links the free ones

Truth: THREAD.save_area says who has an area, the first word of an area what size it is; the lists are indexes.
save_areas_lock guards the lists and where the arena is unused; it is taken alone.

Rejected: pages of kernel memory (vm/kernel_pages.py).  A pool that gives nothing back would keep for ever what tasks
have granted and want to reclaim, and what it has borrowed from guest memory.
"""

from ...abi.errno import ENOMEM
from ...hot import CHECK, hot, never_inline
from ...limits import SAVE_AREA_CLASSES, SAVE_ARENA_WORDS
from ...shm import lockrank
from ...shm.spinlock import acquire, fail, field_address, release
from ...shm.tags import TAG_SAVE_AREA, count_freed, count_made
from ..critical import noncritical
from ..failures import FAIL_SAVE_AREA

LEAST_WORDS = 8  # of an area, its first word among them; each class has twice as many as the one before


@hot
def words_of(size_class):
    """How many words an area has, its first among them."""
    return LEAST_WORDS << size_class


@hot
def class_of(size_bytes):
    """The size class of an area; SAVE_AREA_CLASSES where there is none so large."""
    c = 0
    while c < SAVE_AREA_CLASSES and 8 * (words_of(c) - 1) < size_bytes:
        c += 1
    return c


@hot
def make_save_area(m, me, i, size_bytes):
    """Give thread i, which has not begun, an area of this size, all 0: 0, or -ENOMEM. Size 0: it gets none."""
    never_inline()
    noncritical(m, me)
    if size_bytes == 0:
        return 0
    size_class = class_of(size_bytes)
    if size_bytes < 0 or size_class == SAVE_AREA_CLASSES:
        return -ENOMEM
    words = words_of(size_class)
    lock = field_address(m, "save_areas_lock")
    acquire(m, me, lock, lockrank.SAVE_AREAS)
    at = m.free_save_areas[size_class] - 1
    if at >= 0:
        m.free_save_areas[size_class] = m.save_arena[at + 1]
    elif m.fresh_save_word + words <= SAVE_ARENA_WORDS:
        at = m.fresh_save_word
        m.save_arena[at] = size_class + 1
        m.fresh_save_word = at + words
    release(m, me, lock)
    if at < 0:
        return -ENOMEM
    for k in range(1, words):
        m.save_arena[at + k] = 0
    m.threads[i].save_area = at + 1
    m.threads[i].save_bytes = size_bytes
    count_made(m, me, TAG_SAVE_AREA, 8 * words)
    return 0


@hot
def free_save_area(m, me, i):
    """The area of thread i, which has ended or never begun, goes back to the areas of its size."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    at = t.save_area - 1
    t.save_area = 0
    t.save_bytes = 0
    size_class = m.save_arena[at] - 1
    count_freed(m, me, TAG_SAVE_AREA, 8 * words_of(size_class))
    lock = field_address(m, "save_areas_lock")
    acquire(m, me, lock, lockrank.SAVE_AREAS)
    m.save_arena[at + 1] = m.free_save_areas[size_class]
    m.free_save_areas[size_class] = at + 1
    release(m, me, lock)


@hot
def save(m, t, k, word):
    """Store word k of a thread's save area."""
    _check(m, t, k)
    m.save_arena[t.save_area + k] = word


@hot
def saved(m, t, k):
    """Word k of a thread's save area."""
    _check(m, t, k)
    return m.save_arena[t.save_area + k]


@hot
def _check(m, t, k):
    if CHECK and (t.save_area == 0 or k < 0 or 8 * (k + 1) > t.save_bytes):
        fail(m, FAIL_SAVE_AREA, k)
