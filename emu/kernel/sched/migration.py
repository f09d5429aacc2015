"""Migration: threads that change queues without having run there.

Both queues are locked, and the policy is told for each (rust-10; the original did not
do that).  A thread that may run on one CPU only never moves.
"""

from ...hot import entry, hot, never_inline
from ...limits import GLOBAL_QUEUE, IPI_RESCHEDULE
from ...shm.atomics import fence, load_relaxed, load_seq_cst, store_relaxed
from ...shm.cpumask import has_cpu, load_mask, mask_and, mask_is_empty, store_mask
from ...shm.events import MIGRATE
from ...shm.layout import machine_at
from ...shm.spinlock import fail
from ..critical import noncritical
from ..failures import FAIL_POLICY_DEQUEUE
from ..ipi import send_ipi
from ..thread.records import lock_task, unlock_task
from ..thread.sleep_word import is_claimed
from ..thread.states import BLOCKED, RUNNABLE, pack_where, queue_of, state_of, where_queue, where_state
from . import local_queue, locked_queue, queues
from .announcing import announce
from .cpus import may_take
from .hooks import BALANCE, DEQUEUE, ENQUEUE_MOVE, PERIODIC, PLACE_PREEMPT, call_hook, call_pick
from .pools import allow
from .recording import WAKE_CLAIMED, record_move
from .runqueue import (
    allowed_cpus,
    enqueue,
    first_cpu,
    is_open,
    is_queue,
    lock_queue,
    lock_two,
    mark_two,
    may_not_stay,
    may_pull,
    move,
    place,
    unlock_queue,
    unlock_two,
)
from .waking import make_runnable


@hot
def balance_periodically(m, me):
    """A busy CPU asks its policy whether it should fetch a thread from another queue."""
    never_inline()
    noncritical(m, me)
    if not may_pull(m, me):
        return
    queue = call_hook(m, me, BALANCE, me, PERIODIC)
    if queue < 0 or queue == me or not is_queue(m, queue) or not may_take(m, me, queue):
        return
    if not queues.are_lock_free(m):
        locked_queue.fetch(m, me, queue)
        return
    i = local_queue.fetch(m, me, queue)
    if i >= 0:
        _put_down(m, me, i, me)


@hot
def _put_down(m, me, i, queue):
    """Put a thread that this CPU took out of a lock-free queue on another one, on `queue` if that is open."""
    while not local_queue.place_on(m, me, i, queue, MIGRATE, ENQUEUE_MOVE):
        queue = place(m, me, i, PLACE_PREEMPT)
    if queue != me:
        announce(m, me, queue, i)


@entry(3)
def set_affinity(address, me, i):
    """Cold form of restrict, to the CPUs of `me`'s `given`."""
    m = machine_at(address)
    restrict(m, me, i, load_mask(m.cpus[me], "given"))
    return 0


@hot
def restrict(m, me, i, mask):
    """Restrict thread i to some CPUs; a runnable one moves at once, a running one at its next trap."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    lock_task(m, me, t.task)
    store_mask(t, "asked_affinity", mask)
    allow(m, me, i)
    unlock_task(m, me, t.task)
    _obey(m, me, i)


@hot
def restrict_within(m, me, i, cpus):
    """Restrict thread i to those of `cpus` that it asked for last, to all of them where it asked for none of these."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    lock_task(m, me, t.task)  # what is asked for meanwhile would be lost
    both = mask_and(load_mask(t, "asked_affinity"), cpus)
    store_mask(t, "asked_affinity", cpus if mask_is_empty(both) else both)
    allow(m, me, i)
    unlock_task(m, me, t.task)
    _obey(m, me, i)


@hot
def _obey(m, me, i):
    """Other CPUs may run thread i from now on: have it moved where it must be, and tell those that may take it."""
    t = m.threads[i]
    # The masks are stored before `where` is read (pairs with the queue's lock, or the exchange in local_queue.become),
    # and before the caller reads what its container may use (pairs with the fence in confining.confine_all).
    fence()
    where = load_relaxed(t, "where")
    queue = where_queue(where)
    if queues.are_lock_free(m):
        if queue < m.nr_cpus:
            tell_misplaced(m, me, queue)
    elif where_state(where) == RUNNABLE and queue != GLOBAL_QUEUE and not has_cpu(t, "affinity", queue):
        move_runnable(m, me, i, queue)
    elif queue < m.nr_cpus and queue != me:
        send_ipi(m, me, queue, IPI_RESCHEDULE)
    _announce_waiting(m, me, i)


@hot
def _announce_waiting(m, me, i):
    """Tell an idle CPU that may run thread i from now on and might not before."""
    where = load_relaxed(m.threads[i], "where")
    if where_state(where) == RUNNABLE:
        announce(m, me, where_queue(where), i)


@hot
def tell_misplaced(m, me, cpu):
    """Ask a CPU to move on those of its threads that may no longer wait there."""
    store_relaxed(m.deques[cpu], "misplaced", 1)  # before the interrupt
    send_ipi(m, me, cpu, IPI_RESCHEDULE)


@hot
def move_misplaced(m, me):
    """Move threads that wait on this CPU's lock-free queue and may not run here; the others keep their order."""
    never_inline()
    store_relaxed(m.deques[me], "misplaced", 0)  # after the interrupt was taken
    waiting = 0
    for i in range(m.fresh_thread):
        waiting += 1 if load_relaxed(m.threads[i], "where") == pack_where(RUNNABLE, me) else 0
    for _ in range(waiting):
        i = call_pick(m, me, me)
        if i < 0:
            break
        if may_not_stay(m, me, m.threads[i]):
            _put_down(m, me, i, place(m, me, i, PLACE_PREEMPT))
        else:
            local_queue.keep(m, me, i)


@hot
def move_runnable(m, me, i, old):
    """Move a thread that still waits on queue `old` to a queue that it may be on; returns whether it moved."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    queue = place(m, me, i, PLACE_PREEMPT)
    lock_two(m, me, old, queue)
    moved = state_of(t) == RUNNABLE and queue_of(t) == old and old != queue and is_open(m, queue)
    if moved:
        now = mark_two(m, me, queue, old)
        before = m.queues[old].nr_runnable
        call_hook(m, me, DEQUEUE, old, i)
        m.queues[old].nr_runnable = before - 1
        record_move(m, me, now, i, queue, old)
        move(m, me, i, RUNNABLE, old, queue)
        enqueue(m, me, queue, i, ENQUEUE_MOVE)
        if m.queues[old].nr_runnable < 0:
            fail(m, FAIL_POLICY_DEQUEUE, i)
    unlock_two(m, me, old, queue)
    if moved:
        announce(m, me, queue, i)
    return moved


@hot
def move_blocked(m, me, i, old):
    """Register a sleeping thread of queue `old` with another scheduler; returns whether it moved."""
    noncritical(m, me)
    t = m.threads[i]
    queue = place(m, me, i, PLACE_PREEMPT)
    if queue == GLOBAL_QUEUE:
        queue = first_cpu(allowed_cpus(m, t))
    if queue == old:
        return False
    if queues.are_lock_free(m):
        return move_sleeper(m, me, i, queue)
    lock_two(m, me, old, queue)
    moved = state_of(t) == BLOCKED and queue_of(t) == old and is_open(m, queue)
    if moved:
        record_move(m, me, mark_two(m, me, queue, old), i, queue, old)
        move(m, me, i, BLOCKED, old, queue)
    unlock_two(m, me, old, queue)
    return moved


@hot
def move_sleeper(m, me, i, queue):
    """`move_blocked` for lock-free queues: the thread's own CPU registers it with another one."""
    noncritical(m, me)
    t = m.threads[i]
    moved = False
    if local_queue.own_sleeper(m, me, t):
        lock_queue(m, me, queue)
        moved = is_open(m, queue)
        if moved:
            record_move(m, me, local_queue.stamp(m, me, i, queue), i, queue, me)
        local_queue.become(m, me, i, BLOCKED, queue if moved else me)  # S1 once more
        unlock_queue(m, me, queue)
    if is_claimed(load_seq_cst(t, "sleep")):  # S2: the waker may have seen the thread on its way
        m.cpus[me].wake_cause = WAKE_CLAIMED
        make_runnable(m, me, i)
    return moved
