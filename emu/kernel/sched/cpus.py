"""Which CPUs take threads, are idle, or may run a thread: what policies ask when they choose one.

The answers are looked up without a lock, so a CPU may come, go or find work the moment after.  A policy need not
care: where its choice has become wrong, the core moves the thread on.
"""

from ...hot import hot
from ...limits import GLOBAL_QUEUE
from ...shm.cpumask import has_cpu, load_mask, mask_all, mask_and, mask_first
from ..thread.affinity import pool, share_pool


@hot
def is_online(m, cpu):
    """Whether a CPU takes threads: it has come up and does not leave (rust-4)."""
    return has_cpu(m, "online", cpu)


@hot
def is_idle(m, cpu):
    """Whether a CPU looks for work. Another waker may give it some at the same time."""
    return has_cpu(m, "idle", cpu)


@hot
def may_run(m, thread, cpu):
    """Whether a CPU takes threads and this thread's affinity allows it."""
    return has_cpu(m, "online", cpu) and has_cpu(m.threads[thread], "affinity", cpu)


@hot
def idle_cpu(m, thread):
    """The first idle CPU that may run a thread, -1 when there is none. Siblings have the highest numbers (alux-1)."""
    able = mask_and(load_mask(m, "online"), load_mask(m.threads[thread], "affinity"))
    return mask_first(mask_and(able, load_mask(m, "idle")))


@hot
def may_take(m, me, queue):
    """Whether a CPU takes threads from a queue: from the global one, and from those of its pool's CPUs (inko-6)."""
    return queue == GLOBAL_QUEUE or share_pool(m, me, queue)


@hot
def takers(m, queue):
    """The CPUs that may_take from a queue, whether or not the machine has them."""
    if m.nr_blocking == 0 or queue == GLOBAL_QUEUE:
        return mask_all()
    return pool(m, 1 if has_cpu(m, "blocking_pool", queue) else 0)
