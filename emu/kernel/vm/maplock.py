"""The two locks of an address space: map_lock for changes of what is mapped, mm_lock for areas and tables.

TASK.map_lock: one thread at a time changes what a task has mapped.

mmap, munmap, mprotect, mremap, madvise and brk hold it from the first look to the last
shoot-down.  So however many steps one of them takes, no other sees or changes a range that
is half done: nothing is placed into the part that is already unmapped, and a range that was
found free is still free when it is mapped.  Page faults do not take it.  They take mm_lock alone, a spinlock, which
guards areas and tables in each step, and give frames only to pages that are mapped.

map_lock is no spinlock in the sense of shm/spinlock.py: its holder waits for other CPUs (shoot_down).
So whoever waits for it goes on answering shoot-downs; if it did not, the holder, which waits
for the answer, and the waiter would wait for each other.  For the same reason it is
taken before any spinlock.  Order: map_lock, mm_lock, an object's lock, frames_lock.
"""

from ...hot import hot, never_inline
from ...shm import lockrank
from ...shm.atomics import load_relaxed
from ...shm.memory import compare_exchange_64
from ...shm.spinlock import PAUSES, YIELDS, acquire, backoff, field_address, release, store_release_at
from ..critical import noncritical
from .shootdown import answer_shootdowns


@hot
def lock_map(m, me, task):
    """Take the lock. This answers shoot-downs while it waits, so the caller may not hold host addresses of pages."""
    never_inline()
    noncritical(m, me)
    address = field_address(m.tasks[task], "map_lock")
    spins = 0
    while compare_exchange_64(address, 0, me + 1) == 0:  # acquire; pairs with unlock_map
        if me < m.nr_cpus:
            answer_shootdowns(m, me)
        spins = min(backoff(spins), PAUSES + YIELDS)  # short naps: who shoots waits for this CPU's answer
        if load_relaxed(m, "failed") != 0:
            return


@hot
def unlock_map(m, me, task):
    """Give the lock back; pairs with the compare-and-swap in lock_map."""
    store_release_at(field_address(m.tasks[task], "map_lock"), 0)


@hot
def lock_mm(m, me, task):
    acquire(m, me, field_address(m.tasks[task], "mm_lock"), lockrank.MM)


@hot
def unlock_mm(m, me, task):
    release(m, me, field_address(m.tasks[task], "mm_lock"))
