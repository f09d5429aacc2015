"""UTCBs: a page for each thread that wants to send more than its registers hold (cz-13).

It is ordinary memory of the thread's task, at an address that no other thread of the machine has for its own: the
address of the page says whose it is.  It is mapped when the thread asks for it, and its page is in memory from then
on, so that a server's messages need not fault.  It goes when the thread leaves.

Only the thread itself sends from its UTCB and receives into it: THREAD.utcb, which no guest can write, is what the
kernel goes by.  A forked child finds the bytes of its parent's UTCB in its copy of the memory, and cannot use them to
communicate: its thread has no UTCB until it asks for its own.
"""

from ...abi.errno import ENOMEM
from ...hot import hot, never_inline
from ...limits import MAX_THREADS, PAGE_SIZE, USER_TOP, UTCB_FIRST
from ...shm.atomics import load_relaxed
from ..critical import noncritical
from ..vm.address_space import map_pages, unmap_pages
from ..vm.pagetable import R, W
from ..vm.usercopy import may_store


@hot
def get_utcb(m, me, i):
    """Guest address of the UTCB of the running thread i, mapped if it has none yet; -ENOMEM."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if t.utcb != 0:
        return t.utcb
    va = UTCB_FIRST + i * PAGE_SIZE
    error = map_pages(m, me, t.task, va, PAGE_SIZE, R | W, -1, 0)
    if error < 0:
        return error
    if not may_store(m, me, t.task, va):
        unmap_pages(m, me, t.task, va, PAGE_SIZE)
        return -ENOMEM
    t.utcb = va
    return va


@hot
def drop_utcb(m, me, i):
    """Thread i leaves: its UTCB goes, unless all memory of its task does."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if load_relaxed(m.tasks[t.task], "exiting") == 0:
        unmap_pages(m, me, t.task, t.utcb, PAGE_SIZE)
    t.utcb = 0


assert UTCB_FIRST + MAX_THREADS * PAGE_SIZE < USER_TOP
