"""Pages of kernel memory: a pool of static and granted pages, behind it guest memory itself (cz-10).

Where a page comes from is its origin, and says where it goes when the kernel has done with it:

    STATIC     part of the machine's record, no guest frame; stays in the pool for ever, nobody can reclaim it
    GRANTED    a guest frame that a task gave by kmem_control; goes back to the pool, and to guest memory when reclaimed
    BORROWED   a guest frame taken because the pool was empty; goes back to guest memory at once

KERNEL_PAGE.word is the truth: state and origin, 0 when the page is not the kernel's.  The pool's lists are indexes.
All of it is guarded by kmem_lock, TASK.granted too; frames are taken and dropped with it held, so a frame tagged as a
kernel page whose word is 0 is one that a killed CPU had in its hands (slab_recovery.py).

The allocator's own bookkeeping is in the machine's record and allocates nothing.  So slabs (slabs.py) may ask for pages
in the middle of an allocation of their own: `find_page` leaves nothing half done for who comes next.

A task that ends takes its grant with it.  What the kernel uses of it at that moment is owed to guest memory
(kernel_pages_owed), and is paid by the next granted pages that come back.
Always, while the lock is free: GRANTED pages = sum of TASK.granted + kernel_pages_owed, and nothing is owed while
a granted page is in the pool.
"""

from ...abi.errno import EINVAL, ENOMEM
from ...hot import hot, never_inline
from ...limits import PAGE_SHIFT, STATIC_KERNEL_PAGES
from ...shm import lockrank
from ...shm.atomics import load_relaxed, store_relaxed
from ...shm.bits import bits
from ...shm.layout import frame_address
from ...shm.spinlock import acquire, fail, field_address, release
from ...shm.tags import TAG_KERNEL_PAGE
from ..critical import critical, either, noncritical
from ..failures import FAIL_FOREIGN_FREE
from .frames import allocate_frame, drop_frame

POOLED, SLAB, WHOLE = 1, 2, 3  # in the pool; a slab of objects; given out as it is
STATIC, GRANTED, BORROWED = 1, 2, 3
PAGE = bits("state:4 origin:4")  # KERNEL_PAGE.word
page_state, page_origin = PAGE.getters()
pack_page = PAGE.packer()
MAX_PAGES_A_CALL = 1024  # of kmem_control: nothing preempts it
GRANT, RECLAIM = 0, 1


@hot
def lock_kmem(m, me):
    acquire(m, me, field_address(m, "kmem_lock"), lockrank.KMEM)


@hot
def unlock_kmem(m, me):
    release(m, me, field_address(m, "kmem_lock"))


@hot
def page_address(m, n):
    """Host address of kernel page n."""
    if n < STATIC_KERNEL_PAGES:
        return field_address(m, "static_kernel_pages") + (n << PAGE_SHIFT)
    return frame_address(m, n - STATIC_KERNEL_PAGES)


@hot
def page_number(m, address):
    """The number of the page that an address lies in, whether the kernel has it or not; -1: in no page."""
    at = address - field_address(m, "static_kernel_pages")
    if at >= 0 and at < STATIC_KERNEL_PAGES << PAGE_SHIFT:
        return at >> PAGE_SHIFT
    at = address - frame_address(m, 0)
    if at >= 0 and at < m.nr_frames << PAGE_SHIFT:
        return STATIC_KERNEL_PAGES + (at >> PAGE_SHIFT)
    return -1


# --- for slabs, with the lock held ------------------------------------------------------------------------------------


@hot
def find_page(m, me):
    """A page for the caller, who fills it and then calls `claim_page`; -1: guest memory is used up, too."""
    critical(m, me)
    n = m.free_static_page - 1
    if n >= 0:
        m.free_static_page = m.kernel_pages[n].next
        return n
    if m.fresh_static_page < STATIC_KERNEL_PAGES:
        m.fresh_static_page += 1
        return m.fresh_static_page - 1
    n = m.free_granted_page - 1
    if n >= 0:
        m.free_granted_page = m.kernel_pages[n].next
        return n
    frame = allocate_frame(m, me, TAG_KERNEL_PAGE)
    return STATIC_KERNEL_PAGES + frame if frame >= 0 else -1


@hot
def claim_page(m, me, n, state):
    """From now on a page that was found is in use."""
    critical(m, me)
    origin = page_origin(load_relaxed(m.kernel_pages[n], "word"))
    if origin == 0:
        origin = STATIC if n < STATIC_KERNEL_PAGES else BORROWED
    store_relaxed(m.kernel_pages[n], "word", pack_page(state, origin))


@hot
def give_page(m, me, n):
    """A page is no longer in use: it goes where its origin says."""
    critical(m, me)
    origin = page_origin(load_relaxed(m.kernel_pages[n], "word"))
    if origin == GRANTED and m.kernel_pages_owed > 0:
        m.kernel_pages_owed -= 1
        _return_frame(m, me, n)
    elif origin == BORROWED:
        _return_frame(m, me, n)
    else:
        store_relaxed(m.kernel_pages[n], "word", pack_page(POOLED, origin))
        list_page(m, n, origin)


@hot
def list_page(m, n, origin):
    """Put a pooled page on the list of its origin."""
    p = m.kernel_pages[n]
    if origin == STATIC:
        p.next = m.free_static_page
        m.free_static_page = n + 1
    else:
        p.next = m.free_granted_page
        m.free_granted_page = n + 1


@hot
def _return_frame(m, me, n):
    """The kernel gives a frame back to guest memory."""
    store_relaxed(m.kernel_pages[n], "word", 0)
    drop_frame(m, me, n - STATIC_KERNEL_PAGES)


# --- whole pages ------------------------------------------------------------------------------------------------------


@hot
def allocate_page(m, me):
    """Address of a page with any content, 0 when there is no memory. Given back by free_page, and by nothing else."""
    never_inline()
    either(m, me)
    lock_kmem(m, me)
    n = find_page(m, me)
    if n >= 0:
        claim_page(m, me, n, WHOLE)
    unlock_kmem(m, me)
    return page_address(m, n) if n >= 0 else 0


@hot
def free_page(m, me, address):
    """Give back what allocate_page gave; anything else fails the machine."""
    never_inline()
    either(m, me)
    n = page_number(m, address)
    lock_kmem(m, me)
    is_right = n >= 0 and page_address(m, n) == address and page_state(m.kernel_pages[n].word) == WHOLE
    if is_right:
        give_page(m, me, n)
    unlock_kmem(m, me)
    if not is_right:
        fail(m, FAIL_FOREIGN_FREE, address)


# --- kmem_control -----------------------------------------------------------------------------------------------------


@hot
def kmem_control(m, me, k, operation, pages):
    """Task k grants the kernel pages, or reclaims what it has granted: how many; -EINVAL, -ENOMEM (none is granted).

    Fewer than asked for are reclaimed where the kernel uses the others, or the task has granted fewer.
    """
    never_inline()
    noncritical(m, me)
    if pages < 0 or pages > MAX_PAGES_A_CALL or (operation != GRANT and operation != RECLAIM):
        return -EINVAL
    if operation == RECLAIM:
        return _reclaim(m, me, k, pages)
    for done in range(pages):
        if not _grant_page(m, me, k):
            _reclaim(m, me, k, done)
            return -ENOMEM
    return pages


@hot
def _grant_page(m, me, k):
    """One more page of task k's; False when guest memory is used up."""
    lock_kmem(m, me)
    granted = True
    if m.kernel_pages_owed > 0:  # the debt of a task that has ended: one of its pages in use is this task's now
        m.kernel_pages_owed -= 1
    else:
        n = STATIC_KERNEL_PAGES + allocate_frame(m, me, TAG_KERNEL_PAGE)
        granted = n >= STATIC_KERNEL_PAGES
        if granted:
            store_relaxed(m.kernel_pages[n], "word", pack_page(POOLED, GRANTED))
            list_page(m, n, GRANTED)
    if granted:
        m.tasks[k].granted += 1
    unlock_kmem(m, me)
    return granted


@hot
def _reclaim(m, me, k, pages):
    done = 0
    while done < pages:
        lock_kmem(m, me)
        n = m.free_granted_page - 1
        found = n >= 0 and m.tasks[k].granted > 0
        if found:
            m.tasks[k].granted -= 1
            m.free_granted_page = m.kernel_pages[n].next
            _return_frame(m, me, n)
        unlock_kmem(m, me)
        if not found:
            break
        done += 1
    return done


@hot
def give_grant_back(m, me, k):
    """Task k ends: what it has granted goes back to guest memory, at once or when the kernel has done with it."""
    never_inline()
    noncritical(m, me)
    if m.tasks[k].granted == 0:
        return
    _reclaim(m, me, k, m.nr_frames)
    lock_kmem(m, me)
    m.kernel_pages_owed += m.tasks[k].granted
    m.tasks[k].granted = 0
    settle(m, me)
    unlock_kmem(m, me)


@hot
def settle(m, me):
    """Pay what is owed to guest memory from the pool. The lock is held."""
    critical(m, me)
    while m.kernel_pages_owed > 0 and m.free_granted_page != 0:
        n = m.free_granted_page - 1
        m.kernel_pages_owed -= 1
        m.free_granted_page = m.kernel_pages[n].next
        _return_frame(m, me, n)
