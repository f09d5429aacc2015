"""Run queues: their locks, and what is done to a locked one; the policy is told of each change.

Always true, whenever a queue's lock is free:

* a thread is RUNNABLE on queue q exactly when q's policy holds it, and
  nr_runnable counts these; nr_threads counts all threads whose `where` names q;
* a thread is RUNNING on CPU c exactly when c.current is that thread.

Where queues take no lock (QUEUES = "lock-free"), local_queue.py says what takes the place of these rules.

No thread is put on the queue of a CPU that is leaving (hot-plug): `place` looks at the
online mask without a lock, and whoever enqueues looks at the queue's life (`is_open`) under it.
"""

from ...hot import hot, never_inline
from ...limits import GLOBAL_QUEUE, IPI_RESCHEDULE, MAX_QUEUES, MAX_THREADS
from ...shm import lockrank
from ...shm.atomics import load_relaxed, load_seq_cst
from ...shm.clock import now_ns
from ...shm.cpumask import (
    has_cpu,
    load_mask,
    mask_and,
    mask_first,
    mask_has,
    mask_is_empty,
    mask_minus,
    mask_none,
    mask_or,
    store_mask,
)
from ...shm.events import SWITCH, emit_at
from ...shm.spinlock import acquire, fail, field_address, release
from ..critical import critical
from ..failures import FAIL_POLICY_PICK, FAIL_POLICY_QUEUE
from ..ipi import send_ipi
from ..thread.states import LIFE_DRAINING, LIFE_RUNNING, RUNNABLE, RUNNING, pack_where, queue_of, set_where
from . import recording
from .hooks import (
    ADD_THREAD,
    BALANCE,
    ENQUEUE,
    ENQUEUE_BACK,
    PREEMPTS,
    REMOVE_THREAD,
    SELECT_CPU,
    STOPPED,
    YIELDED,
    call_hook_3,
    call_pick,
    has_hook,
    tell,
)

# --- locks ----------------------------------------------------------------------------------------

# MACHINE.queue_kind, by the names that a policy gives in QUEUES.
QUEUE_KINDS = ("per-cpu", "global", "lock-free")
QUEUES_PER_CPU, QUEUES_GLOBAL, QUEUES_LOCK_FREE = range(len(QUEUE_KINDS))


@hot
def lock_queue(m, me, queue):
    acquire(m, me, field_address(m.queues[queue], "lock"), lockrank.RUNQUEUE + queue)


@hot
def unlock_queue(m, me, queue):
    release(m, me, field_address(m.queues[queue], "lock"))


@hot
def lock_two(m, me, a, b):
    """Lock two queues (or one, when they are the same), lower index first (cz-3)."""
    lock_queue(m, me, min(a, b))
    if a != b:
        lock_queue(m, me, max(a, b))


@hot
def unlock_two(m, me, a, b):
    if a != b:
        unlock_queue(m, me, max(a, b))
    unlock_queue(m, me, min(a, b))


@hot
def lock_thread(m, me, i, other):
    """Lock the queue that thread i is on, and another one; returns the former."""
    t = m.threads[i]
    while True:
        queue = queue_of(t)
        lock_two(m, me, queue, other)
        if queue_of(t) == queue or load_relaxed(m, "failed") != 0:
            return queue
        unlock_two(m, me, queue, other)


@hot
def lock_own_queue(m, me, i):
    """Lock the queue that thread i is on, and no other; returns it."""
    t = m.threads[i]
    while True:
        queue = queue_of(t)
        lock_queue(m, me, queue)
        if queue_of(t) == queue or load_relaxed(m, "failed") != 0:
            return queue
        unlock_queue(m, me, queue)


# --- where a thread goes --------------------------------------------------------------------------


@hot
def is_open(m, queue):
    """Whether a queue takes threads: the global one, or that of a CPU that is not leaving. Queue locked."""
    return queue == GLOBAL_QUEUE or m.queues[queue].life == LIFE_RUNNING


@hot
def allowed_cpus(m, t):
    """The CPUs that may get a thread. Where all CPUs of its affinity are leaving, it is those: they wait for it.

    Where the machine has none of them, it is all that take threads: such a thread goes on, as after Linux's hot-unplug.
    """
    online = load_mask(m, "online")
    affinity = load_mask(t, "affinity")
    allowed = mask_minus(mask_and(affinity, online), load_mask(m, "exclusive"))
    if mask_is_empty(allowed):
        allowed = mask_and(affinity, online)
    if mask_is_empty(allowed):
        allowed = mask_and(affinity, load_mask(m, "active"))
    if mask_is_empty(allowed):
        allowed = thieves(m, online)
    return online if mask_is_empty(allowed) else allowed


@hot
def must_stay(m, t):
    """Whether all CPUs that the thread is pinned to are leaving: then one waits for it (rust-4). A queue is locked."""
    affinity = load_mask(t, "affinity")
    is_pinned = not mask_is_empty(mask_and(affinity, load_mask(m, "active")))
    is_pinned = is_pinned and mask_is_empty(mask_and(affinity, load_mask(m, "online")))
    return is_pinned or load_relaxed(m, "failed") != 0


@hot
def may_not_stay(m, me, t):
    """Whether the running thread has to move: its affinity excludes its CPU, or that leaves or is exclusive."""
    if not has_cpu(t, "affinity", me):
        return not mask_has(allowed_cpus(m, t), me)
    away = thieves(m, load_mask(t, "affinity"))
    return not mask_has(away, me) and not mask_is_empty(away)


@hot
def place(m, me, i, reason):
    """The queue for a thread that becomes runnable: the one that the policy chooses, if it is allowed there."""
    c = m.cpus[me]
    if m.queue_kind == QUEUES_GLOBAL:
        c.place_why = recording.PLACE_GLOBAL
        return GLOBAL_QUEUE
    t = m.threads[i]
    c.place_why = recording.PLACE_STAYS
    allowed = allowed_cpus(m, t)
    queue = queue_of(t)
    if has_hook(m, me, SELECT_CPU):
        queue = call_hook_3(m, me, SELECT_CPU, i, me, reason)
        c.place_why = recording.PLACE_CHOSEN
        if queue < 0 or queue >= MAX_QUEUES or (queue >= m.nr_cpus and queue != GLOBAL_QUEUE):
            fail(m, FAIL_POLICY_QUEUE, queue)
            return GLOBAL_QUEUE
    if queue != GLOBAL_QUEUE and not mask_has(allowed, queue):
        queue = first_cpu(allowed) if m.nr_blocking == 0 else _calmest(m, allowed)
        c.place_why = recording.PLACE_FORCED if m.nr_blocking == 0 else recording.PLACE_CALMEST
    return queue


@hot
def _calmest(m, allowed):
    """An idle CPU of those allowed, else the one with the fewest threads: the policy may know nothing of pools."""
    never_inline()
    best = mask_first(mask_and(allowed, load_mask(m, "idle")))
    if best >= 0:
        return best
    for cpu in range(m.nr_cpus):
        if mask_has(allowed, cpu):
            threads = load_relaxed(m.queues[cpu], "nr_threads")
            if best < 0 or threads < load_relaxed(m.queues[best], "nr_threads"):
                best = cpu
    return best if best >= 0 else first_cpu(allowed)


@hot
def is_queue(m, queue):
    """Whether `balance` named a queue; the machine fails where it did not."""
    if queue < m.nr_cpus or queue == GLOBAL_QUEUE:
        return True
    fail(m, FAIL_POLICY_QUEUE, queue)
    return False


@hot
def may_pull(m, me):
    """Whether this CPU may take other queues' threads: not when it leaves or is exclusive (inko-5)."""
    if not has_hook(m, me, BALANCE) or m.queues[me].life != LIFE_RUNNING:
        return False
    return not has_cpu(m, "exclusive", me)


@hot
def thieves(m, mask):
    """The CPUs of a mask that take threads from others' queues."""
    return mask_minus(mask_and(mask, load_mask(m, "online")), load_mask(m, "exclusive"))


@hot
def first_cpu(mask):
    """The lowest CPU of a mask, GLOBAL_QUEUE when it is empty. CPUs are ordered: siblings come last."""
    cpu = mask_first(mask)
    return cpu if cpu >= 0 else GLOBAL_QUEUE


# --- a locked queue -------------------------------------------------------------------------------


@hot
def charge(m, me, i, now):
    """Book the running thread's time up to now."""
    c = m.cpus[me]
    m.threads[i].runtime_ns += now - c.accounted_ns
    c.accounted_ns = now


@hot
def tell_stopped(m, me, queue, i, reason):
    if has_hook(m, me, STOPPED):
        call_hook_3(m, me, STOPPED, queue, i, reason)


@hot
def take_for(m, me, queue):
    """Take out the first thread of a locked queue that may run on CPU `me`; -1 when there is none.

    CPU.barred_from then says which CPUs may run the threads that were passed over, which this one may not run.
    """
    critical(m, me)
    q = m.queues[queue]
    barred_from = mask_none()
    barred = -1  # the first of those passed over; `previous` links them while the policy does not hold them
    found = -1
    for _ in range(q.nr_runnable):
        i = call_pick(m, me, queue)
        if i < 0:
            break
        if not is_runnable(m, i, queue):
            return -1
        allowed = allowed_cpus(m, m.threads[i])
        if mask_has(allowed, me):
            found = i
            break
        barred_from = mask_or(barred_from, allowed)
        m.threads[i].previous = barred
        barred = i
    while barred >= 0:
        i = barred
        barred = m.threads[i].previous
        call_hook_3(m, me, ENQUEUE, queue, i, ENQUEUE_BACK)
    if found >= 0:
        q.nr_runnable -= 1
    store_mask(m.cpus[me], "barred_from", barred_from)
    return found


@hot
def is_runnable(m, i, queue):
    """Whether `pick` named a thread that waits on the queue; the machine fails where it did not."""
    if 0 <= i < MAX_THREADS and load_relaxed(m.threads[i], "where") == pack_where(RUNNABLE, queue):
        return True
    fail(m, FAIL_POLICY_PICK, i)
    return False


@hot
def mark_time(m, me, queue):
    """The time now, which hooks of a queue that was just locked also see.

    Later than any time taken under this lock before: a processor may read its counter
    before the lock is taken, and the clock of another core may be a little ahead.  So the
    order of times is the order of lock holders, and of what happened to each thread.
    """
    critical(m, me)
    q = m.queues[queue]
    q.now_ns = max(now_ns(m), q.now_ns + 1)
    return q.now_ns


@hot
def mark_two(m, me, a, b):
    """mark_time for two locked queues (or one, when they are the same)."""
    critical(m, me)
    now = max(now_ns(m), max(m.queues[a].now_ns, m.queues[b].now_ns) + 1)
    m.queues[a].now_ns = now
    m.queues[b].now_ns = now
    return now


@hot
def enqueue(m, me, queue, i, reason):
    critical(m, me)
    m.queues[queue].nr_runnable += 1
    call_hook_3(m, me, ENQUEUE, queue, i, reason)


@hot
def pick(m, me, queue, now):
    """The policy's next thread becomes RUNNING here; -1 when there is none. Queue locked."""
    critical(m, me)
    q = m.queues[queue]
    if q.nr_runnable == 0:
        return -1
    i = call_pick(m, me, queue)
    if i == -1 or not is_runnable(m, i, queue):
        return -1
    q.nr_runnable -= 1
    set_where(m, m.threads[i], RUNNING, queue)
    begin(m, me, i, now)
    return i


@hot
def begin(m, me, i, now):
    """Begin the accounts of a thread that runs here from now on; this CPU has the queue's lock, or owns it."""
    c = m.cpus[me]
    t = m.threads[i]
    c.current = i
    c.accounted_ns = now
    c.started_ns = now
    c.slice_start_ns = now
    delay = now - t.queued_ns
    t.run_delay_ns += delay
    c.run_delay_ns += delay
    t.slices += 1
    emit_at(m, me, now, SWITCH, i, delay, queue_of(t))


@hot
def give_way(m, me, i, now, yielded):
    """Book the running thread's time and tell the policy, before the thread joins a queue."""
    c = m.cpus[me]
    t = m.threads[i]
    charge(m, me, i, now)
    t.queued_ns = now
    c.current = -1
    if yielded:
        recording.record_yield(m, me, now, i)
        tell(m, me, YIELDED, me, i)
    else:
        recording.record_preempt(m, me, now, i)
        t.involuntary += 1
        c.involuntary += 1
    c.resched = 0


@hot
def tell_if_empty(m, me, queue):
    """The last thread of a CPU that leaves may have left its queue: its scheduler, which may sleep, may exit."""
    if queue != me and queue != GLOBAL_QUEUE and load_seq_cst(m.queues[queue], "nr_threads") == 0:
        if m.queues[queue].life == LIFE_DRAINING:
            send_ipi(m, me, queue, IPI_RESCHEDULE)


@hot
def move(m, me, i, state, old, new):
    """Change a thread's state and queue; the locks of both queues are held."""
    critical(m, me)
    if old != new:
        m.queues[old].nr_threads -= 1
        m.queues[new].nr_threads += 1
        tell(m, me, REMOVE_THREAD, old, i)
        set_where(m, m.threads[i], state, new)
        tell(m, me, ADD_THREAD, new, i)
        tell_if_empty(m, me, old)
    else:
        set_where(m, m.threads[i], state, new)


@hot
def preempt(m, me, queue, i):
    """If the policy wants it, make the thread that runs on this queue's CPU give way to thread i. Queue locked."""
    if has_hook(m, me, PREEMPTS):
        cpu = queue if queue != GLOBAL_QUEUE else me
        if cpu < m.nr_cpus:
            running = load_relaxed(m.cpus[cpu], "current")
            if running >= 0 and call_hook_3(m, me, PREEMPTS, queue, i, running) == 1:
                m.cpus[cpu].resched_why = recording.PREEMPT_WOKEN | (i + 1) << 8
                m.cpus[cpu].resched = 1
                if cpu != me:
                    send_ipi(m, me, cpu, IPI_RESCHEDULE)
