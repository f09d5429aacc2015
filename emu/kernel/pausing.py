"""A machine that is paused: no CPU executes a guest's instruction, nor a system call, until it goes on.

MACHINE.paused holds a bit for each reason (PAUSE_*).  A CPU looks at it in its main loop before it enters a guest, and
where it is set sleeps parked, like an idle one: it answers interrupts, and burns no host CPU.

    whoever pauses   1 paused |= why (a full fence)          CPU   1 tlb_active = 1 (a full fence)
                     2 reads tlb_active, interrupts              2 reads `paused`, enters a guest
                     3 waits until tlb_active is 0

Invariant: once every tlb_active was seen to be 0, one after the other, no guest executes anything until `paused` is 0.
If 2 finds 0, the CPU's 1 comes later (a CPU that was idle, in cold code, or is only being started), and its 2 finds
`paused`.  If 2 finds 1, the CPU may be in a guest; the interrupt has it look again, it sets tlb_active to 0, and tells
whoever pauses.  A paused CPU that serves an interrupt sets tlb_active for a moment and looks at `paused` after that.

The end of a pause wakes a CPU as any interrupt does (ipi.py): whoever ends it clears `paused`, then interrupts every
CPU.  A CPU takes its interrupts before it looks at `paused`, so where it has found that set, this interrupt is still to
come, or is found when the CPU has parked.

Time goes on: sleeps end, and the system server answers calls, so threads become runnable meanwhile.  What a CPU's
thread is charged with does not count the pause, and its slice is that much longer.

Rejected: to take the running threads off their CPUs.  It would count as preemption, and move them.
"""

from ..hot import entry, hot, never_inline
from ..limits import IPI_RESCHEDULE, SUPERVISOR
from ..shm.atomics import compare_exchange, fetch_or, load_seq_cst
from ..shm.clock import now_ns
from ..shm.events import PAUSED, emit_at
from ..shm.layout import machine_at
from ..shm.memory import monotonic_ns
from .ipi import cancel_park, mark_parked, send_ipi, take_kicks
from .vm.shootdown import deactivate_tlb

PAUSE_ASKED = 1  # by the supervisor
PAUSE_STOPPED = 2  # a thread has stopped for its debugger (kernel/task/debugging.py)


@hot
def pause_here(m, me):
    """This CPU, in its main loop, has found the machine paused. True: it is parked and may sleep."""
    never_inline()
    c = m.cpus[me]
    now = monotonic_ns()
    c.busy_ns += now - c.since_ns
    c.since_ns = 0
    c.stall_from_ns = 0
    c.paused_ns = now_ns(m)
    deactivate_tlb(m, me)
    send_ipi(m, me, SUPERVISOR, IPI_RESCHEDULE)  # after that: pairs with all_stand
    mark_parked(m, me)  # before it looks for interrupts; pairs with send_ipi
    if load_seq_cst(c, "pending") == 0:  # that of let_all_go comes after `paused` was found
        return True
    if not cancel_park(m, me):
        return True  # a message is on its way
    end_pause_here(m, me)
    return False


@hot
def end_pause_here(m, me):
    """This CPU is awake again. Its thread has used no time meanwhile."""
    never_inline()
    c = m.cpus[me]
    now = now_ns(m)
    gap = now - c.paused_ns
    emit_at(m, me, now, PAUSED, -1, gap, 0)
    c.paused_ns = 0
    c.accounted_ns += gap
    c.slice_start_ns += gap
    if c.slice_end_ns != 0:
        c.slice_end_ns += gap
    c.since_ns = monotonic_ns()


@hot
def stop_all(m, me, why):
    """Have all CPUs stop executing guests; all_stand says when they have."""
    never_inline()
    fetch_or(m, "paused", why)  # before tlb_active is read; pairs with activate_tlb
    for cpu in range(m.nr_cpus):
        if load_seq_cst(m.cpus[cpu], "tlb_active") != 0:
            send_ipi(m, me, cpu, IPI_RESCHEDULE)


@hot
def all_stand(m):
    """Whether no CPU is in a guest or its calls, after stop_all."""
    standing = 0
    while standing < m.nr_cpus and load_seq_cst(m.cpus[standing], "tlb_active") == 0:
        standing += 1
    return standing == m.nr_cpus


@hot
def let_all_go(m, me, why):
    """Take away reasons of the pause; with the last one the CPUs go on."""
    never_inline()
    old = load_seq_cst(m, "paused")
    while not compare_exchange(m, "paused", old, old & ~why):  # before the CPUs are told: pause_here relies on it
        old = load_seq_cst(m, "paused")
    if old & ~why == 0:
        for cpu in range(m.nr_cpus):
            send_ipi(m, me, cpu, IPI_RESCHEDULE)


@entry(3)
def ask_to_pause(address, me, why):
    """Cold form of stop_all; returns how many messages are owed."""
    m = machine_at(address)
    stop_all(m, me, why)
    return take_kicks(m, me)


@entry(1)
def is_paused(address):
    return int(all_stand(machine_at(address)))


@entry(3)
def go_on(address, me, why):
    """Cold form of let_all_go; returns how many messages are owed."""
    m = machine_at(address)
    let_all_go(m, me, why)
    return take_kicks(m, me)
