"""eevdf: earliest eligible virtual deadline first (Stoica and Abdel-Wahab 1995; Linux 6.6).

Each thread has a weight by its nice value.  Its virtual time runs as it does, the slower the greater
its weight; V, the queue's, is the average of those of all its active threads, by weight.  A thread is
eligible while it is not ahead of V; its virtual deadline is a slice beyond the time it began the slice.
`pick` takes the eligible thread with the earliest deadline.

LAG = V - v, what the queue owes a thread, is kept across sleep and migration, clamped to two slices
(or a tick) either way, as in Linux 6.6 (which 6.12 has decay instead); it is relative, so a thread that moves
keeps it whatever the other queue's V is.  A thread that joins is placed so that its lag is that after the
average has moved by its coming.

The threads that wait are in a treap ordered by deadline (deadline_treap.py), each node with the least v below it, so
pick, joining and leaving are O(log n).  Invariants: SUM = Σ weight × (v - ZERO) and WEIGHT = Σ weight over all RUNNABLE
and RUNNING threads of the queue (those with ON = 1).

The threads of a group have together the weight of one thread with their nice value, as those of one CPU control group
in Linux: each has it divided by ACTIVE, or by 64 at most.  ACTIVE = Σ ON over the threads of a group, on all CPUs;
it changes by atomic additions, and a thread's weight follows when it is looked at next: for a tick it may be an older
one.

Differs from Linux: one slice length for all; a wake-up preempts at once when its deadline is earlier
(`parity` = 1 gives Linux' RUN_TO_PARITY: the running thread keeps the CPU for its slice while it is
eligible); who yields gets a deadline two slices away (Linux adds a slice at each yield, without end);
a group's weight is divided by its threads, not by the load on each CPU; realtime threads have the weight of
nice -20; a new nice value counts at once, a running thread's from the switch on that the change brings about;
balancing looks at all queues.

Suits: shares by weight together with short wake-ups.  Fails: throughput where short slices hurt;
three equal threads on two CPUs (what one has more is not made good by balancing).
"""

from emu.policies.deadline_treap import DEADLINE, MIN_V, ROOT, V, delete, insert
from emu.policy import (
    ENQUEUE_SPAWN,
    ENQUEUE_YIELD,
    PERIODIC,
    PLACE_SPAWN,
    RUNNING,
    add_to_group,
    group_of,
    hook,
    hot,
    idle_cpu,
    is_idle,
    load_relaxed,
    may_run,
    may_take,
    never_inline,
    queue_of,
    state_of,
)

PARAMETERS = {
    "slice_ns": (3_000_000, "what a thread asks for at a time (base_slice_ns)"),
    "tick_ns": (1_000_000, "lag is clamped to two slices or this, whichever is more"),
    "parity": (0, "1: a wake-up does not preempt a thread that is eligible and within its slice"),
}
SLICE, TICK_NS, PARITY = range(3)

# Linux' sched_prio_to_weight: a nice step is a quarter more or less of CPU.
WEIGHTS = (
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
    9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
    1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
    110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
)  # fmt: skip
NICE_0 = 1024
FAR = 1 << 48  # of SUM: products with it stay within 64 bits

# Words of a queue, and of a thread; the first ones are the treap's.
SUM, WEIGHT, ZERO = range(1, 4)
OWN_WEIGHT, LAG, SEEN_NS, ON = range(4, 8)
ACTIVE = 0  # the word of a group
MOST_PARTS = 64
LEAST_WEIGHT = 4  # so that products of virtual times and weights stay within 64 bits


@hot
def _weight(m, t):
    weight = NICE_0
    if t.realtime > 0:
        weight = WEIGHTS[0]
    elif t.nice != 0:
        weight = WEIGHTS[min(max(t.nice, -20), 19) + 20]
    return weight if group_of(t) < 0 else _part_of(m, group_of(t), weight)


@hot
def _part_of(m, g, weight):
    """What each active thread of a group has of the group's weight."""
    never_inline()
    return max(weight // min(max(m.groups[g].policy[ACTIVE], 1), MOST_PARTS), LEAST_WEIGHT)


@hot
def _count(m, t, by):
    """A thread becomes active or is active no more: its group counts it."""
    if group_of(t) >= 0:
        add_to_group(m, group_of(t), ACTIVE, by)


@hot
def _virtual(ns, weight):
    """Virtual time in which a thread of this weight runs so many ns."""
    return ns if weight == NICE_0 else ns * NICE_0 // weight


# --- the average ------------------------------------------------------------------------------------


@hot
def _unbooked_ns(m, queue):
    """What the thread that runs on the queue's CPU has run since it was booked last."""
    if queue >= m.nr_cpus or m.cpus[queue].current < 0:
        return 0
    return max(m.queues[queue].now_ns - m.cpus[queue].accounted_ns, 0)


@hot
def _sum_now(m, queue):
    return m.queues[queue].policy[SUM] + _unbooked_ns(m, queue) * NICE_0


@hot
def _average(m, queue):
    """V: the average of all active threads' virtual times, by weight."""
    q = m.queues[queue]
    if q.policy[WEIGHT] == 0:
        return q.policy[ZERO]
    return q.policy[ZERO] + _sum_now(m, queue) // q.policy[WEIGHT]


@hot
def _bring_zero(q):
    """ZERO follows V, so that SUM stays small."""
    never_inline()
    step = q.policy[SUM] // q.policy[WEIGHT]
    q.policy[ZERO] += step
    q.policy[SUM] -= step * q.policy[WEIGHT]


@hot
def _is_eligible(m, queue, v):
    q = m.queues[queue]
    return (v - q.policy[ZERO]) * q.policy[WEIGHT] <= _sum_now(m, queue)


@hot
def _limit(m, weight):
    return _virtual(max(2 * m.parameters[SLICE], m.parameters[TICK_NS]), weight)


@hot
def _join(m, queue, t, initial):
    """The thread becomes active here: placed by its lag; a new one begins with half a slice."""
    q = m.queues[queue]
    _count(m, t, 1)
    weight = _weight(m, t)
    if t.policy[OWN_WEIGHT] != weight and t.policy[OWN_WEIGHT] != 0:  # lag keeps its real length
        t.policy[LAG] = t.policy[LAG] * t.policy[OWN_WEIGHT] // weight
    average = _average(m, queue)
    v = average
    if q.policy[WEIGHT] > 0:
        v -= t.policy[LAG] * (q.policy[WEIGHT] + weight) // q.policy[WEIGHT]
    slice_v = _virtual(m.parameters[SLICE], weight)
    t.policy[V] = v
    t.policy[DEADLINE] = v + (slice_v // 2 if initial else slice_v)
    t.policy[OWN_WEIGHT] = weight
    t.policy[SEEN_NS] = t.runtime_ns
    t.policy[ON] = 1
    q.policy[WEIGHT] += weight
    q.policy[SUM] += weight * (v - q.policy[ZERO])


@hot
def _part(m, queue, t):
    """The thread is active here no more; what the queue owes it is kept."""
    q = m.queues[queue]
    weight = t.policy[OWN_WEIGHT]
    limit = _limit(m, weight)
    t.policy[LAG] = min(max(_average(m, queue) - t.policy[V], -limit), limit)
    t.policy[ON] = 0
    _count(m, t, -1)
    q.policy[SUM] -= weight * (t.policy[V] - q.policy[ZERO])
    q.policy[WEIGHT] -= weight


@hot
def _account(m, queue, t):
    """Its virtual time moves by what it ran; a slice that is used up is followed by the next. Not in the treap."""
    q = m.queues[queue]
    weight = t.policy[OWN_WEIGHT]
    ran = _virtual(t.runtime_ns - t.policy[SEEN_NS], weight)
    t.policy[SEEN_NS] = t.runtime_ns
    t.policy[V] += ran
    q.policy[SUM] += weight * ran
    if q.policy[SUM] > FAR:
        _bring_zero(q)
    if _weight(m, t) != weight:
        _reweigh(m, queue, t)
    if t.policy[V] >= t.policy[DEADLINE]:
        t.policy[DEADLINE] = t.policy[V] + _virtual(m.parameters[SLICE], t.policy[OWN_WEIGHT])
        return True
    return False


@hot
def _reweigh(m, queue, t):
    """A new weight: lag and deadline keep their real length (reweight_eevdf)."""
    never_inline()
    q = m.queues[queue]
    average = _average(m, queue)
    old, new = t.policy[OWN_WEIGHT], _weight(m, t)
    q.policy[SUM] -= old * (t.policy[V] - q.policy[ZERO])
    t.policy[V] = average - (average - t.policy[V]) * old // new
    t.policy[DEADLINE] = average + (t.policy[DEADLINE] - average) * old // new
    t.policy[OWN_WEIGHT] = new
    q.policy[SUM] += new * (t.policy[V] - q.policy[ZERO])
    q.policy[WEIGHT] += new - old


# --- the order ---------------------------------------------------------------------------------------


@hot
def _choose(m, queue):
    """The eligible thread with the earliest deadline; where none is eligible, the earliest; -1: none."""
    q = m.queues[queue]
    zero, weight, sum_now = q.policy[ZERO], q.policy[WEIGHT], _sum_now(m, queue)
    best = -1
    at = q.policy[ROOT] - 1
    while at >= 0:
        t = m.threads[at]
        if t.next >= 0 and (m.threads[t.next].policy[MIN_V] - zero) * weight <= sum_now:
            at = t.next
            continue
        if (t.policy[V] - zero) * weight <= sum_now:
            return at
        if t.previous < 0 or (m.threads[t.previous].policy[MIN_V] - zero) * weight > sum_now:
            break
        at = t.previous
    at = q.policy[ROOT] - 1
    while at >= 0:
        best = at
        at = m.threads[at].next
    return best


# --- hooks ------------------------------------------------------------------------------------------


@hook
def enqueue(m, queue, thread, reason):
    q = m.queues[queue]
    t = m.threads[thread]
    if t.policy[ON] == 0:
        _join(m, queue, t, reason == ENQUEUE_SPAWN)
    else:
        _account(m, queue, t)
        if t.policy[OWN_WEIGHT] != _weight(m, t):  # its importance has changed while it ran
            _part(m, queue, t)
            _join(m, queue, t, False)
        if reason == ENQUEUE_YIELD:
            t.policy[DEADLINE] = t.policy[V] + 2 * _virtual(m.parameters[SLICE], t.policy[OWN_WEIGHT])
    insert(m, q, thread)
    return 0


@hook
def pick(m, queue):
    thread = _choose(m, queue)
    if thread >= 0:
        delete(m, m.queues[queue], thread)
    return thread


@hook
def hand_over(m, queue, thread):
    t = m.threads[thread]
    if t.policy[LAG] < -_virtual(m.parameters[SLICE], _weight(m, t)) and m.queues[queue].nr_runnable > 0:
        return 0  # it has had a slice more than its share
    _join(m, queue, t, False)
    return 1


@hook
def dequeue(m, queue, thread):
    delete(m, m.queues[queue], thread)
    _part(m, queue, m.threads[thread])
    return 0


@hook
def stopped(m, queue, thread, reason):
    t = m.threads[thread]
    _account(m, queue, t)
    _part(m, queue, t)
    return 0


@hook
def remove_thread(m, queue, thread):
    if m.threads[thread].policy[ON] != 0:  # picked for another CPU
        _part(m, queue, m.threads[thread])
    return 0


@hook
def add_thread(m, queue, thread):
    t = m.threads[thread]
    if state_of(t) == RUNNING:
        _join(m, queue, t, False)
    return 0


@hook
def regroup(m, queue, thread, group):
    t = m.threads[thread]
    _account(m, queue, t)
    _count(m, t, -1)
    if group >= 0:
        add_to_group(m, group, ACTIVE, 1)
    return 0


@hook
def tick(m, queue, thread):
    over = _account(m, queue, m.threads[thread])
    return 1 if over and m.queues[queue].nr_runnable > 0 else 0


@hook
def preempts(m, queue, thread, running):
    new, r = m.threads[thread], m.threads[running]
    if not _is_eligible(m, queue, new.policy[V]) or _choose(m, queue) != thread:
        return 0
    v = r.policy[V] + _virtual(_unbooked_ns(m, queue), r.policy[OWN_WEIGHT])
    if not _is_eligible(m, queue, v):
        return 1
    if m.parameters[PARITY] != 0:
        return 0
    return 1 if new.policy[DEADLINE] < r.policy[DEADLINE] else 0


@hook
def select_cpu(m, thread, me, reason):
    """The last CPU where it is idle, else the waker's, else an idle one, else the lighter of those two."""
    t = m.threads[thread]
    last = queue_of(t) if reason != PLACE_SPAWN else me
    if last < m.nr_cpus and is_idle(m, last) and may_run(m, thread, last):
        return last
    if me < m.nr_cpus and is_idle(m, me) and may_run(m, thread, me):
        return me
    idle = idle_cpu(m, thread)
    if idle >= 0:
        return idle
    if reason != PLACE_SPAWN and last < m.nr_cpus and may_run(m, thread, last):
        here = me < m.nr_cpus and may_run(m, thread, me)
        return me if here and m.queues[me].policy[WEIGHT] < m.queues[last].policy[WEIGHT] else last
    return max(_lightest(m, thread), 0)


@hot
def _lightest(m, thread):
    best = -1
    for cpu in range(m.nr_cpus):
        if may_run(m, thread, cpu) and (best < 0 or m.queues[cpu].policy[WEIGHT] < m.queues[best].policy[WEIGHT]):
            best = cpu
    return best


@hook
def balance(m, me, attempt):
    """The heaviest queue where threads wait; a busy CPU takes one only where that evens the weights out."""
    if attempt > 0:
        return -1
    best = -1
    for cpu in range(m.nr_cpus):
        if cpu != me and load_relaxed(m.queues[cpu], "nr_runnable") > 0 and may_take(m, me, cpu):
            if best < 0 or m.queues[cpu].policy[WEIGHT] > m.queues[best].policy[WEIGHT]:
                best = cpu
    if best >= 0 and attempt == PERIODIC:
        weight = m.queues[best].policy[WEIGHT]
        count = load_relaxed(m.queues[best], "nr_runnable") + 1
        if (weight - m.queues[me].policy[WEIGHT]) * count <= weight:
            return -1
    return best
