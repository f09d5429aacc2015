"""Exclusive mode (inko-5): a CPU that runs nothing but the threads pinned to it.

A thread asks for it for the one CPU that it is pinned to.  The CPU's bit in the exclusive
mask keeps others' threads away (`place`), keeps it from fetching any (`may_pull`), and it
gives away what waits on its queue (`evacuate`).  The mode ends with the thread, or when it
asks; then the CPU looks at the queues once, since nobody told it of threads that began to wait meanwhile.
"""

from ...abi.errno import EBUSY, EINVAL
from ...hot import entry, hot
from ...limits import IPI_RESCHEDULE
from ...shm.cpumask import (
    clear_cpu,
    has_cpu,
    load_mask,
    mask_and,
    mask_count,
    mask_first,
    mask_is_empty,
    mask_minus,
    mask_or,
    set_cpu,
)
from ...shm.events import EXCLUSIVE, emit
from ...shm.layout import machine_at
from ..ipi import send_ipi
from .cpus import takers


@hot
def end_exclusive(m, me, i):
    """The thread's CPU is open to all again."""
    t = m.threads[i]
    if t.exclusive != 0:
        cpu = t.exclusive - 1
        clear_cpu(m, "exclusive", cpu)
        emit(m, me, EXCLUSIVE, i, cpu, 0)
        t.exclusive = 0
        if cpu != me:  # it may be idle
            send_ipi(m, me, cpu, IPI_RESCHEDULE)


@entry(4)
def set_exclusive(address, me, i, on):
    """Begin or end exclusive mode for thread i; 0, -EINVAL unless it is pinned to one CPU, -EBUSY for the last."""
    m = machine_at(address)
    t = m.threads[i]
    if on == 0:
        end_exclusive(m, me, i)
        return 0
    asked = load_mask(t, "asked_affinity")
    cpu = mask_first(asked)
    if mask_count(asked) != 1 or not has_cpu(m, "online", cpu):
        return -EINVAL
    others = mask_and(load_mask(m, "online"), takers(m, cpu))
    if mask_is_empty(mask_minus(others, mask_or(load_mask(m, "exclusive"), asked))):
        return -EBUSY  # no CPU of its pool would be left for the other threads
    if set_cpu(m, "exclusive", cpu):
        return -EBUSY
    t.exclusive = cpu + 1
    emit(m, me, EXCLUSIVE, i, cpu, 1)
    send_ipi(m, me, cpu, IPI_RESCHEDULE)
    return 0
