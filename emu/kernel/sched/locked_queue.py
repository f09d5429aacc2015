"""Run queues with a lock each: what becomes of a thread, under the lock of its queue or of both that it moves between.

The counterpart, for queues whose fast path takes no lock, is local_queue.py; queues.py chooses between the two.
A CPU never touches a thread after the release that publishes it as RUNNABLE or BLOCKED: the next moment it may
run elsewhere.  No function here announces a thread to idle CPUs: callers do, when the locks are released.
"""

from ...hot import hot
from ...limits import GLOBAL_QUEUE
from ...shm.atomics import load_relaxed
from ...shm.events import EXIT, STEAL, emit_at
from ..critical import either, noncritical
from ..groups.offers import open_offer
from ..thread.sleep_word import consume_claim
from ..thread.states import BLOCKED, DEAD, RUNNABLE, RUNNING, set_where, state_of
from .hooks import (
    ADD_THREAD,
    ENQUEUE_MOVE,
    ENQUEUE_PREEMPT,
    ENQUEUE_SPAWN,
    ENQUEUE_WAKE,
    ENQUEUE_YIELD,
    PLACE_PREEMPT,
    PLACE_SPAWN,
    PLACE_WAKE,
    REMOVE_THREAD,
    STOP_BLOCK,
    STOP_EXIT,
    STOP_MOVE,
    call_hook,
    tell,
)
from .recording import record_block, record_move, record_spawn, record_wake
from .runqueue import (
    begin,
    charge,
    enqueue,
    give_way,
    is_open,
    lock_queue,
    lock_thread,
    lock_two,
    mark_time,
    mark_two,
    move,
    must_stay,
    pick,
    place,
    preempt,
    take_for,
    tell_stopped,
    unlock_queue,
    unlock_two,
)


@hot
def put_new(m, me, i):
    """NEW to RUNNABLE: the queue where the thread waits. Locks the queue that it joins, and no other (rust-8)."""
    either(m, me)
    queue = _lock_open_queue(m, me, i, PLACE_SPAWN)
    t = m.threads[i]
    now = mark_time(m, me, queue)
    set_where(m, t, RUNNABLE, queue)
    m.queues[queue].nr_threads += 1
    t.queued_ns = now
    record_spawn(m, me, now, i, queue)
    tell(m, me, ADD_THREAD, queue, i)
    enqueue(m, me, queue, i, ENQUEUE_SPAWN)
    preempt(m, me, queue, i)
    unlock_queue(m, me, queue)
    return queue


@hot
def _lock_open_queue(m, me, i, reason):
    """Place a thread that is on no queue, and lock that queue."""
    either(m, me)
    while True:
        queue = place(m, me, i, reason)
        lock_queue(m, me, queue)
        if is_open(m, queue) or must_stay(m, m.threads[i]):
            return queue
        unlock_queue(m, me, queue)


@hot
def wake(m, me, i):
    """BLOCKED to RUNNABLE for a thread whose sleep this actor claimed: its queue, -1 where it is not asleep yet."""
    either(m, me)
    t = m.threads[i]
    while True:
        queue = place(m, me, i, PLACE_WAKE)
        old = lock_thread(m, me, i, queue)
        if is_open(m, queue) or must_stay(m, t):
            break
        unlock_two(m, me, old, queue)
    woken = state_of(t) == BLOCKED and consume_claim(t)
    if woken:
        now = mark_two(m, me, queue, old)
        t.queued_ns = now
        record_wake(m, me, now, i, queue, old)
        open_offer(m, i)
        move(m, me, i, RUNNABLE, old, queue)
        enqueue(m, me, queue, i, ENQUEUE_WAKE)
        preempt(m, me, queue, i)
    unlock_two(m, me, old, queue)
    return queue if woken else -1


@hot
def stop(m, me, i):
    """RUNNING to BLOCKED; False when the thread was woken before it got there."""
    noncritical(m, me)
    t = m.threads[i]
    c = m.cpus[me]
    lock_queue(m, me, me)
    if consume_claim(t):
        unlock_queue(m, me, me)
        return False
    now = mark_time(m, me, me)
    charge(m, me, i, now)
    tell_stopped(m, me, me, i, STOP_BLOCK)
    t.queued_ns = now
    c.current = -1
    record_block(m, me, now, i)
    set_where(m, t, BLOCKED, me)
    unlock_queue(m, me, me)
    return True


@hot
def leave(m, me, i):
    """RUNNING to DEAD."""
    noncritical(m, me)
    c = m.cpus[me]
    lock_queue(m, me, me)
    now = mark_time(m, me, me)
    charge(m, me, i, now)
    tell_stopped(m, me, me, i, STOP_EXIT)
    tell(m, me, REMOVE_THREAD, me, i)
    c.current = -1
    emit_at(m, me, now, EXIT, i, now - c.started_ns, m.threads[i].task)
    set_where(m, m.threads[i], DEAD, me)
    m.queues[me].nr_threads -= 1
    unlock_queue(m, me, me)


@hot
def give_way_here(m, me, i, yielded):
    """RUNNING to RUNNABLE on its own CPU's queue, and the next one to RUNNING; returns the next one, or -1."""
    noncritical(m, me)
    lock_queue(m, me, me)
    now = mark_time(m, me, me)
    give_way(m, me, i, now, yielded)
    set_where(m, m.threads[i], RUNNABLE, me)
    enqueue(m, me, me, i, ENQUEUE_YIELD if yielded else ENQUEUE_PREEMPT)
    chosen = pick(m, me, me, now)
    unlock_queue(m, me, me)
    return chosen


@hot
def give_way_elsewhere(m, me, i, yielded):
    """RUNNING to RUNNABLE on a queue of the policy's choice; returns it, or -1 where no CPU need be told."""
    noncritical(m, me)
    t = m.threads[i]
    while True:
        queue = place(m, me, i, PLACE_PREEMPT)
        lock_two(m, me, me, queue)
        if is_open(m, queue) or must_stay(m, t):
            break
        unlock_two(m, me, me, queue)
    now = mark_two(m, me, queue, me)
    give_way(m, me, i, now, yielded)
    if queue != me:
        tell_stopped(m, me, me, i, STOP_MOVE)
        record_move(m, me, now, i, queue, me)
    move(m, me, i, RUNNABLE, me, queue)
    enqueue(m, me, queue, i, ENQUEUE_YIELD if yielded else ENQUEUE_PREEMPT)
    alone = queue == GLOBAL_QUEUE and m.queues[queue].nr_runnable <= 1  # this CPU is about to look there itself
    unlock_two(m, me, me, queue)
    return -1 if alone else queue


@hot
def give_way_globally(m, me, i, yielded):
    """`give_way_here` where all runnable threads wait on the global queue: one critical section."""
    noncritical(m, me)
    lock_two(m, me, me, GLOBAL_QUEUE)
    now = mark_two(m, me, GLOBAL_QUEUE, me)
    give_way(m, me, i, now, yielded)
    tell_stopped(m, me, me, i, STOP_MOVE)
    record_move(m, me, now, i, GLOBAL_QUEUE, me)
    move(m, me, i, RUNNABLE, me, GLOBAL_QUEUE)
    enqueue(m, me, GLOBAL_QUEUE, i, ENQUEUE_YIELD if yielded else ENQUEUE_PREEMPT)
    chosen = _take(m, me, GLOBAL_QUEUE, now)
    unlock_two(m, me, me, GLOBAL_QUEUE)
    return chosen


@hot
def pick_own(m, me):
    """The policy's next thread of this CPU's own queue becomes RUNNING; -1 when there is none."""
    noncritical(m, me)
    if load_relaxed(m.queues[me], "nr_runnable") <= 0:
        return -1
    lock_queue(m, me, me)
    chosen = pick(m, me, me, mark_time(m, me, me))
    unlock_queue(m, me, me)
    return chosen


@hot
def steal(m, me, queue):
    """Take a runnable thread from another queue and run it here; -1 when there is none that may run here."""
    noncritical(m, me)
    lock_two(m, me, me, queue)
    i = _take(m, me, queue, mark_two(m, me, queue, me))
    unlock_two(m, me, me, queue)
    return i


@hot
def _take(m, me, queue, now):
    """A thread of another queue becomes RUNNING here; -1 when none may. Both queues are locked."""
    i = take_for(m, me, queue)
    if i >= 0:
        if queue != GLOBAL_QUEUE:
            m.cpus[me].steals += 1
            emit_at(m, me, now, STEAL, i, queue, 0)
        begin(m, me, i, now)  # while its `where` still names the queue that it waited on
        move(m, me, i, RUNNING, queue, me)
    return i


@hot
def fetch(m, me, queue):
    """Take a runnable thread from another queue and let it wait on this CPU's own (periodic balancing)."""
    noncritical(m, me)
    lock_two(m, me, me, queue)
    now = mark_two(m, me, queue, me)
    i = take_for(m, me, queue) if is_open(m, me) else -1
    if i >= 0:
        record_move(m, me, now, i, me, queue)
        move(m, me, i, RUNNABLE, queue, me)
        enqueue(m, me, me, i, ENQUEUE_MOVE)
    unlock_two(m, me, me, queue)


@hot
def ask(m, me, hook, i):
    """Call a hook about the running thread, after its time so far has been booked."""
    noncritical(m, me)
    lock_queue(m, me, me)
    charge(m, me, i, mark_time(m, me, me))
    answer = call_hook(m, me, hook, me, i)
    unlock_queue(m, me, me)
    return answer
