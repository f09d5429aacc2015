"""The MMU: what happens on a TLB miss.

`fault(machine, cpu, va, access)` is called by the interpreter through CPU.fault.  It
returns the host address of the byte (for a fetch: of the page's decoded words), or
0 with CPU.cause and CPU.trap_value set.  It fills the TLB, except for stores to
frames that hold code: those take this path each time (shm/decoded.py).

This CPU marks a frame before it fills the TLB, as the second protocol of shm/decoded.py
asks, because another CPU may make its first fetch at the same time.  A translation that is
taken away between the lookup and the fill is flushed before its frame is freed: this CPU
answers the shoot-down only at its next look at the interrupt word, or while it shoots others
down itself, after which it looks the page up anew.
"""

from ..hot import callback, hot, never_inline
from ..kernel.task.usage import note_peak
from ..kernel.vm.copy_on_write import BEYOND_FILE, ELSEWHERE, NO_MEMORY, make_private
from ..kernel.vm.faults import IN_SERVER, resolve
from ..kernel.vm.maplock import lock_mm, unlock_mm
from ..kernel.vm.pagetable import DIRTY, PPN_SHIFT, R, W, frame_in, has_frame, lookup, page_in
from ..kernel.vm.shootdown import shoot_down
from ..kernel.vm.tlb import fill_fetch, fill_read, fill_write
from ..kernel.vm.windows import open_page
from ..limits import PAGE_SHIFT, PAGE_SIZE, SHOWN_PAGES, TLB_ENTRIES
from ..shm.atomics import fetch_add, fetch_or, load_acquire, load_relaxed
from ..shm.cpumask import mask_above, mask_all, mask_minus
from ..shm.exits import (
    ACCESS_FETCH,
    ACCESS_READ,
    ACCESS_WRITE,
    CAUSE_FETCH_PAGE,
    CAUSE_LOAD_PAGE,
    CAUSE_NO_MEMORY,
    CAUSE_PAST_END,
    CAUSE_STORE_PAGE,
)
from ..shm.layout import decoded_address, frame_address, machine_at
from ..shm.layout.memory import FRAME_CODE, FRAME_WRITTEN


@hot
def _slot(va):
    return ((va >> 12) & (TLB_ENTRIES - 1)) * 2


@hot
def _refuse(c, va, access, entry):
    cause = CAUSE_LOAD_PAGE
    if access == ACCESS_WRITE:
        cause = CAUSE_STORE_PAGE
    elif access == ACCESS_FETCH:
        cause = CAUSE_FETCH_PAGE
    if entry == NO_MEMORY:
        cause = CAUSE_NO_MEMORY
    elif entry == BEYOND_FILE or entry == IN_SERVER:  # the server finds out which, and brings the page
        cause = CAUSE_PAST_END
    c.cause = cause
    c.trap_value = va
    return 0


@hot
def _mark_code(m, cpu, frame):
    """Mark a frame before its first fetch. True when this CPU had to wait for others meanwhile.

    Where another CPU has marked it and may not have shot all down yet, this one does it, too, before it fetches: what
    is stored through a translation that is left would not make it forget what it decodes.
    """
    f = m.frames[frame]
    word = load_acquire(f, "word")
    if word & FRAME_CODE and (word & FRAME_WRITTEN == 0 or load_acquire(m, "marking") == 0):
        return False
    fetch_add(m, "marking", int(word & FRAME_CODE == 0))  # before the mark; pairs with load_acquire above
    waits = fetch_or(f, "word", FRAME_CODE) & FRAME_WRITTEN != 0
    if waits:
        fetch_add(m, "code_epoch", 1)  # before CPUs are shot down, which then empty their windows
        shoot_down(m, cpu, mask_minus(mask_all(), mask_above(m.nr_cpus - 1)))
    fetch_add(m, "marking", -int(word & FRAME_CODE == 0))
    return waits


@hot
def _resolve(m, cpu, va, access):
    """The page-table entry for an access, as faults.resolve gives it, which checks its frame."""
    task = m.cpus[cpu].tlb_task
    while True:
        lock_mm(m, cpu, task)
        entry = resolve(m, cpu, task, va, access)
        unlock_mm(m, cpu, task)
        if entry != ELSEWHERE:
            return entry
        if not make_private(m, cpu, task, va):
            return NO_MEMORY


@callback(4)
def show(address, cpu, va, access):
    """Map a page that translated code lacks into this CPU's window. 0 where it may not be accessed in that way there.

    Then the interpreter finds out why, when it executes the instruction again.
    """
    m = machine_at(address)
    if m.cpus[cpu].space == 0 or find_page(m, cpu, va, access) == 0:
        return 0
    frame, count, may_store = _run_of_pages(m, cpu, va)
    if count == 0 or (access == ACCESS_WRITE and not may_store):
        return 0
    return int(open_page(m, cpu, va, frame, count, may_store))


@hot
def _run_of_pages(m, cpu, va):
    """What one host mapping can show: (the frame of a page, how many pages, whether they may be stored to).

    These are the page and those behind it, as long as their frames follow each other and their rights are the same.
    0 pages where the first one has no frame any more.
    """
    never_inline()
    task = m.cpus[cpu].tlb_task
    count, may_store = 0, False
    lock_mm(m, cpu, task)
    root = m.tasks[task].root
    first = lookup(m, root, va) if root >= 0 else 0
    if has_frame(first) and first & R != 0 and page_in(m, first) >= 0:
        count = 1
        may_store = first & (W | DIRTY) == W | DIRTY and not _is_code(m, frame_in(first))
        last = SHOWN_PAGES - ((va >> PAGE_SHIFT) & (SHOWN_PAGES - 1))  # to the end of an aligned group
        while count < last:
            entry = lookup(m, root, va + (count << PAGE_SHIFT))
            if entry != first + (count << PPN_SHIFT) or page_in(m, entry) < 0:
                break
            if may_store and _is_code(m, frame_in(entry)):
                break
            count += 1
    unlock_mm(m, cpu, task)
    return frame_in(first), count, may_store


@hot
def _is_code(m, frame):
    """Whether a frame holds code; otherwise it is marked as one that is stored to."""
    f = m.frames[frame]
    word = load_relaxed(f, "word")
    if word & FRAME_WRITTEN == 0:
        word = fetch_or(f, "word", FRAME_WRITTEN)
    return word & FRAME_CODE != 0


@callback(4)
def fault(address, cpu, va, access):
    return find_page(machine_at(address), cpu, va, access)


@hot
def find_page(m, cpu, va, access):
    """What `fault` does (header)."""
    c = m.cpus[cpu]
    faults = c.page_faults
    entry = _resolve(m, cpu, va, access)
    while access == ACCESS_FETCH and entry > 0 and _mark_code(m, cpu, frame_in(entry)):
        entry = _resolve(m, cpu, va, access)  # while it waited, it answered shoot-downs: look again
    if c.page_faults != faults and c.current >= 0:
        m.threads[c.current].faults += c.page_faults - faults
        note_peak(m, c.tlb_task)
    if entry <= 0:
        return _refuse(c, va, access, entry)
    frame = frame_in(entry)
    if access == ACCESS_FETCH:
        base = decoded_address(m, frame)
        fill_fetch(c, _slot(va), va & ~(PAGE_SIZE - 1), base)
        return base
    page = va & ~(PAGE_SIZE - 1)
    addend = frame_address(m, frame) - page
    if access == ACCESS_READ:
        fill_read(c, _slot(va), page, addend)
    if access == ACCESS_WRITE and entry & W:
        if not _is_code(m, frame):
            fill_write(c, _slot(va), page, addend)
    return va + addend
