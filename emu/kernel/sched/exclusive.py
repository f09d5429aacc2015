"""Exclusive mode (inko-5): a CPU that runs nothing but the threads pinned to it.

A thread asks for it for the one CPU that it is pinned to.  The CPU's bit in the exclusive
mask keeps others' threads away (`place`), keeps it from fetching any (`may_pull`), and it
gives away what waits on its queue (`evacuate`).  The mode ends with the thread, or when it
says so; then the CPU looks at the queues once, since nobody told it of what began to wait meanwhile.
"""

from ...abi.errno import EBUSY, EINVAL
from ...hot import entry, hot
from ...limits import IPI_RESCHEDULE
from ...shm.atomics import fetch_and, fetch_or
from ...shm.events import EXCLUSIVE, emit
from ...shm.layout import machine_at
from ..ipi import send_ipi
from .runqueue import first_cpu


@hot
def end_exclusive(m, me, i):
    """The thread's CPU is open to all again."""
    t = m.threads[i]
    if t.exclusive != 0:
        cpu = t.exclusive - 1
        fetch_and(m, "exclusive", ~(1 << cpu))
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
    cpu = first_cpu(t.affinity)
    if t.affinity != 1 << cpu or (m.online >> cpu) & 1 == 0:
        return -EINVAL
    if m.online & ~(m.exclusive | t.affinity) == 0:
        return -EBUSY  # nobody would be left for the other threads
    if fetch_or(m, "exclusive", t.affinity) & t.affinity:
        return -EBUSY
    t.exclusive = cpu + 1
    emit(m, me, EXCLUSIVE, i, cpu, 1)
    send_ipi(m, me, cpu, IPI_RESCHEDULE)
    return 0
