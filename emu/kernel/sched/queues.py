"""The verbs of run queues: the one place that asks which kind a machine's queues are (MACHINE.queue_kind).

    put_new   a new thread waits somewhere              give_way_* the running thread waits, and another one may run
    wake      a sleeper whose sleep is claimed waits    pick_own   the next thread of the own queue runs
    stop      the running thread sleeps                 steal      a thread of another queue runs here
    leave     the running thread is gone                fetch      a thread of another queue waits here
    restrict  a thread's affinity changes               move_*     threads change queues (migration.py)

QUEUES_PER_CPU: a queue with a lock for each CPU.  QUEUES_GLOBAL: the same, but all runnable threads wait on the global
queue.  QUEUES_LOCK_FREE: a CPU uses its own queue without a lock.  Each verb is written twice, in locked_queue.py and
in local_queue.py; everybody else calls it here.  None of them tells idle CPUs of a thread: waking.py does.
"""

from ...hot import hot, never_inline
from ...shm.atomics import load_relaxed
from ...shm.clock import now_ns
from ...shm.cpumask import load_mask
from ...shm.deque import waiting
from ...shm.events import MIGRATE, SPAWN, WAKE
from ..groups.offers import open_offer
from . import local_queue, locked_queue
from .hooks import (
    ENQUEUE_PREEMPT,
    ENQUEUE_SPAWN,
    ENQUEUE_WAKE,
    ENQUEUE_YIELD,
    PLACE_PREEMPT,
    PLACE_SPAWN,
    PLACE_WAKE,
)
from .recording import record_claim
from .runqueue import QUEUES_GLOBAL, QUEUES_LOCK_FREE, place


@hot
def are_lock_free(m):
    return m.queue_kind == QUEUES_LOCK_FREE


@hot
def are_global(m):
    return m.queue_kind == QUEUES_GLOBAL


# --- becoming runnable ----------------------------------------------------------------------------


@hot
def put_new(m, me, i):
    """NEW to RUNNABLE; the queue where the thread waits."""
    if are_lock_free(m):
        return _place_owned(m, me, i, SPAWN, PLACE_SPAWN, ENQUEUE_SPAWN)
    return locked_queue.put_new(m, me, i)


@hot
def wake(m, me, i):
    """BLOCKED to RUNNABLE for a thread whose sleep this actor claimed; its queue, or -1: it never fell asleep."""
    if not are_lock_free(m):
        return locked_queue.wake(m, me, i)
    sequence = m.threads[i].sleep_sequence
    if not local_queue.win_wake(m.threads[i]):
        record_claim(m, me, now_ns(m), i, sequence)
        return -1
    open_offer(m, i)
    return _place_owned(m, me, i, WAKE, PLACE_WAKE, ENQUEUE_WAKE)


@hot
def _place_owned(m, me, i, kind, reason, enqueue_reason):
    """Let a thread that this actor owns wait on a lock-free queue of the policy's choice; returns the queue."""
    while True:
        queue = place(m, me, i, reason)
        if local_queue.place_on(m, me, i, queue, kind, enqueue_reason):
            return queue


# --- leaving the CPU ------------------------------------------------------------------------------


@hot
def stop(m, me, i):
    """RUNNING to BLOCKED: AWAKE, ASLEEP or CLAIMED of local_queue.py says what became of the thread."""
    if are_lock_free(m):
        return local_queue.block(m, me, i)
    return local_queue.ASLEEP if locked_queue.stop(m, me, i) else local_queue.AWAKE


@hot
def leave(m, me, i):
    """RUNNING to DEAD."""
    if are_lock_free(m):
        local_queue.leave(m, me, i)
    else:
        locked_queue.leave(m, me, i)


@hot
def give_way_here(m, me, i, yielded):
    """RUNNING to RUNNABLE on its own CPU's queue, and the next one to RUNNING; returns the next one, or -1."""
    if are_lock_free(m):
        return local_queue.give_way_here(m, me, i, yielded, ENQUEUE_YIELD if yielded else ENQUEUE_PREEMPT)
    return locked_queue.give_way_here(m, me, i, yielded)


@hot
def give_way_elsewhere(m, me, i, yielded):
    """RUNNING to RUNNABLE on a queue of the policy's choice; returns it, or -1 where no CPU need be told."""
    never_inline()
    if not are_lock_free(m):
        return locked_queue.give_way_elsewhere(m, me, i, yielded)
    local_queue.give_way_running(m, me, i, yielded)
    return _place_owned(m, me, i, MIGRATE, PLACE_PREEMPT, ENQUEUE_PREEMPT)


@hot
def waits_untold(m, me):
    """Whether a thread waits on this CPU's own queue that no other was told of: the policy keeps it for this CPU."""
    return are_lock_free(m) and waiting(m.deques[me]) > 0


# --- getting the CPU ------------------------------------------------------------------------------


@hot
def pick_own(m, me):
    """The policy's next thread of this CPU's own queue becomes RUNNING; -1 when there is none."""
    if are_lock_free(m):
        return local_queue.pick_own(m, me, now_ns(m))
    if load_relaxed(m.queues[me], "nr_runnable") > 0:
        return locked_queue.pick_own(m, me)
    return -1


@hot
def steal(m, me, queue):
    """Take a runnable thread from another queue and run it here; -1 when there is none that may run here."""
    if are_lock_free(m):
        return local_queue.steal(m, me, queue)
    return locked_queue.steal(m, me, queue)


@hot
def passed_over(m, me, queue):
    """Asked after `steal` has found nothing: the CPUs that may run the threads that this one may not."""
    if are_lock_free(m):
        return local_queue.listed_for(m, me, queue)
    return load_mask(m.cpus[me], "barred_from")


@hot
def ask(m, me, hook, i):
    """Call a hook about the running thread, after its time so far has been booked."""
    if are_lock_free(m):
        return local_queue.ask(m, me, hook, i)
    return locked_queue.ask(m, me, hook, i)


@hot
def time_of_exit(m, now):
    """The time of a scheduler's exit: later than any that the actor which took its last thread has recorded."""
    return max(now, local_queue.latest(m) + 1) if are_lock_free(m) else now
