"""Memory objects: pages that areas map, and what a store to a page of others makes of them (cz-11).

kind        its pages
ANONYMOUS   what was stored; the rest reads as zeroes
SHADOW      what was stored since the original was shared; the rest are the original's, which may be a shadow too
FILE        of a file, as many as are in memory (file_objects.py); those from `limit` on are past its end
SEGMENT     as ANONYMOUS, kept by the system server (shmget)

A shadow numbers its pages as its original does, so a page is looked for under one number down the whole chain.

fork lets both tasks' areas have one object, and marks them NEEDS_COPY.  A store through such an area first makes the
object its own (`make_own`): it takes the object where nobody else has it any more, else it gets a shadow in front.  So

    an area that is private and not NEEDS_COPY is the only one that maps its part of its object; nobody shadows it.

Only then may its page-table entries let stores through (D), and only then may pages be taken out of the object when the
area forgets them.  What an object that others have too holds is never changed.  (A read of a page that nobody has
stored to may add one of zeroes: that is what all of them read there before.)

Merging.  Where an object has one reference left, and that is a shadow's, nobody else can see it.  Then its pages that
the shadow does not hide become the shadow's, the others are dropped, and the shadow's original is what the object's was
(`_merge`).  The one routine for it is called wherever a reference goes: by copy on write, munmap, exec and exit alike.
A FILE is never merged: it may have more pages than are in memory, and it is not the shadow's to take.

Locks: objects that are linked by originals and shadows have the same `family`, and that names the lock (a few families
share one).  It is held for each look and each change; taken after mm_lock, before frames_lock.
A merge takes as long as the smaller of the two objects has pages, with the lock held.
"""

from ...hot import hot, never_inline
from ...limits import MAX_OBJECTS, OBJECT_LOCKS
from ...shm import lockrank
from ...shm.layout.memory import OBJECT
from ...shm.spinlock import acquire, fail, field_address, release
from ...shm.tags import TAG_OBJECT, count_freed, count_made
from ..critical import critical, either
from ..failures import FAIL_DROPPED_OBJECT
from .frames import drop_frame
from .radix import NO_PAGE, adopt_pages, frame_of, free_pages, next_page, page_word, put_page, take_page

OBJECT_FREE, OBJECT_ANONYMOUS, OBJECT_SHADOW, OBJECT_FILE, OBJECT_SEGMENT = range(5)
OBJECT_BYTES = OBJECT.size

# What `find_page` answers where there is no page.
ZEROES, PAST_END, NOT_READ = -1, -2, -3


@hot
def _lock(m, family):
    return field_address(m, "object_locks") + family * 8


@hot
def lock_object(m, me, o):
    """Take the lock of an object to which the caller has a reference, and of all its family."""
    acquire(m, me, _lock(m, m.objects[o].family), lockrank.OBJECT)


@hot
def unlock_object(m, me, o):
    release(m, me, _lock(m, m.objects[o].family))


@hot
def _new_object(m, me, kind, family):
    """A record with one reference and no pages, or -1. `family` -1: one of its own."""
    never_inline()
    either(m, me)
    lock = field_address(m, "objects_lock")
    acquire(m, me, lock, lockrank.OBJECTS)
    o = m.free_object - 1
    if o >= 0:
        m.free_object = m.objects[o].next_free
    elif m.fresh_object < MAX_OBJECTS:
        o = m.fresh_object
        m.fresh_object += 1
    release(m, me, lock)
    if o < 0:
        return -1
    count_made(m, me, TAG_OBJECT, OBJECT_BYTES)
    r = m.objects[o]
    r.references = 1
    r.family = family if family >= 0 else o % OBJECT_LOCKS
    r.original = 0
    r.first_shadow = 0
    r.next_shadow = 0
    r.previous_shadow = 0
    r.pages = 0
    r.height = 0
    r.nr_pages = 0
    r.limit = NO_PAGE
    r.kept = 0
    r.kind = kind
    return o


@hot
def new_object(m, me, kind):
    """An object with one reference and no pages, or -1."""
    return _new_object(m, me, kind, -1)


@hot
def _free_object(m, me, o):
    """Give back a record that has no pages."""
    never_inline()
    count_freed(m, me, TAG_OBJECT, OBJECT_BYTES)
    m.objects[o].kind = OBJECT_FREE
    lock = field_address(m, "objects_lock")
    acquire(m, me, lock, lockrank.OBJECTS)
    list_free_object(m, o)
    release(m, me, lock)


@hot
def list_free_object(m, o):
    """Put a FREE record where the next new object finds it. objects_lock is held."""
    m.objects[o].next_free = m.free_object
    m.free_object = o + 1


@hot
def hold_object(m, me, o):
    """One more reference."""
    either(m, me)
    lock_object(m, me, o)
    m.objects[o].references += 1
    unlock_object(m, me, o)


@hot
def drop_object(m, me, o):
    """Give back a reference. The last one frees the object's pages, and gives back that to its original."""
    never_inline()
    either(m, me)
    while o >= 0:
        r = m.objects[o]
        lock = _lock(m, r.family)  # the record may be another's as soon as this is given back
        acquire(m, me, lock, lockrank.OBJECT)
        r.references -= 1
        left = r.references
        original = -1
        if left < 0:
            fail(m, FAIL_DROPPED_OBJECT, o)
        elif left == 0:
            original = r.original - 1
            if original >= 0:
                _unlink_shadow(m, o)
        elif left == 1 and r.first_shadow != 0:
            _merge(m, me, r.first_shadow - 1)
        release(m, me, lock)
        if left == 0:  # nobody can find it any more
            free_pages(m, me, r, 0, NO_PAGE, -1)
            _free_object(m, me, o)
        o = original


@hot
def link_shadow(m, s, original):
    """Make s one of the shadows of an object. The lock is held."""
    r, o = m.objects[s], m.objects[original]
    r.original = original + 1
    r.previous_shadow = 0
    r.next_shadow = o.first_shadow
    if o.first_shadow != 0:
        m.objects[o.first_shadow - 1].previous_shadow = s + 1
    o.first_shadow = s + 1


@hot
def _unlink_shadow(m, s):
    """Take s off the list of its original's shadows. The lock is held."""
    r = m.objects[s]
    if r.previous_shadow != 0:
        m.objects[r.previous_shadow - 1].next_shadow = r.next_shadow
    else:
        m.objects[r.original - 1].first_shadow = r.next_shadow
    if r.next_shadow != 0:
        m.objects[r.next_shadow - 1].previous_shadow = r.previous_shadow
    r.original = 0


@hot
def _merge(m, me, s):
    """Make one object of a shadow and its originals, as far as they are this shadow's alone. The lock is held.

    Where memory for nodes runs out, the two stay apart: each page is in one of them, and is found.
    """
    never_inline()
    r = m.objects[s]
    while r.original != 0:
        original = r.original - 1
        o = m.objects[original]
        if o.kind == OBJECT_FILE or o.references != 1:
            return
        if r.nr_pages < o.nr_pages:  # the smaller one is gone through; what is in the shadow hides what is not
            if not _put_over(m, me, r, o):
                return
            r.pages, o.pages = o.pages, 0
            r.height, o.height = o.height, 0
            r.nr_pages, o.nr_pages = o.nr_pages, 0
        elif not adopt_pages(m, me, r, o):
            return
        _unlink_shadow(m, s)
        below = o.original - 1
        if below >= 0:  # the reference to it goes from the object to the shadow
            _unlink_shadow(m, original)
            link_shadow(m, s, below)
        _free_object(m, me, original)


@hot
def _put_over(m, me, r, o):
    """Move a shadow's pages into its original, in place of those that they hide; False when memory did not suffice."""
    page = next_page(m, r, 0)
    while page < NO_PAGE:
        hidden = take_page(m, me, o, page)
        frame = take_page(m, me, r, page)
        if hidden >= 0:
            drop_frame(m, me, hidden)
        if not put_page(m, me, o, page, frame):
            put_page(m, me, r, page, frame)  # into the nodes that were just freed
            return False
        page = next_page(m, r, page + 1)
    return True


@hot
def make_own(m, me, o, first, end):
    """What an area that NEEDS_COPY maps when it may store: the object itself, if that is nobody else's, or a shadow.

    The area's reference to the object is the shadow's then.  -1: out of records.  `first`, `end`: the area's pages.
    The area's mm_lock is held.
    """
    never_inline()
    critical(m, me)
    lock_object(m, me, o)
    r = m.objects[o]
    own = o
    if r.kind == OBJECT_FILE or r.references > 1:
        own = _new_object(m, me, OBJECT_SHADOW, r.family)
        if own >= 0:
            link_shadow(m, own, o)
    else:  # what areas that are gone have left is in nobody's way from here on
        free_pages(m, me, r, 0, first, -1)
        free_pages(m, me, r, end, NO_PAGE, -1)
    unlock_object(m, me, o)
    return own


@hot
def find_page(m, o, page):
    """(the frame of a page, the object of the chain that has it); or (ZEROES, PAST_END or NOT_READ, the last object).

    The lock is held.
    """
    never_inline()
    while True:
        r = m.objects[o]
        frame = frame_of(page_word(m, r, page))
        if frame >= 0 and page < r.limit:
            return frame, o
        if r.kind == OBJECT_FILE:
            return (PAST_END if page >= r.limit else NOT_READ), o
        if r.original == 0:
            return ZEROES, o
        o = r.original - 1


@hot
def lowest(m, me, o):
    """The last object of a chain: the file of a private mapping of one."""
    either(m, me)
    lock_object(m, me, o)
    family = o
    while m.objects[o].original != 0:
        o = m.objects[o].original - 1
    unlock_object(m, me, family)
    return o
