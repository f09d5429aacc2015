"""Memcaches of kernel memory: kmalloc and kfree (cz-10).

One memcache for each tag and size, its objects in slabs.  A slab is a kernel page (kernel_pages.py) that begins with a
header, SLAB, after which come as many objects as fit.  The mask of those given out is the truth, changed by one
store; the list of slabs with room is an index, and rebuilt by slab_recovery.py where a CPU was killed with the lock
held.  At most the one object is lost then that this CPU had taken and told nobody about.

The header says which family gave the objects out, and to which memcache they belong.  The original once took memory
from one version of kmalloc and gave it back to another's kfree: here whatever the family did not give out, a whole
page, an address within an object, an object that is free, fails the machine at once (FAIL_FOREIGN_FREE).

A slab whose last object is freed is given back; a memcache keeps none in store, since the pool of pages does.
Rejected: memcaches that are themselves allocated.  They would need an owner to free them, and all there can be take
less than three pages.
"""

from ...hot import hot, never_inline
from ...limits import OBJECT_CLASSES, PAGE_SIZE
from ...shm.atomics import load_relaxed, store_relaxed
from ...shm.bits import bits
from ...shm.layout import slab_at
from ...shm.layout.memory import SLAB as SLAB_RECORD
from ...shm.memory import lowest_bit
from ...shm.spinlock import fail
from ...shm.tags import TAG_NAMES, count_freed, count_made
from ..critical import critical, either
from ..failures import FAIL_FOREIGN_FREE
from .kernel_pages import (
    SLAB,
    claim_page,
    find_page,
    give_page,
    lock_kmem,
    page_address,
    page_number,
    page_state,
    unlock_kmem,
)

HEADER_BYTES = SLAB_RECORD.size
OBJECT_BYTES = tuple((PAGE_SIZE - HEADER_BYTES) // count & -16 for count in (63, 31, 15, 7, 4, 2, 1))
FAMILY_KMALLOC = 0x4B4D  # the only family with slabs yet; a word that other content hardly has
SLAB_WORD = bits("family:16 cache:*")
slab_family, slab_cache = SLAB_WORD.getters()
pack_slab = SLAB_WORD.packer()


@hot
def class_of(size_bytes):
    """The size class of an object; OBJECT_CLASSES when it is too large."""
    c = 0
    while c < OBJECT_CLASSES and OBJECT_BYTES[c] < size_bytes:
        c += 1
    return c


@hot
def all_used(cache):
    """The mask of a slab of this memcache whose objects are all given out."""
    return (1 << ((PAGE_SIZE - HEADER_BYTES) // OBJECT_BYTES[cache % OBJECT_CLASSES])) - 1


@hot
def kmalloc(m, me, size_bytes, tag):
    """Host address of memory with any content, counted under a tag; 0 when there is none, or the size is not 1 to 4032.

    It is the caller's until kfree; callers may hold locks of lower ranks than KMEM.
    """
    never_inline()
    either(m, me)
    size_class = class_of(size_bytes)
    if size_bytes <= 0 or size_class == OBJECT_CLASSES:
        return 0
    cache = tag * OBJECT_CLASSES + size_class
    lock_kmem(m, me)
    slab = m.memcaches[cache]
    if slab == 0:
        slab = _grow(m, me, cache)
    address = 0
    if slab != 0:
        s = slab_at(slab)
        k = lowest_bit(~s.used)
        used = s.used | 1 << k
        store_relaxed(s, "used", used)
        address = slab + HEADER_BYTES + k * OBJECT_BYTES[size_class]
        if used == all_used(cache):
            _unlist(m, cache, slab)
    unlock_kmem(m, me)
    if address != 0:
        count_made(m, me, tag, OBJECT_BYTES[size_class])
    return address


@hot
def _grow(m, me, cache):
    """A new slab of a memcache that has none with room; its address, 0 when there is no memory."""
    n = find_page(m, me)
    if n < 0:
        return 0
    slab = page_address(m, n)
    s = slab_at(slab)
    s.used = 0
    store_relaxed(s, "word", pack_slab(FAMILY_KMALLOC, cache))
    claim_page(m, me, n, SLAB)  # after the header, which recovery reads of each slab
    list_slab(m, cache, slab)
    return slab


@hot
def list_slab(m, cache, slab):
    """Put a slab with room at the front of its memcache's list."""
    s = slab_at(slab)
    first = m.memcaches[cache]
    s.previous = 0
    s.next = first
    if first != 0:
        slab_at(first).previous = slab
    m.memcaches[cache] = slab


@hot
def _unlist(m, cache, slab):
    s = slab_at(slab)
    if s.next != 0:
        slab_at(s.next).previous = s.previous
    if s.previous != 0:
        slab_at(s.previous).next = s.next
    else:
        m.memcaches[cache] = s.next


@hot
def kfree(m, me, address):
    """Give back what kmalloc gave, once; anything else fails the machine."""
    never_inline()
    either(m, me)
    n = page_number(m, address)
    lock_kmem(m, me)
    cache = _cache_of_object(m, me, n, address)
    if cache >= 0:
        slab = page_address(m, n)
        s = slab_at(slab)
        was_full = s.used == all_used(cache)
        bit = 1 << (address - slab - HEADER_BYTES) // OBJECT_BYTES[cache % OBJECT_CLASSES]
        store_relaxed(s, "used", s.used & ~bit)
        if s.used == 0:
            if not was_full:
                _unlist(m, cache, slab)
            give_page(m, me, n)
        elif was_full:
            list_slab(m, cache, slab)
    unlock_kmem(m, me)
    if cache >= 0:
        count_freed(m, me, cache // OBJECT_CLASSES, OBJECT_BYTES[cache % OBJECT_CLASSES])
    else:
        fail(m, FAIL_FOREIGN_FREE, address)


@hot
def _cache_of_object(m, me, n, address):
    """The memcache of an object that kmalloc has given out, -1 when the address is none. n: the number of its page."""
    critical(m, me)
    if n < 0 or page_state(load_relaxed(m.kernel_pages[n], "word")) != SLAB:
        return -1
    slab = page_address(m, n)
    s = slab_at(slab)
    cache = slab_cache(s.word)
    if slab_family(s.word) != FAMILY_KMALLOC:
        return -1
    size_bytes = OBJECT_BYTES[cache % OBJECT_CLASSES]
    at = address - slab - HEADER_BYTES
    if at < 0 or at % size_bytes != 0 or (s.used >> at // size_bytes) & 1 == 0:
        return -1
    return cache


assert len(OBJECT_BYTES) == OBJECT_CLASSES and OBJECT_BYTES[0] >= 64, "a slab's objects are bits of one word"
assert len(TAG_NAMES) * OBJECT_CLASSES < 1 << 16
