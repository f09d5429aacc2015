"""Windows: guest pages mapped into a CPU's own process, so that translated code reaches them by one host access.

A CPU has room for SPACES tasks, each at SPACE_FIRST + k * SPACE_STRIDE (k is the task's index modulo SPACES): guest
address va lies at CPU.space + va.  A page is mapped when translated code first lacks it (`open_page`, by way of a
host fault: cpu_worker/host_faults.py), with the frame and the rights that the page table gives it then.

Invariant: like a TLB, a window that guest code may use has no page that was taken away.  Who changes page tables writes
the range down first (`note_change`, with mm_lock held), then reads TASK.cpus and shoots those CPUs down.  A CPU follows
what was written down (`follow_changes`) when it answers a shoot-down, and when the task comes back to it, after it has
set its bit in TASK.cpus:

    who changes   1 the page table       CPU   1 its bit in TASK.cpus (a full fence)
                  2 TASK.changes               2 reads nr_changes, and unmaps what has changed
                  3 reads TASK.cpus

If 3 misses the bit, 2 on the right finds the change.  The last CHANGES are kept; a CPU that comes later unmaps all.

A frame that was stored to through a window and then becomes code must be mapped nowhere for writing, in no task's
window: MACHINE.code_epoch grows, and every window of an older epoch is emptied before it is used.

Locks: none; a window is its CPU's own.  Before the host's limit of mappings is met, or where it refuses one, the CPU
unmaps all its windows and begins anew.  Where that happens often, MACHINE.careful has the translator make code that
uses the TLB instead.  A host fault and a mapping cost some 5 to 10 us (benchmarks/mapping.py), a look into the TLB a
few ns: windows pay where pages stay mapped for thousands of accesses, which is so in all but programs that do little
else than map, unmap and fork.
"""

from ...hot import hot, never_inline
from ...limits import CHANGES, PAGE_SHIFT, PAGE_SIZE, SPACE_FIRST, SPACE_MAPPINGS, SPACE_STRIDE, SPACES, USER_TOP
from ...shm.atomics import fence, fetch_add, load_seq_cst, store_relaxed
from ...shm.memory import host_mmap, host_munmap, monotonic_ns

HASTE_NS = 1_000_000_000  # where so many mappings last no longer than this, they cost more than they gain
_READ, _WRITE = 1, 2  # PROT_*
_FLAGS = 0x8011  # MAP_SHARED | MAP_FIXED | MAP_POPULATE


@hot
def note_change(t, start, end):
    """A task's pages of [start, end) are another frame's or nobody's, or have fewer rights. mm_lock is held."""
    n = t.nr_changes + 1
    at = 2 * (n % CHANGES)
    t.changes[at] = start
    t.changes[at + 1] = end
    fetch_add(t, "nr_changes", 1)  # a full fence: before TASK.cpus is read


@hot
def _unmap(c, k, start, end):
    host_munmap(SPACE_FIRST + k * SPACE_STRIDE + start, end - start)


@hot
def _empty(c, k):
    """Unmap a whole window."""
    if c.space_used[k] != 0:
        _unmap(c, k, 0, USER_TOP)
        c.space_used[k] = 0


@hot
def follow_changes(m, me):
    """Unmap what has changed of the present task's pages."""
    c = m.cpus[me]
    if c.space == 0:
        return
    k = c.tlb_task % SPACES
    t = m.tasks[c.tlb_task]
    now, epoch = load_seq_cst(t, "nr_changes"), load_seq_cst(m, "code_epoch")
    if c.space_epoch[k] != epoch:
        _empty(c, k)
    elif c.space_seen[k] != now and c.space_used[k] != 0:
        _follow(c, t, k, now)
    c.space_epoch[k] = epoch
    c.space_seen[k] = now


@hot
def _follow(c, t, k, now):
    """Unmap what changed up to `now`. A record that may have been overwritten meanwhile counts as lost."""
    never_inline()
    seen = c.space_seen[k]
    n = seen + 1
    while n <= now and load_seq_cst(t, "nr_changes") < seen + CHANGES:
        at = 2 * (n % CHANGES)
        start, end = t.changes[at], t.changes[at + 1]
        fence()  # the record before the count: a writer overwrites it first, and counts then
        if load_seq_cst(t, "nr_changes") < seen + CHANGES:
            _unmap(c, k, start, end)
            n += 1
    if n <= now:
        _empty(c, k)


@hot
def use_window(m, me, task):
    """From now on translated code on this CPU finds this task's pages; the bit in TASK.cpus is set."""
    c = m.cpus[me]
    if c.ram_descriptor == 0:
        return
    k = task % SPACES
    c.space = SPACE_FIRST + k * SPACE_STRIDE
    if c.space_task[k] != task + 1:
        _empty(c, k)
        c.space_task[k] = task + 1
    follow_changes(m, me)


@hot
def open_page(m, me, va, frame, count, may_store):
    """Map pages from va on to frames from `frame` on. False when the host refuses."""
    c = m.cpus[me]
    if c.nr_space_mappings >= SPACE_MAPPINGS:
        _begin_anew(m, c)
    rights = _READ | _WRITE if may_store else _READ
    at = c.space + (va & -PAGE_SIZE)
    k = c.tlb_task % SPACES
    if host_mmap(at, count << PAGE_SHIFT, rights, _FLAGS, c.ram_descriptor - 1, frame << PAGE_SHIFT) != at:
        _begin_anew(m, c)
        return False
    c.space_used[k] = 1
    c.nr_space_mappings += 1
    return True


@hot
def _begin_anew(m, c):
    never_inline()
    for k in range(SPACES):
        _empty(c, k)
    c.nr_space_mappings = 0
    now = monotonic_ns()
    if now - c.space_since_ns < HASTE_NS:
        store_relaxed(m, "careful", 1)
        c.found_heat = 1
    c.space_since_ns = now
