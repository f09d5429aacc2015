"""The scheduler core: how threads become runnable, get a CPU and leave it.

The policy (hooks.py) says where and in which order; the core locks, changes states,
books time and interrupts.  A CPU never touches a thread after the release that publishes
it as RUNNABLE or BLOCKED: the next moment it may run elsewhere.  Its registers are in the
record, so a switch moves nothing.  Where queues take no lock (m.lock_free), the same steps are those of
local_queue.py.

Who is told of a thread that becomes runnable, and why no wake-up is lost, is in announcing.py.
"""

from ...hot import entry, hot, never_inline
from ...limits import GLOBAL_QUEUE, MAX_CPUS, MAX_QUEUES
from ...shm.atomics import fetch_add, load_relaxed
from ...shm.clock import now_ns
from ...shm.cpumask import any_cpu, has_cpu, load_mask, mask_above, mask_all, mask_and, mask_count
from ...shm.deque import waiting
from ...shm.events import BLOCK, EXIT, MIGRATE, SPAWN, STEAL, WAKE, emit_affinity, emit_at, emit_name
from ...shm.layout import machine_at
from ...shm.spinlock import fail
from ..critical import either, noncritical
from ..failures import FAIL_POLICY_QUEUE
from ..thread.reaping import begin_references
from ..thread.sleep_word import consume_claim
from ..thread.states import BLOCKED, DEAD, LIFE_RUNNING, RUNNABLE, RUNNING, set_where, state_of
from . import local_queue
from .announcing import announce, pass_on, wake_idle
from .hooks import (
    ADD_THREAD,
    BALANCE,
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
from .local_queue import available
from .runqueue import (
    begin,
    charge,
    enqueue,
    give_way,
    is_open,
    is_queue,
    lock_queue,
    lock_thread,
    lock_two,
    mark_time,
    mark_two,
    may_pull,
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

# --- becoming runnable ----------------------------------------------------------------------------


@hot
def start_thread(m, me, i):
    """NEW to RUNNABLE: locks the new thread's scheduler, nobody else's (rust-8)."""
    never_inline()
    noncritical(m, me)
    begin_references(m.threads[i])
    if m.tracing != 0:
        emit_name(m, me, i)
        if mask_count(load_mask(m.threads[i], "affinity")) < MAX_CPUS:
            emit_affinity(m, me, i, load_mask(m.threads[i], "affinity"))
    if m.lock_free != 0:
        announce(m, me, _place_lock_free(m, me, i, SPAWN, PLACE_SPAWN, ENQUEUE_SPAWN), i)
        return
    queue = _lock_open_queue(m, me, i, PLACE_SPAWN)
    t = m.threads[i]
    now = mark_time(m, me, queue)
    set_where(m, t, RUNNABLE, queue)
    m.queues[queue].nr_threads += 1
    t.queued_ns = now
    emit_at(m, me, now, SPAWN, i, queue, t.task)
    tell(m, me, ADD_THREAD, queue, i)
    enqueue(m, me, queue, i, ENQUEUE_SPAWN)
    preempt(m, me, queue, i)
    unlock_queue(m, me, queue)
    announce(m, me, queue, i)


@hot
def _lock_open_queue(m, me, i, reason):
    """Place a thread that is on no queue, and lock that queue."""
    while True:
        queue = place(m, me, i, reason)
        lock_queue(m, me, queue)
        if is_open(m, queue) or must_stay(m, m.threads[i]):
            return queue
        unlock_queue(m, me, queue)


@hot
def _place_lock_free(m, me, i, kind, reason, enqueue_reason):
    """A thread that this actor owns waits on a queue of the policy's choice, which is returned."""
    while True:
        queue = place(m, me, i, reason)
        if local_queue.place_on(m, me, i, queue, kind, enqueue_reason):
            return queue


@hot
def make_runnable(m, me, i):
    """BLOCKED to RUNNABLE for a thread whose sleep this actor claimed.

    Where the sleeper is still on its way to sleep, it finds the claim itself.  Critical or not: it takes
    queue locks only, which come after those that callers hold (kill_task a task's, clear_timeout's caller its own).
    """
    never_inline()
    either(m, me)
    t = m.threads[i]
    if m.lock_free != 0:
        if local_queue.win_wake(t):
            announce(m, me, _place_lock_free(m, me, i, WAKE, PLACE_WAKE, ENQUEUE_WAKE), i)
        return
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
        emit_at(m, me, now, WAKE, i, queue, old)
        move(m, me, i, RUNNABLE, old, queue)
        enqueue(m, me, queue, i, ENQUEUE_WAKE)
        preempt(m, me, queue, i)
    unlock_two(m, me, old, queue)
    if woken:
        announce(m, me, queue, i)


# --- leaving the CPU ------------------------------------------------------------------------------


@hot
def block(m, me, i):
    """RUNNING to BLOCKED; False when the thread was woken before it got there."""
    noncritical(m, me)
    t = m.threads[i]
    c = m.cpus[me]
    if m.lock_free != 0:
        became = local_queue.block(m, me, i)
        if became == local_queue.CLAIMED:
            make_runnable(m, me, i)
        return became != local_queue.AWAKE
    lock_queue(m, me, me)
    if consume_claim(t):
        unlock_queue(m, me, me)
        return False
    now = mark_time(m, me, me)
    charge(m, me, i, now)
    tell_stopped(m, me, me, i, STOP_BLOCK)
    t.queued_ns = now
    c.current = -1
    emit_at(m, me, now, BLOCK, i, now - c.started_ns, t.sleep_reason)
    set_where(m, t, BLOCKED, me)
    unlock_queue(m, me, me)
    return True


@hot
def leave(m, me, i):
    """RUNNING to DEAD: the thread is unregistered from its scheduler."""
    noncritical(m, me)
    if m.lock_free != 0:
        local_queue.leave(m, me, i)
        return
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
def switch(m, me, i, yielded):
    """RUNNING to RUNNABLE for thread i, and the next one to RUNNING; returns that one."""
    noncritical(m, me)
    t = m.threads[i]
    c = m.cpus[me]
    if m.one_queue != 0:
        return _switch_global(m, me, i, yielded)
    if not has_cpu(t, "affinity", me) or m.queues[me].life != LIFE_RUNNING:
        return _switch_away(m, me, i, yielded)
    reason = ENQUEUE_YIELD if yielded else ENQUEUE_PREEMPT
    if m.lock_free != 0:
        chosen = local_queue.give_way_here(m, me, i, yielded, reason)
        if any_cpu(m, "idle") and waiting(m.deques[me]) > 0:
            wake_idle(m, me, mask_all())  # not told yet where the policy kept one for this CPU
    else:
        lock_queue(m, me, me)
        now = mark_time(m, me, me)
        give_way(m, me, i, now, yielded)
        set_where(m, t, RUNNABLE, me)
        enqueue(m, me, me, i, reason)
        chosen = pick(m, me, me, now)
        unlock_queue(m, me, me)
    if chosen >= 0 and chosen != i:
        _switched_in(m, me, chosen)
    c.slice_end_ns = 0
    return chosen


@hot
def _switch_away(m, me, i, yielded):
    """`switch` for a thread that waits on another queue than this CPU's own."""
    never_inline()
    t = m.threads[i]
    if m.lock_free != 0:
        local_queue.give_way_running(m, me, i, yielded)
        queue = _place_lock_free(m, me, i, MIGRATE, PLACE_PREEMPT, ENQUEUE_PREEMPT)
        announce(m, me, queue, i)
        m.cpus[me].slice_end_ns = 0
        return pick_next(m, me)
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
        emit_at(m, me, now, MIGRATE, i, queue, me)
    move(m, me, i, RUNNABLE, me, queue)
    enqueue(m, me, queue, i, ENQUEUE_YIELD if yielded else ENQUEUE_PREEMPT)
    unlock_two(m, me, me, queue)
    m.cpus[me].slice_end_ns = 0
    if queue != GLOBAL_QUEUE or m.queues[queue].nr_runnable > 1:
        announce(m, me, queue, i)
    return pick_next(m, me)


@hot
def _switch_global(m, me, i, yielded):
    """`switch` where all that is runnable waits on the global queue: one critical section."""
    never_inline()
    lock_two(m, me, me, GLOBAL_QUEUE)
    now = mark_two(m, me, GLOBAL_QUEUE, me)
    give_way(m, me, i, now, yielded)
    tell_stopped(m, me, me, i, STOP_MOVE)
    emit_at(m, me, now, MIGRATE, i, GLOBAL_QUEUE, me)
    move(m, me, i, RUNNABLE, me, GLOBAL_QUEUE)
    enqueue(m, me, GLOBAL_QUEUE, i, ENQUEUE_YIELD if yielded else ENQUEUE_PREEMPT)
    chosen = _take(m, me, GLOBAL_QUEUE, now)
    left = m.queues[GLOBAL_QUEUE].nr_runnable
    unlock_two(m, me, me, GLOBAL_QUEUE)
    m.cpus[me].slice_end_ns = 0
    if left > 0:
        announce(m, me, GLOBAL_QUEUE, i)
    if chosen >= 0:
        _switched_in(m, me, chosen)
    return chosen


# --- getting the CPU ------------------------------------------------------------------------------


@hot
def pick_next(m, me):
    """A thread to run on an idle CPU: from its own queue, else from where `balance` says."""
    noncritical(m, me)
    chosen = -1
    if m.lock_free != 0:
        chosen = local_queue.pick_own(m, me, now_ns(m))
    elif load_relaxed(m.queues[me], "nr_runnable") > 0:
        lock_queue(m, me, me)
        chosen = pick(m, me, me, mark_time(m, me, me))
        unlock_queue(m, me, me)
    if chosen < 0 and m.one_queue != 0:
        chosen = pull(m, me, GLOBAL_QUEUE)
    elif chosen < 0 and may_pull(m, me):
        attempt = 0
        while chosen < 0:
            queue = call_hook(m, me, BALANCE, me, attempt)
            if queue < 0 or not is_queue(m, queue):
                break
            if queue != me and available(m, queue) > 0:
                chosen = pull(m, me, queue)
            attempt += 1
            if attempt > 2 * MAX_QUEUES:
                fail(m, FAIL_POLICY_QUEUE, attempt)
                break
    if chosen >= 0:
        _switched_in(m, me, chosen)
    return chosen


@hot
def pull(m, me, queue):
    """Take a runnable thread from another queue and run it here; -1 when there is none."""
    never_inline()
    noncritical(m, me)
    if m.lock_free != 0:
        i = local_queue.steal(m, me, queue)
        if any_cpu(m, "idle") and available(m, queue) > 0:
            wake_idle(m, me, mask_all() if i >= 0 else mask_and(mask_above(me), local_queue.listed_for(m, me, queue)))
        return i
    lock_two(m, me, me, queue)
    i = _take(m, me, queue, mark_two(m, me, queue, me))
    left = m.queues[queue].nr_runnable
    unlock_two(m, me, me, queue)
    if left > 0:  # one thief wakes the next while there is work
        wake_idle(m, me, mask_all() if i >= 0 else mask_and(mask_above(me), load_mask(m.cpus[me], "barred_from")))
    return i


@hot
def _take(m, me, queue, now):
    """A thread of another queue becomes RUNNING here; -1 when none may. Both locked."""
    i = take_for(m, me, queue)
    if i >= 0:
        if queue != GLOBAL_QUEUE:
            m.cpus[me].steals += 1
            emit_at(m, me, now, STEAL, i, queue, 0)
        begin(m, me, i, now)  # while its `where` still names the queue that it waited on
        move(m, me, i, RUNNING, queue, me)
    return i


@hot
def work_for(m, me):
    """True when this idle CPU would find a runnable thread (no lock: a hint to look)."""
    if available(m, me) > 0:
        return True
    if m.one_queue != 0:
        return load_relaxed(m.queues[GLOBAL_QUEUE], "nr_runnable") > 0 and m.queues[me].life == LIFE_RUNNING
    if may_pull(m, me):
        for queue in range(m.nr_cpus):
            if available(m, queue) > 0:
                return True
        return load_relaxed(m.queues[GLOBAL_QUEUE], "nr_runnable") > 0
    return False


@hot
def others_wait(m, me):
    """Whether another thread could run here at once (a hint)."""
    queue = GLOBAL_QUEUE if m.one_queue != 0 else me
    return available(m, queue) > 0


@hot
def _switched_in(m, me, i):
    c = m.cpus[me]
    t = m.threads[i]
    c.switches += 1
    c.reservation = 0
    c.slice_end_ns = 0
    if t.last_cpu != me:
        if t.last_cpu >= 0:
            t.migrations += 1
            c.migrations_in += 1
            fetch_add(m.cpus[t.last_cpu], "migrations_out", 1)
        t.last_cpu = me


@hot
def pay_look(m, me):
    """A waker took this CPU's idle bit, so the CPU owes a look at the queues (header). No lock held."""
    never_inline()
    if m.cpus[me].current < 0 and pick_next(m, me) < 0 and (m.one_queue != 0 or may_pull(m, me)):
        return  # nothing that this CPU may run
    pass_on(m, me)


@entry(3)
def start(address, me, i):
    """Cold form of start_thread; the loader counts as the spawner."""
    m = machine_at(address)
    m.cpus[me].spawned += 1
    start_thread(m, me, i)
    return 0
