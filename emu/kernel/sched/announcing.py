"""Telling an idle CPU of a thread that becomes runnable: the idle mask.

No lost wake-up between a waker and a CPU going idle: the waker makes the thread
RUNNABLE, then (fence) reads the idle mask; the CPU sets its idle bit (fence), then
looks at the queues once more.  So the waker sees the bit, or the CPU sees the thread.

A waker that takes a CPU's idle bit tells nobody else.  So **whoever takes an idle bit owes that some CPU that may
run what waits looks at the queues afterwards**.  The waker passes the debt on by an interrupt.  The CPU finds its bit
taken when it stops being idle, and pays by a look of its own (core.pay_look).  It passes the debt on where it found
another thread meanwhile, where it may not look (it leaves or became exclusive: `pass_on`), and where threads are barred
to it, that is, their affinity excludes it (core.pull).  A CPU that exits gives up its bit first and passes on what it
may owe (hotplug.retire). Whatever changes which CPUs may run a waiting thread announces it anew (set_affinity,
evacuate, end_exclusive). Wakers take the lowest idle CPU that may look, so a CPU to which all threads of a queue are
barred passes on upwards only, and two such CPUs never wake each other for ever.  A CPU is told only of what waits where
it may take from (cpus.takers): one of the other pool would look, find nothing, and pass nothing on.
"""

from ...hot import hot, never_inline
from ...limits import GLOBAL_QUEUE, IPI_RESCHEDULE
from ...shm.atomics import fence, load_relaxed
from ...shm.cpumask import any_cpu, clear_cpu, has_cpu, load_mask, mask_above, mask_and, mask_first
from ..ipi import send_ipi
from ..thread.states import RUNNABLE, where_queue, where_state
from .hooks import BALANCE, has_hook
from .local_queue import available
from .runqueue import QUEUES_GLOBAL, allowed_cpus, thieves


@hot
def pass_on(m, me):
    """Announce anew the threads that wait where other CPUs may take them. Locks may be held: none is taken."""
    never_inline()
    fence()  # this CPU's bit is gone before the queues are read; pairs with the fence in announce
    if m.queue_kind != QUEUES_GLOBAL and not has_hook(m, me, BALANCE):
        return
    for i in range(m.fresh_thread if _anything_waits(m) else 0):
        where = load_relaxed(m.threads[i], "where")
        if where_state(where) == RUNNABLE:
            announce(m, me, where_queue(where), i)


@hot
def _anything_waits(m):
    for queue in range(m.nr_cpus):
        if available(m, queue) > 0:
            return True
    return load_relaxed(m.queues[GLOBAL_QUEUE], "nr_runnable") > 0


@hot
def announce(m, me, queue, i):
    """Interrupt a CPU that should look at a queue that just got a thread. Locks may be held: none is taken."""
    fence()  # RUNNABLE before reading the idle mask; pairs with the set_cpu in _idle (cpu_worker/loop.py)
    if not any_cpu(m, "idle"):
        return
    if queue == GLOBAL_QUEUE:
        _wake_allowed(m, me, i)
    elif queue != me and has_cpu(m, "idle", queue):
        _wake(m, me, queue)
    elif has_hook(m, me, BALANCE):
        if queue != me or available(m, me) > (0 if m.cpus[me].current >= 0 else 1):
            wake_idle(m, me, thieves(m, load_mask(m.threads[i], "affinity")))


@hot
def _wake_allowed(m, me, i):
    """Interrupt an idle CPU that may take a thread from the global queue."""
    never_inline()
    wake_idle(m, me, allowed_cpus(m, m.threads[i]))


@hot
def wake_idle(m, me, affinity):
    """Interrupt one idle CPU of those allowed, the one with the lowest number: siblings come last (alux-1)."""
    never_inline()
    candidates = mask_and(load_mask(m, "idle"), affinity)
    cpu = mask_first(candidates)
    while cpu >= 0 and not _wake(m, me, cpu):
        cpu = mask_first(mask_and(candidates, mask_above(cpu)))


@hot
def _wake(m, me, cpu):
    """Interrupt an idle CPU, unless somebody else did: only the one that clears its idle bit interrupts it."""
    if not clear_cpu(m, "idle", cpu):
        return False
    send_ipi(m, me, cpu, IPI_RESCHEDULE)
    return True
