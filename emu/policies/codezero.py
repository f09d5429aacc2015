"""codezero: two queues a CPU, runnable and expired, and one second shared out by priority (cz-1, cz-2).

The scheduler of the Codezero microkernel.  A thread's share is one second × its priority / the total
of the priorities on its CPU; a thread that has used it up waits on `expired`, and the two queues are
swapped when `runnable` is empty.  Nobody runs longer than the granularity without a reschedule.  Who
merely reschedules keeps what is left of its share, and a child gets half of what its parent has left.

Priorities: realtime threads 10; nice -20 to -15 pager 8, -14 to -5 server 6, -4 to 4 normal 4, 5 to 19 low 2.

TOTAL is exact: a thread is counted on the queue where it is RUNNABLE or RUNNING, from `_count` to
`_uncount`, with the priority that its COUNTED word keeps, whatever share it came with.  (The original
counted a new thread when it first ran *without* ticks: one that left before its inherited ticks were
used up was subtracted and had never been added.)

Differs: shares are ns of time run, not ticks, and what a thread ran too long is taken off its next
share; sleepers are not in the total (the original's own FIXME); a thread that wakes without any share
left goes to `expired`, where the original renews it.  A new priority counts from the thread's next
tick or switch on.  The original has one CPU: here a new thread goes to the CPU with the least total,
and an idle CPU takes from the one with the most.

Suits: shares that a person can work out in advance.  Fails: wake-ups preempt nobody, so they wait up
to the granularity; several CPUs that are busy but unequal stay so.
"""

from emu.policy import (
    ENQUEUE_BACK,
    ENQUEUE_SPAWN,
    ENQUEUE_WAKE,
    PERIODIC,
    PLACE_SPAWN,
    RUNNING,
    append_to,
    first_of,
    hook,
    hot,
    load_relaxed,
    may_run,
    may_take,
    push_to,
    queue_of,
    remove_from,
    state_of,
)

PARAMETERS = {
    "granularity_ns": (100_000_000, "longest run without a reschedule (SCHED_GRANULARITY)"),
    "second_ns": (1_000_000_000, "the time that is shared out"),
}
GRANULARITY, SECOND = range(2)

REALTIME, PAGER, SERVER, NORMAL, LOW = 10, 8, 6, 4, 2

# Words of a queue: the ends of two lists, which of them is the runnable one, and the total of priorities.
LISTS, RUNNABLE_LIST, TOTAL = 0, 4, 5
# Words of a thread: the share it has left, the part of runtime_ns that is taken off already,
# the priority it is counted with (0: not counted), the list that it waits on.
LEFT_NS, SEEN_NS, COUNTED, LIST = range(4)


@hot
def _priority(t):
    if t.realtime > 0:
        return REALTIME
    if t.nice <= -15:
        return PAGER
    if t.nice <= -5:
        return SERVER
    return NORMAL if t.nice <= 4 else LOW


@hot
def _count(q, t):
    """From here on the thread is in the queue's total, with its present priority."""
    priority = _priority(t)
    q.policy[TOTAL] += priority - t.policy[COUNTED]
    t.policy[COUNTED] = priority


@hot
def _uncount(q, t):
    q.policy[TOTAL] -= t.policy[COUNTED]
    t.policy[COUNTED] = 0


@hot
def _account(t):
    """Take the time it ran since the last look off its share."""
    t.policy[LEFT_NS] -= t.runtime_ns - t.policy[SEEN_NS]
    t.policy[SEEN_NS] = t.runtime_ns


@hot
def _renew(m, q, t):
    """A share of the second for a thread that has none."""
    if t.policy[LEFT_NS] <= 0:
        share = m.parameters[SECOND] * t.policy[COUNTED] // q.policy[TOTAL]
        t.policy[LEFT_NS] = max(t.policy[LEFT_NS] + share, 1)


@hot
def _inherit(m, q, t):
    """Half of what the thread that runs on the spawning CPU has left; only that CPU writes its words."""
    me = q.lock - 1
    if me >= m.nr_cpus or m.cpus[me].current < 0:
        return
    c = m.cpus[me]
    parent = m.threads[c.current]
    left = parent.policy[LEFT_NS] - (parent.runtime_ns - parent.policy[SEEN_NS]) - (q.now_ns - c.accounted_ns)
    if left > 1:
        t.policy[LEFT_NS] = left // 2
        parent.policy[LEFT_NS] -= left // 2


@hook
def select_cpu(m, thread, me, reason):
    queue = queue_of(m.threads[thread])
    if reason != PLACE_SPAWN and queue < m.nr_cpus:
        return queue
    best = me if me < m.nr_cpus and may_run(m, thread, me) else -1
    for cpu in range(m.nr_cpus):
        if may_run(m, thread, cpu) and (best < 0 or m.queues[cpu].policy[TOTAL] < m.queues[best].policy[TOTAL]):
            best = cpu
    return max(best, 0)


@hook
def enqueue(m, queue, thread, reason):
    q = m.queues[queue]
    t = m.threads[thread]
    _account(t)
    _count(q, t)
    if reason == ENQUEUE_SPAWN:
        _inherit(m, q, t)
    if t.policy[LEFT_NS] <= 0 and reason != ENQUEUE_SPAWN:
        t.policy[LIST] = LISTS + 2 - q.policy[RUNNABLE_LIST]
        append_to(m, q, t.policy[LIST], thread)
        return 0
    t.policy[LIST] = LISTS + q.policy[RUNNABLE_LIST]
    if reason == ENQUEUE_WAKE or reason == ENQUEUE_SPAWN or reason == ENQUEUE_BACK:
        push_to(m, q, t.policy[LIST], thread)
    else:
        append_to(m, q, t.policy[LIST], thread)
    return 0


@hook
def pick(m, queue):
    q = m.queues[queue]
    if first_of(q, LISTS + q.policy[RUNNABLE_LIST]) < 0:
        q.policy[RUNNABLE_LIST] = 2 - q.policy[RUNNABLE_LIST]
    at = LISTS + q.policy[RUNNABLE_LIST]
    thread = first_of(q, at)
    if thread >= 0:
        remove_from(m, q, at, thread)
        _count(q, m.threads[thread])
        _renew(m, q, m.threads[thread])
    return thread


@hook
def hand_over(m, queue, thread):
    q = m.queues[queue]
    t = m.threads[thread]
    _account(t)
    if t.policy[LEFT_NS] <= 0 and q.nr_runnable > 0:
        return 0  # its share is used up: it waits on `expired`
    _count(q, t)
    _renew(m, q, t)
    return 1


@hook
def dequeue(m, queue, thread):
    t = m.threads[thread]
    remove_from(m, m.queues[queue], t.policy[LIST], thread)
    _uncount(m.queues[queue], t)
    return 0


@hook
def stopped(m, queue, thread, reason):
    _account(m.threads[thread])
    _uncount(m.queues[queue], m.threads[thread])
    return 0


@hook
def remove_thread(m, queue, thread):
    _uncount(m.queues[queue], m.threads[thread])  # picked for another CPU; else it is not counted any more
    return 0


@hook
def add_thread(m, queue, thread):
    t = m.threads[thread]
    if state_of(t) == RUNNING:
        _count(m.queues[queue], t)
    return 0


@hook
def tick(m, queue, thread):
    q = m.queues[queue]
    t = m.threads[thread]
    _account(t)
    _count(q, t)
    if t.policy[LEFT_NS] <= 0:
        if q.nr_runnable > 0:
            return 1
        _renew(m, q, t)  # expired alone: the queues are swapped twice
    over = q.now_ns - m.cpus[queue].slice_start_ns >= m.parameters[GRANULARITY]
    return 1 if over and first_of(q, LISTS + q.policy[RUNNABLE_LIST]) >= 0 else 0


@hook
def balance(m, me, attempt):
    if attempt == PERIODIC or attempt > 0:
        return -1
    best = -1
    for cpu in range(m.nr_cpus):
        if load_relaxed(m.queues[cpu], "nr_runnable") > 0 and may_take(m, me, cpu):
            if best < 0 or m.queues[cpu].policy[TOTAL] > m.queues[best].policy[TOTAL]:
                best = cpu
    return best
