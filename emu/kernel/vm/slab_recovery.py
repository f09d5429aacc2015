"""Kernel memory after a CPU was killed with kmem_lock held: all indexes made anew from the truth words (cz-10).

`rebuild_slabs` needs the frame allocator in order, and holds kmem_lock in the dead CPU's place, so nobody else changes
anything.  Whatever store was the last one, each page is in one of these states:

    word 0, a guest frame tagged as a kernel page   was taken and not claimed, or given up and not dropped: dropped
    POOLED                                          listed
    SLAB, no object given out                       was claimed and not used, or used and not given back: given back
    SLAB, with room                                 listed; the header was written before the page was claimed
    WHOLE                                           in use

What is owed follows from the pages and the tasks: a grant stores the page's word first, a reclaim the task's count
first, so a page that a dead CPU left between the two is owed, and goes back.
"""

from ...hot import hot, never_inline
from ...limits import MAX_TASKS, OBJECT_CLASSES, STATIC_KERNEL_PAGES
from ...shm import lockrank
from ...shm.atomics import load_relaxed
from ...shm.layout import slab_at
from ...shm.spinlock import field_address, take_over
from ...shm.tags import TAG_KERNEL_PAGE, TAG_NAMES
from ..critical import critical, noncritical
from .frames import drop_frame, is_live
from .kernel_pages import (
    GRANTED,
    POOLED,
    SLAB,
    STATIC,
    give_page,
    list_page,
    page_address,
    page_origin,
    page_state,
    settle,
    unlock_kmem,
)
from .slabs import all_used, list_slab, slab_cache


@hot
def rebuild_slabs(m, me):
    """Make the pool, the memcaches' lists and what is owed from the truth words. The caller has kmem_lock."""
    never_inline()
    critical(m, me)
    m.free_static_page = 0
    m.free_granted_page = 0
    m.kernel_pages_owed = 0
    m.fresh_static_page = STATIC_KERNEL_PAGES
    for cache in range(len(TAG_NAMES) * OBJECT_CLASSES):
        m.memcaches[cache] = 0
    granted = 0
    for n in range(STATIC_KERNEL_PAGES + m.fresh_frame):
        granted += 1 if _rebuild_page(m, me, n) else 0
    for k in range(MAX_TASKS):
        granted -= m.tasks[k].granted
    m.kernel_pages_owed = max(granted, 0)
    settle(m, me)


@hot
def _rebuild_page(m, me, n):
    """List page n, or give it back; whether it is a granted one."""
    word = load_relaxed(m.kernel_pages[n], "word")
    state = page_state(word)
    if state == POOLED:
        list_page(m, n, page_origin(word))
    elif state == SLAB:
        slab = page_address(m, n)
        used = slab_at(slab).used
        cache = slab_cache(slab_at(slab).word)
        if used == 0:
            give_page(m, me, n)
        elif used != all_used(cache):
            list_slab(m, cache, slab)
    elif state == 0 and n < STATIC_KERNEL_PAGES:
        list_page(m, n, STATIC)
    elif state == 0 and is_live(m, n - STATIC_KERNEL_PAGES, TAG_KERNEL_PAGE):
        drop_frame(m, me, n - STATIC_KERNEL_PAGES)
    return page_origin(word) == GRANTED


@hot
def recover_kernel_memory(m, me):
    """The holder of kmem_lock is dead: actor `me` takes its place, rebuilds what the lock guards, and releases it."""
    noncritical(m, me)
    take_over(m, me, field_address(m, "kmem_lock"), lockrank.KMEM)
    rebuild_slabs(m, me)
    unlock_kmem(m, me)
