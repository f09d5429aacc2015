"""Which CPUs may run a thread: those that its user asked for, within its pool of CPUs (inko-6).

A machine may set its last CPUs apart for threads that block their CPU: MACHINE.blocking_pool is the blocking pool, all
other CPUs are the primary one.  Which CPU is in which pool is fixed at boot, by number: a CPU that leaves and comes
back is in the pool that it was in, and one that is added beyond them is primary.  Each pool keeps at least one CPU that
takes threads (hotplug.take_offline, exclusive.set_exclusive).

    THREAD.asked_affinity   the CPUs that its user asked for; what sched_getaffinity says
    THREAD.blocking         1 between blocking_begin and blocking_end (sched/pools.py)
    THREAD.affinity         the CPUs that may run it; derived from the two, and all that schedulers and policies look at

The three change together, under the lock of the thread's task: the server changes the first, the thread itself the
second, and each derives the third from both.  Without the lock one of them could derive it from what the other has
just replaced, and store it last.

A thread whose user asked for CPUs of one pool alone keeps to them, whatever it declares: so do pinned threads and those
that have a CPU to themselves.  Where no CPU of its pool is online among those that it asked for, it may run on all of
them.  New threads, children of a fork and new programs (exec) begin in the primary pool.
Rejected: to look at pools in each place that asks where a thread may run: every switch would pay for it, and
policies would have to know of it.
"""

from ...hot import hot
from ...shm.cpumask import has_cpu, load_mask, mask_all, mask_and, mask_is_empty, mask_minus, store_mask


@hot
def pool(m, blocking):
    """The CPUs of the blocking (1) or the primary pool (0), also those that a machine could have."""
    known = load_mask(m, "blocking_pool")
    return known if blocking != 0 else mask_minus(mask_all(), known)


@hot
def share_pool(m, a, b):
    """Whether two CPUs are in the same pool."""
    return m.nr_blocking == 0 or has_cpu(m, "blocking_pool", a) == has_cpu(m, "blocking_pool", b)


@hot
def within_pool(m, t):
    """The CPUs that may run a thread. Its task's lock is held, or nobody else knows it yet."""
    asked = load_mask(t, "asked_affinity")
    allowed = mask_and(asked, pool(m, t.blocking))
    return asked if mask_is_empty(mask_and(allowed, load_mask(m, "online"))) else allowed


@hot
def begin_affinity(m, t, asked):
    """A new thread may run on the primary ones of the CPUs that it asks for."""
    store_mask(t, "asked_affinity", asked)
    t.blocking = 0
    if m.nr_blocking == 0:
        store_mask(t, "affinity", asked)
    else:
        store_mask(t, "affinity", within_pool(m, t))


@hot
def is_confined(m, t, cpu):
    """Whether a thread may run on all CPUs of its pool, and a CPU is of that pool."""
    return mask_is_empty(mask_minus(pool(m, 1 if has_cpu(m, "blocking_pool", cpu) else 0), load_mask(t, "affinity")))
