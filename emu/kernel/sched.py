"""The scheduler core: the only code that puts threads on run queues and takes them off.

The policy (hooks.py) says where and in which order; the core locks, changes states
and interrupts.  Always true, whenever a queue's lock is free:

* a thread is RUNNABLE on queue q exactly when q's policy holds it, and
  nr_runnable counts these; nr_threads counts all threads whose `where` names q;
* a thread is RUNNING on CPU c exactly when c.current is that thread.

A CPU never touches a thread after the release that publishes it as RUNNABLE or
BLOCKED: the next moment it may run elsewhere.  Its registers are in the record, so
a switch moves nothing.

No lost wake-up between a waker and a CPU going idle: the waker makes the thread
RUNNABLE, then (fence) reads the idle mask; the CPU sets its idle bit (fence), then
looks at the queues once more.  One of the two sees the other.
"""

from ..hot import CHECK, entry, hot, never_inline
from ..limits import GLOBAL_QUEUE, IPI_RESCHEDULE, MAX_QUEUES
from ..shm import lockrank
from ..shm.atomics import fence, fetch_add, fetch_and, load_relaxed
from ..shm.layout import machine_at
from ..shm.spinlock import acquire, fail, field_address, release
from .failures import FAIL_BAD_QUEUE, FAIL_POLICY
from .hooks import (
    BALANCE,
    DEQUEUE,
    ENQUEUE,
    PLACE_PREEMPT,
    PLACE_SPAWN,
    PLACE_WAKE,
    SELECT_CPU,
    call_hook,
    call_pick,
    call_select,
    has_hook,
)
from .ipi import send_ipi
from .states import BLOCKED, DEAD, RUNNABLE, RUNNING, queue_of, set_where, state_of
from .wait import consume_claim


@hot
def lock_queue(m, me, queue):
    acquire(m, me, field_address(m.queues[queue], "lock"), lockrank.RUNQUEUE + queue)


@hot
def unlock_queue(m, me, queue):
    release(m, me, field_address(m.queues[queue], "lock"))


@hot
def lock_two(m, me, a, b):
    """Lock two queues (or one, when they are the same), lower index first."""
    lock_queue(m, me, min(a, b))
    if a != b:
        lock_queue(m, me, max(a, b))


@hot
def unlock_two(m, me, a, b):
    if a != b:
        unlock_queue(m, me, max(a, b))
    unlock_queue(m, me, min(a, b))


@hot
def place(m, me, i, reason):
    """The queue for a thread that becomes runnable: the policy's choice, if it is allowed."""
    t = m.threads[i]
    queue = queue_of(t)
    if has_hook(m, me, SELECT_CPU):
        queue = call_select(m, me, i, reason)
    if queue < 0 or queue >= MAX_QUEUES or (queue >= m.nr_cpus and queue != GLOBAL_QUEUE):
        fail(m, FAIL_POLICY, i)
        queue = 0
    if queue != GLOBAL_QUEUE and (t.affinity >> queue) & 1 == 0:
        queue = 0
        while (t.affinity >> queue) & 1 == 0 and queue < m.nr_cpus - 1:
            queue += 1
    return queue


@hot
def start_thread(m, me, i):
    """NEW to RUNNABLE: locks the new thread's scheduler, nobody else's (rust-8)."""
    never_inline()
    queue = place(m, me, i, PLACE_SPAWN)
    q = m.queues[queue]
    lock_queue(m, me, queue)
    set_where(m, m.threads[i], RUNNABLE, queue)
    q.nr_threads += 1
    _enqueue(m, me, queue, i)
    unlock_queue(m, me, queue)
    _announce(m, me, queue, i)


@hot
def make_runnable(m, me, i):
    """BLOCKED to RUNNABLE for a thread whose sleep this actor claimed.

    Where the sleeper is still on its way to sleep, it finds the claim itself.
    """
    never_inline()
    t = m.threads[i]
    queue = place(m, me, i, PLACE_WAKE)
    while True:
        old = queue_of(t)
        lock_two(m, me, old, queue)
        if queue_of(t) == old or load_relaxed(m, "failed") != 0:
            break
        unlock_two(m, me, old, queue)
    woken = state_of(t) == BLOCKED and consume_claim(t)
    if woken:
        _move(m, t, RUNNABLE, old, queue)
        _enqueue(m, me, queue, i)
    unlock_two(m, me, old, queue)
    if woken:
        _announce(m, me, queue, i)


@hot
def block(m, me, i):
    """RUNNING to BLOCKED; False when the thread was woken before it got there."""
    t = m.threads[i]
    lock_queue(m, me, me)
    if consume_claim(t):
        unlock_queue(m, me, me)
        return False
    m.cpus[me].current = -1
    set_where(m, t, BLOCKED, me)
    unlock_queue(m, me, me)
    return True


@hot
def leave(m, me, i):
    """RUNNING to DEAD: the thread is unregistered from its scheduler."""
    lock_queue(m, me, me)
    m.cpus[me].current = -1
    set_where(m, m.threads[i], DEAD, me)
    m.queues[me].nr_threads -= 1
    unlock_queue(m, me, me)


@hot
def switch(m, me, i):
    """RUNNING to RUNNABLE for thread i, and the next one to RUNNING; returns that one."""
    t = m.threads[i]
    if (t.affinity >> me) & 1 == 0:
        return _move_away(m, me, i)
    lock_queue(m, me, me)
    m.cpus[me].current = -1
    set_where(m, t, RUNNABLE, me)
    _enqueue(m, me, me, i)
    chosen = _pick(m, me, me)
    unlock_queue(m, me, me)
    if chosen >= 0 and chosen != i:
        _switched_in(m, me, chosen)
    return chosen


@hot
def pick_next(m, me):
    """A thread to run on an idle CPU: from its own queue, else from where `balance` says."""
    lock_queue(m, me, me)
    chosen = _pick(m, me, me)
    unlock_queue(m, me, me)
    if chosen < 0 and has_hook(m, me, BALANCE):
        attempt = 0
        while chosen < 0:
            queue = call_hook(m, me, BALANCE, me, attempt)
            if queue < 0:
                break
            if queue != me and load_relaxed(m.queues[queue], "nr_runnable") > 0:
                chosen = pull(m, me, queue)
            attempt += 1
    if chosen >= 0:
        _switched_in(m, me, chosen)
    return chosen


@hot
def pull(m, me, queue):
    """Take a runnable thread from another queue and run it here; -1 when there is none."""
    never_inline()
    lock_two(m, me, me, queue)
    i = call_pick(m, me, queue)
    if i >= 0:
        t = m.threads[i]
        if (t.affinity >> me) & 1 == 0:
            call_hook(m, me, ENQUEUE, queue, i)
            i = -1
        else:
            m.queues[queue].nr_runnable -= 1
            _move(m, t, RUNNING, queue, me)
            m.cpus[me].current = i
            if queue != GLOBAL_QUEUE:
                m.cpus[me].steals += 1
    left = m.queues[queue].nr_runnable
    unlock_two(m, me, me, queue)
    if left > 0 and i >= 0:
        _wake_idle(m, me, -1)  # one thief wakes the next while there is work
    return i


@hot
def work_for(m, me):
    """True when this idle CPU would find a runnable thread (no lock: a hint to look)."""
    if load_relaxed(m.queues[me], "nr_runnable") > 0:
        return True
    if has_hook(m, me, BALANCE):
        for queue in range(m.nr_cpus):
            if load_relaxed(m.queues[queue], "nr_runnable") > 0:
                return True
        return load_relaxed(m.queues[GLOBAL_QUEUE], "nr_runnable") > 0
    return False


@entry(4)
def set_affinity(address, me, i, mask):
    """Restrict thread i to CPUs; a runnable one moves at once, a running one at its next trap."""
    m = machine_at(address)
    t = m.threads[i]
    while True:
        old = queue_of(t)
        lock_queue(m, me, old)
        if queue_of(t) == old or load_relaxed(m, "failed") != 0:
            break
        unlock_queue(m, me, old)
    t.affinity = mask
    runnable = state_of(t) == RUNNABLE
    unlock_queue(m, me, old)
    if runnable and old != GLOBAL_QUEUE and (mask >> old) & 1 == 0:
        _move_runnable(m, me, i, old)
    elif old < m.nr_cpus and old != me:
        send_ipi(m, me, old, IPI_RESCHEDULE)
    return 0


@hot
def _move_runnable(m, me, i, old):
    """Take a thread that still waits on queue `old` to a queue that it may be on."""
    t = m.threads[i]
    queue = place(m, me, i, PLACE_PREEMPT)
    lock_two(m, me, old, queue)
    moved = state_of(t) == RUNNABLE and queue_of(t) == old and old != queue
    if moved:
        call_hook(m, me, DEQUEUE, old, i)
        m.queues[old].nr_runnable -= 1
        _move(m, t, RUNNABLE, old, queue)
        _enqueue(m, me, queue, i)
    unlock_two(m, me, old, queue)
    if moved:
        _announce(m, me, queue, i)


@hot
def _move_away(m, me, i):
    """`switch` for a thread that may not stay on this CPU."""
    never_inline()
    queue = place(m, me, i, PLACE_PREEMPT)
    lock_two(m, me, me, queue)
    m.cpus[me].current = -1
    set_where(m, m.threads[i], RUNNABLE, queue)
    if queue != me:
        m.queues[me].nr_threads -= 1
        m.queues[queue].nr_threads += 1
    _enqueue(m, me, queue, i)
    unlock_two(m, me, me, queue)
    _announce(m, me, queue, i)
    return pick_next(m, me)


@hot
def _enqueue(m, me, queue, i):
    m.queues[queue].nr_runnable += 1
    call_hook(m, me, ENQUEUE, queue, i)


@hot
def _pick(m, me, queue):
    """The policy's next thread becomes RUNNING here; -1 when there is none. Queue locked."""
    q = m.queues[queue]
    if q.nr_runnable == 0:
        return -1
    i = call_pick(m, me, queue)
    if i < 0:
        return -1
    t = m.threads[i]
    if CHECK and (state_of(t) != RUNNABLE or queue_of(t) != queue):
        fail(m, FAIL_BAD_QUEUE, i)
    q.nr_runnable -= 1
    set_where(m, t, RUNNING, queue)
    m.cpus[me].current = i
    return i


@hot
def _move(m, t, state, old, new):
    """Change state and queue; both locks held."""
    if old != new:
        m.queues[old].nr_threads -= 1
        m.queues[new].nr_threads += 1
    set_where(m, t, state, new)


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
def _announce(m, me, queue, i):
    """Interrupt a CPU that should look at a queue that just got a thread. No lock held."""
    fence()  # RUNNABLE before reading the idle mask; pairs with the fetch_or in go_idle
    idle = load_relaxed(m, "idle")
    if queue == GLOBAL_QUEUE:
        _wake_idle(m, me, m.threads[i].affinity)
    elif queue != me:
        if (idle >> queue) & 1 != 0:
            _wake(m, me, queue)
    elif idle != 0 and has_hook(m, me, BALANCE):
        if m.cpus[me].current >= 0 or load_relaxed(m.queues[me], "nr_runnable") > 1:
            _wake_idle(m, me, m.threads[i].affinity)


@hot
def _wake_idle(m, me, affinity):
    """Interrupt one idle CPU of those allowed, the first in the list."""
    never_inline()
    candidates = load_relaxed(m, "idle") & affinity
    cpu = 0
    while candidates != 0 and cpu < m.nr_cpus:
        if (candidates >> cpu) & 1 != 0 and _wake(m, me, cpu):
            return
        cpu += 1


@hot
def _wake(m, me, cpu):
    """Interrupt an idle CPU, unless somebody else did; the bit tells who."""
    bit = 1 << cpu
    if fetch_and(m, "idle", ~bit) & bit == 0:
        return False
    send_ipi(m, me, cpu, IPI_RESCHEDULE)
    return True


@entry(3)
def start(address, me, i):
    """Cold form of start_thread; the loader counts as the spawner."""
    m = machine_at(address)
    m.cpus[me].spawned += 1
    start_thread(m, me, i)
    return 0
