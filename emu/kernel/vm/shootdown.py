"""TLB shoot-down: no CPU uses a translation after it was taken away, since others make it empty its TLB.

The sender raises the target's request number (full fence), interrupts it and
waits until the target says that it is done.  A CPU that may use its TLB has
tlb_active set; one that parks or runs cold code clears it and compares the numbers
after it has set it again (full fence), before it enters a guest: either the sender
sees 0 and need not wait, or the target sees the request.

Nobody waits with a lock held, and a waiter carries out the requests made to
itself, so two CPUs that shoot at each other both get on.

Only CPUs that may hold an entry are asked (TASK.cpus).  Of these the sender waits only for those that execute guest
code or serve its calls: an idle one has said that it uses its TLB no more.  A CPU in guest code is waited for even when
the host has taken its core away: it may go on between its look at the TLB and its access.  On a host with fewer cores
than CPUs that takes long: all processes on a core run in turn, 4 ms each.  So turns are made short.  A CPU that has
answered yields its core until all have answered (give_way_to_shooters).  The sender yields while a CPU on its own core
has not answered, and only spins for those on others: a yield puts it behind by a whole slice (Linux 6.6 and later).
"""

from ...hot import hot, never_inline
from ...limits import IPI_TLB
from ...shm.atomics import (
    exchange,
    fetch_add,
    load_acquire,
    load_relaxed,
    load_seq_cst,
    pause,
    store_release,
)
from ...shm.cpumask import load_mask, mask_above, mask_and, mask_first, mask_has, mask_minus, mask_of
from ...shm.memory import host_sleep_us, host_yield
from ..critical import noncritical
from ..ipi import send_ipi
from .tlb import flush_tlb, forget_kept

YIELDS = 64  # a yield lets another process on this host core run, in most cases for a moment only
SPINS = 10_000  # for CPUs on other cores: about 300 µs
NAP_US = 50


@hot
def answer_shootdowns(m, cpu):
    """Carry out the shoot-downs that other CPUs have asked of this one."""
    c = m.cpus[cpu]
    request = load_acquire(c, "tlb_request")
    if request != c.tlb_done:
        flush_tlb(m, cpu)
        c.reservation = 0
        store_release(c, "tlb_done", request)  # pairs with load_acquire in shoot_down


@hot
def give_way_to_shooters(m, me):
    """Leave this host core to CPUs that have not answered yet, and to those that wait for them, until all have."""
    never_inline()
    yields = 0
    while load_relaxed(m, "shooting") != 0 and yields < YIELDS:
        host_yield()
        answer_shootdowns(m, me)
        yields += 1


@hot
def activate_tlb(m, cpu):
    """Called before a guest runs on this CPU: from now on shoot-downs wait for it."""
    c = m.cpus[cpu]
    if c.tlb_active == 0:
        exchange(c, "tlb_active", 1)  # pairs with fetch_add of tlb_request in shoot_down
        answer_shootdowns(m, cpu)


@hot
def deactivate_tlb(m, cpu):
    """Called before this CPU stops looking at interrupts for a while: shoot-downs need not wait for it."""
    c = m.cpus[cpu]
    if c.tlb_active != 0:
        store_release(c, "tlb_active", 0)


@hot
def shoot_down(m, me, mask):
    """Return when no CPU of the mask holds an old translation. No lock may be held."""
    never_inline()
    noncritical(m, me)
    if me < m.nr_cpus and mask_has(mask, me):
        flush_tlb(m, me)
        mask = mask_minus(mask, mask_of(me))
    cpu = mask_first(mask)
    while cpu >= 0:
        fetch_add(m.cpus[cpu], "tlb_request", 1)
        if load_seq_cst(m.cpus[cpu], "tlb_active") != 0:
            send_ipi(m, me, cpu, IPI_TLB)
        cpu = mask_first(mask_and(mask, mask_above(cpu)))
    crowded = m.nr_cpus > m.host_cores
    if crowded:
        fetch_add(m, "shooting", 1)  # give_way_to_shooters looks
    cpu = mask_first(mask)
    while cpu >= 0:  # first those on this CPU's own core: meanwhile the other cores are at work
        if _is_beside(m, me, cpu):
            _await(m, me, cpu)
        cpu = mask_first(mask_and(mask, mask_above(cpu)))
    cpu = mask_first(mask)
    while cpu >= 0:
        _await(m, me, cpu)
        cpu = mask_first(mask_and(mask, mask_above(cpu)))
    if crowded:
        fetch_add(m, "shooting", -1)


@hot
def shoot_down_task(m, me, task):
    """Return when no CPU holds a translation of this task that has been taken out of its page table before."""
    noncritical(m, me)
    forget_kept(m, task)  # a full fence: the table has changed before the mask is read; pairs with set_cpu in use_space
    shoot_down(m, me, load_mask(m.tasks[task], "cpus"))


@hot
def _is_beside(m, me, cpu):
    """Whether two CPUs take turns on one host core, so that one runs only when the other gives way."""
    return m.pinned != 0 and me < m.nr_cpus and (me - cpu) % m.host_cores == 0


@hot
def _await(m, me, cpu):
    t = m.cpus[cpu]
    beside = _is_beside(m, me, cpu)
    request = load_acquire(t, "tlb_request")
    spins = 0
    while load_acquire(t, "tlb_done") < request and load_seq_cst(t, "tlb_active") != 0:
        if me < m.nr_cpus:
            answer_shootdowns(m, me)
        if beside and spins < YIELDS:
            host_yield()
        elif not beside and spins < SPINS:
            pause()
        else:
            host_sleep_us(NAP_US)
        spins += 1
        if load_relaxed(m, "failed") != 0:
            return
