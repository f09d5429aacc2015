"""Keys of futexes and the buckets that list their waiters.

The key of a word is (task, guest address), or (-1, physical address) where several tasks may share its memory.
"""

from ...abi.errno import EFAULT
from ...hot import hot, never_inline
from ...limits import FUTEX_BUCKETS
from ...shm import lockrank
from ...shm.exits import ACCESS_READ
from ...shm.memory import wrapping_multiply
from ...shm.spinlock import acquire, field_address, release
from ..critical import either
from ..thread.handles import task_handle
from ..vm.faults import resolve
from ..vm.maplock import lock_mm, unlock_mm
from ..vm.pagetable import SHARED, frame_in


@hot
def key_in(m, task, word, va, private):
    """(space, address) of a guest word, by the entry of its page; mm_lock held since `resolve`."""
    if private == 0 and word & SHARED:
        return -1, (frame_in(word) << 12) | (va & 4095)
    return task_handle(m, task), va


@hot
def key_of(m, me, task, va, private):
    """(0 or -EFAULT, space, address) of a guest word."""
    never_inline()
    either(m, me)
    error, space, address = -EFAULT, 0, 0
    lock_mm(m, me, task)
    word = resolve(m, me, task, va, ACCESS_READ)
    if word > 0:
        error = 0
        space, address = key_in(m, task, word, va, private)
    unlock_mm(m, me, task)
    return error, space, address


@hot
def bucket_of(space, address):
    """Index of the bucket that lists the waiters of a key."""
    mixed = wrapping_multiply(address >> 2, 0x9E3779B1) ^ wrapping_multiply(space, 0x85EBCA77)
    return ((mixed >> 15) ^ mixed) & (FUTEX_BUCKETS - 1)


@hot
def lock_bucket(m, me, b):
    acquire(m, me, field_address(m.buckets[b], "lock"), lockrank.BUCKET + b)


@hot
def unlock_bucket(m, me, b):
    release(m, me, field_address(m.buckets[b], "lock"))
