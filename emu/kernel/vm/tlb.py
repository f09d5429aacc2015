"""A CPU's TLB: it has the translations of one task, and keeps some of the tasks that ran before it.

    fill_read, fill_write, fill_fetch     put a translation in
    translated                            look one up, for the kernel's own accesses (usercopy.py)
    flush_tlb                             forget all of them, also what is kept
    use_space                             from now on this CPU's TLB is another task's

A switch to another task would have to empty the TLB, and the task that comes back would miss on each page.  So what
was filled since (`filled`, if it is not much) is put aside with the task and its TASK.tlb_generation, and put back when
the task runs here again, unless the generation has changed meanwhile.

No kept translation is used after it was taken away.  Who changes the page tables raises the generation, then reads
TASK.cpus and shoots those CPUs down (shootdown.py); a CPU that keeps translations is not among them:

    who changes   1 the page table          CPU   1 its bit in TASK.cpus (a full fence)
                  2 generation + 1                2 reads the generation, and puts back what is of this one
                  3 reads TASK.cpus

If 3 misses the bit, it came before the CPU's 1, so the CPU's 2 finds the new generation.  A generation belongs to what
is filled after it was read: read later, when the task stops, it could be that of a change which the TLB has not
followed yet.  Generations are never set back, so those of a task record that is used again are new too.

Locks: none; all of it is this CPU's own, but the generation, which is atomic.
"""

from ...hot import hot, never_inline
from ...limits import KEPT_ENTRIES, KEPT_SPACES, PAGE_SHIFT, PAGE_SIZE, TLB_ENTRIES
from ...shm.atomics import fetch_add, load_seq_cst
from ...shm.cpumask import clear_cpu, set_cpu
from ...shm.exits import ACCESS_WRITE
from .windows import follow_changes, use_window

READ, WRITE, FETCH = 0, 2 * TLB_ENTRIES, 4 * TLB_ENTRIES  # where each part begins, as positions are counted
PART = 2 * TLB_ENTRIES - 1


@hot
def fill_read(c, slot, page, addend):
    c.read_tlb[slot] = page
    c.read_tlb[slot + 1] = addend
    _note(c, READ + slot)


@hot
def fill_write(c, slot, page, addend):
    c.write_tlb[slot] = page
    c.write_tlb[slot + 1] = addend
    _note(c, WRITE + slot)


@hot
def fill_fetch(c, slot, page, decoded):
    c.fetch_tlb[slot] = page
    c.fetch_tlb[slot + 1] = decoded
    _note(c, FETCH + slot)


@hot
def translated(c, task, va, count, access):
    """The host address of guest bytes of a task, from this CPU's own TLB; 0 where it does not have them.

    It is good until this CPU looks at its interrupts.
    """
    if c.tlb_task != task or c.tlb_active == 0 or count <= 0 or count > PAGE_SIZE - (va & (PAGE_SIZE - 1)):
        return 0
    slot = ((va >> PAGE_SHIFT) & (TLB_ENTRIES - 1)) * 2
    page = va & -PAGE_SIZE
    if access == ACCESS_WRITE:
        return va + c.write_tlb[slot + 1] if c.write_tlb[slot] == page else 0
    return va + c.read_tlb[slot + 1] if c.read_tlb[slot] == page else 0


@hot
def _note(c, position):
    if c.nr_filled < KEPT_ENTRIES:
        c.filled[c.nr_filled] = position
    c.nr_filled += 1


@hot
def _get(c, position):
    """(page, addend) at a position."""
    slot = position & PART
    if position < WRITE:
        return c.read_tlb[slot], c.read_tlb[slot + 1]
    if position < FETCH:
        return c.write_tlb[slot], c.write_tlb[slot + 1]
    return c.fetch_tlb[slot], c.fetch_tlb[slot + 1]


@hot
def _clear(c, position):
    slot = position & PART
    if position < WRITE:
        c.read_tlb[slot] = -1
    elif position < FETCH:
        c.write_tlb[slot] = -1
    else:
        c.fetch_tlb[slot] = -1


@hot
def _empty(c):
    """Forget the translations of the present task."""
    if c.nr_filled <= KEPT_ENTRIES:
        for k in range(c.nr_filled):
            _clear(c, c.filled[k])
    else:
        for k in range(0, 2 * TLB_ENTRIES, 2):
            c.read_tlb[k] = -1
            c.write_tlb[k] = -1
            c.fetch_tlb[k] = -1
    c.nr_filled = 0


@hot
def flush_tlb(m, cpu):
    """Empty this CPU's own TLB; nothing is kept either, and its window has only what has not changed."""
    never_inline()
    c = m.cpus[cpu]
    follow_changes(m, cpu)
    _empty(c)
    for s in range(KEPT_SPACES):
        c.kept[s].task = -1
    if c.tlb_task >= 0:
        c.tlb_generation = load_seq_cst(m.tasks[c.tlb_task], "tlb_generation")


@hot
def forget_kept(m, task):
    """The task's page tables have changed: what CPUs keep of them is of no use. Before TASK.cpus is read (header)."""
    fetch_add(m.tasks[task], "tlb_generation", 1)


@hot
def use_space(m, me, task):
    """From now on this CPU's TLB has this task's translations; whoever shoots it down looks at its `cpus` mask."""
    c = m.cpus[me]
    old = c.tlb_task
    if old >= 0:
        if c.nr_filled <= KEPT_ENTRIES:
            _keep(c, old)
        clear_cpu(m.tasks[old], "cpus", me)
    _empty(c)
    c.tlb_task = task
    set_cpu(m.tasks[task], "cpus", me)  # before the first lookup; pairs with the mask's reader in shootdown.py
    use_window(m, me, task)
    c.tlb_generation = load_seq_cst(m.tasks[task], "tlb_generation")
    for s in range(KEPT_SPACES):
        if c.kept[s].task == task:
            if c.kept[s].generation == c.tlb_generation:
                _put_back(c, c.kept[s])
            c.kept[s].task = -1


@hot
def leave_space(m, me):
    """This CPU runs no guest any more, and has nothing of any task's."""
    c = m.cpus[me]
    if c.tlb_task >= 0:
        clear_cpu(m.tasks[c.tlb_task], "cpus", me)
        c.tlb_task = -1
        c.space = 0
    flush_tlb(m, me)


@hot
def _keep(c, task):
    """Put the present translations aside, in place of those that were put aside longest ago."""
    kept = c.kept[c.next_kept]
    c.next_kept = (c.next_kept + 1) % KEPT_SPACES
    kept.task = task
    kept.generation = c.tlb_generation
    kept.count = c.nr_filled
    for k in range(c.nr_filled):
        position = c.filled[k]
        page, addend = _get(c, position)
        kept.entries[3 * k] = position
        kept.entries[3 * k + 1] = page
        kept.entries[3 * k + 2] = addend


@hot
def _put_back(c, kept):
    for k in range(kept.count):
        position, page, addend = kept.entries[3 * k], kept.entries[3 * k + 1], kept.entries[3 * k + 2]
        slot = position & PART
        if position < WRITE:
            fill_read(c, slot, page, addend)
        elif position < FETCH:
            fill_write(c, slot, page, addend)
        else:
            fill_fetch(c, slot, page, addend)
