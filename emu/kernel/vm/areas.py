"""The areas of an address space: what is mapped where, as an ordered tree in shared memory (cz-12).

An area is a stretch of pages with the same rights over one memory object (objects.py): page `first` of the object lies
at `start`.  Its record is the truth.  The tree, which finds it, is an index that can be built anew from the records
(`rebuild_areas`).  It is a treap: ordered by `start`, and a heap by a number that follows from the record's index,
so that it is as deep as a random tree, whatever a guest maps in whatever order.

`owner` is the root page table's frame + 1, so the areas of a task go with its page tables when they are lent
(lending.py).

Locks: a task's areas and tree change under its map_lock and mm_lock, but a fault, which holds mm_lock alone, gives an
area its object, or a shadow of it, or the right to store.  So who reads an area's place needs either lock, and who
reads its object needs mm_lock.  MACHINE.areas_lock guards the free records.
"""

from ...hot import hot, never_inline
from ...limits import MAX_AREAS, PAGE_SHIFT
from ...shm import lockrank
from ...shm.layout.memory import AREA
from ...shm.memory import wrapping_multiply
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_AREA, count_freed, count_made
from ..containers.pools import POOL_MAPS, charge, give_back
from ..critical import either
from .pagetable import RWX, SHARED

# Flags beside R, W and X. AREA_SHARED is pagetable.SHARED: stores are meant to be seen by other mappings.
NEEDS_COPY = 512  # the object may be others' too: a store needs a shadow of it, or to find that it is not
NEVER_WRITE = 1024  # a shared mapping of a file that was not opened for writing
LOCKED = 2048  # mlock
JOINED = RWX | SHARED | NEEDS_COPY | NEVER_WRITE | LOCKED  # neighbours that differ in these stay apart
AREA_BYTES = AREA.size
IN_MESSAGE = -1  # AREA.owner of one that has left an address space, and is not in another yet (kernel/ipc/moved.py)


@hot
def _priority(a):
    """The heap's order: differs between any two records."""
    mixed = wrapping_multiply(a + 1, 0x9E3779B97F4A7C15 - (1 << 64))
    return mixed ^ ((mixed >> 29) & 0x7FFFFFFFF)


@hot
def new_area(m, me, task):
    """A record for an area of a task, charged to that one's container; -1 where there is none, or no room (cz-17)."""
    never_inline()
    either(m, me)
    container = m.tasks[task].container
    pool = charge(m, me, container, POOL_MAPS) if container != 0 else 0
    if pool == 0 and container != 0:
        return -1
    lock = field_address(m, "areas_lock")
    acquire(m, me, lock, lockrank.AREAS)
    a = m.free_area - 1
    if a >= 0:
        m.free_area = m.areas[a].left
    elif m.fresh_area < MAX_AREAS:
        a = m.fresh_area
        m.fresh_area += 1
    release(m, me, lock)
    if a >= 0:
        count_made(m, me, TAG_AREA, AREA_BYTES)
        m.areas[a].object = 0
        m.areas[a].first = 0
        m.areas[a].pool = pool
    elif pool != 0:
        give_back(m, me, pool)
    return a


@hot
def free_area(m, me, a):
    """Give back a record that is in no tree and has no object."""
    never_inline()
    either(m, me)
    count_freed(m, me, TAG_AREA, AREA_BYTES)
    if m.areas[a].pool != 0:
        give_back(m, me, m.areas[a].pool)
        m.areas[a].pool = 0
    lock = field_address(m, "areas_lock")
    acquire(m, me, lock, lockrank.AREAS)
    m.areas[a].owner = 0
    m.areas[a].left = m.free_area
    m.free_area = a + 1
    release(m, me, lock)


@hot
def page_of(area, va):
    """The page of its object that an area has at an address."""
    return area.first + ((va - area.start) >> PAGE_SHIFT)


# --- finding: map_lock or mm_lock held ----------------------------------------------


@hot
def first_above(m, t, va):
    """The lowest area that ends above va, -1 when there is none."""
    found = -1
    n = t.areas - 1
    while n >= 0:
        area = m.areas[n]
        if area.end > va:
            found = n
            n = area.left - 1
        else:
            n = area.right - 1
    return found


@hot
def last_below(m, t, va):
    """The highest area that starts below va, -1 when there is none."""
    found = -1
    n = t.areas - 1
    while n >= 0:
        area = m.areas[n]
        if area.start < va:
            found = n
            n = area.right - 1
        else:
            n = area.left - 1
    return found


@hot
def area_at(m, t, va):
    """The area that covers va, -1 when there is none. mm_lock held."""
    hint = t.area_hint - 1
    if hint >= 0 and m.areas[hint].start <= va and va < m.areas[hint].end:
        return hint
    n = t.areas - 1
    while n >= 0:
        area = m.areas[n]
        if va < area.start:
            n = area.left - 1
        elif va >= area.end:
            n = area.right - 1
        else:
            t.area_hint = n + 1
            return n
    return -1


# --- the tree: map_lock and mm_lock held ----------------------------------------------


@hot
def _hang(m, t, above, right, word):
    """Set the link of a node, or with -1 that of the tree."""
    if above < 0:
        t.areas = word
    elif right:
        m.areas[above].right = word
    else:
        m.areas[above].left = word


@hot
def insert_area(m, t, a):
    """Put an area, whose place is free, into a task's tree."""
    never_inline()
    area = m.areas[a]
    priority = _priority(a)
    above, right = -1, False
    n = t.areas - 1
    while n >= 0 and _priority(n) > priority:
        above, right = n, area.start > m.areas[n].start
        n = (m.areas[n].right if right else m.areas[n].left) - 1
    _hang(m, t, above, right, a + 1)
    # What hung there is cut in two: what lies below the area, and what lies above.
    low, low_right = a, False
    high, high_right = a, True
    while n >= 0:
        if m.areas[n].start < area.start:
            _hang(m, t, low, low_right, n + 1)
            low, low_right = n, True
            n = m.areas[n].right - 1
        else:
            _hang(m, t, high, high_right, n + 1)
            high, high_right = n, False
            n = m.areas[n].left - 1
    _hang(m, t, low, low_right, 0)
    _hang(m, t, high, high_right, 0)
    area.owner = t.root + 1
    t.nr_areas += 1


@hot
def remove_area(m, t, a):
    """Take an area out of a task's tree."""
    never_inline()
    start = m.areas[a].start
    above, right = -1, False
    n = t.areas - 1
    while n >= 0 and n != a:
        above, right = n, start > m.areas[n].start
        n = (m.areas[n].right if right else m.areas[n].left) - 1
    if n < 0:
        return
    low, high = m.areas[a].left - 1, m.areas[a].right - 1
    while low >= 0 and high >= 0:
        if _priority(low) > _priority(high):
            _hang(m, t, above, right, low + 1)
            above, right = low, True
            low = m.areas[low].right - 1
        else:
            _hang(m, t, above, right, high + 1)
            above, right = high, False
            high = m.areas[high].left - 1
    _hang(m, t, above, right, max(low, high) + 1)
    m.areas[a].owner = 0
    t.nr_areas -= 1
    if t.area_hint == a + 1:
        t.area_hint = 0


@hot
def rebuild_areas(m, t):
    """Build a task's tree anew from the records that say that they are its own."""
    t.areas = 0
    t.nr_areas = 0
    t.area_hint = 0
    for a in range(m.fresh_area):
        if m.areas[a].owner == t.root + 1:
            insert_area(m, t, a)
