"""Spare thread records (kse-8): a free record, kept with the thread that will need one to make a child.

A thread that makes threads keeps one NEW record in its `spare` word.  A thread that exits
gives its own record to its creator where that has none, so that a pair of create and exit
touches no shared list; otherwise the record goes back to the free list.

The word has one owner (the thread itself) and any number of givers (exiting children), so
every change is an atomic exchange or compare-and-swap.  The documented race: the owner sees
no spare and allocates one; meanwhile a child stashes its own record; the owner's plain store
overwrites it, and a record has leaked.  Here the owner stores by compare-and-swap, and frees
what it allocated where a child was quicker.  At its exit the owner closes the word.
"""

from ...hot import hot, never_inline
from ...shm.atomics import compare_exchange, exchange, load_relaxed
from ..critical import noncritical
from .handles import make_handle, thread_index
from .records import SPARE_CLOSED, SPARE_NONE, allocate_thread, free_thread, next_generation, reset_thread
from .save_area import free_save_area
from .states import FREE, NEW, set_where


@hot
def attach_spare(m, me, i):
    """See to it that thread i, the caller's own, has a spare if there is a free record."""
    t = m.threads[i]
    if load_relaxed(t, "spare") != SPARE_NONE:
        return
    spare = allocate_thread(m, me, t.task)
    if spare >= 0 and not compare_exchange(t, "spare", SPARE_NONE, spare):
        free_thread(m, me, spare)


@hot
def take_spare(m, me, i):
    """A reset NEW record for a child of thread i: its spare, else a free one; -1 when there is none."""
    never_inline()
    t = m.threads[i]
    n = exchange(t, "spare", SPARE_NONE)
    if n < 0:
        n = allocate_thread(m, me, t.task)
    else:
        reset_thread(m, n, t.task)
    if n >= 0:
        m.threads[n].creator = make_handle(i, t.generation)
    return n


@hot
def recycle_thread(m, me, i):
    """A DEAD record becomes its creator's spare, or free. Handles to it are stale from here on."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if t.save_area != 0:
        free_save_area(m, me, i)  # before the record is somebody else's
    spare = exchange(t, "spare", SPARE_CLOSED)
    if spare >= 0:
        free_thread(m, me, spare)
    creator = thread_index(m, t.creator)
    if creator >= 0 and load_relaxed(m.threads[creator], "spare") == SPARE_NONE:
        next_generation(t)
        set_where(m, t, FREE, 0)
        set_where(m, t, NEW, 0)
        if compare_exchange(m.threads[creator], "spare", SPARE_NONE, i):
            return
    free_thread(m, me, i)
