"""bsd4: decaying usage in 64 buckets, the 4BSD scheduler as FreeBSD had it in 2003 (kse-7).

ESTCPU, the estimate of a thread's recent use, grows by one each 1/128 s that it runs, and once a
second is multiplied by 2·load / (2·load + 1), so that 90 % is forgotten in 5·load seconds.  The
priority is PUSER + ESTCPU / 8 + nice + 20, smaller is better; realtime 1 to 99 take 159 to 128.
Four priorities share a bucket; a bitmap says which buckets have threads; within one they go round
robin by a quantum, and a better bucket preempts.  One queue for all CPUs.  The threads of a
group have one ESTCPU in common (a ksegrp's kg_estcpu), so a group gets the share of one thread,
however many it has.

As in the original the load is an average of one minute, of the threads that run or wait, sampled
every 5 s; a thread that slept is brought up to date when it wakes (updatepri), with its whole sleep
forgotten at once where that is longer than 5·load factor seconds; children start with their
parent's ESTCPU, and a preempted thread goes behind those of its bucket.

Differs: usage is booked in ns, not found by sampling, so nobody can hide between ticks; a thread's
seconds are made up for when it is next looked at, by how many have gone, and those that wait are
looked at when the second changes, in one pass, as schedcpu did; a thread that wakes in the kernel
gets no better priority for it; an exiting thread's usage is not added to its parent's (threads are
not waited for here); nice values are each thread's, not the group's; a group counts once for the load,
or the decay would be too slow for a group of many threads to pay for them.  A better bucket preempts
the CPU that wakes the thread, as maybe_resched did; the others see it at their next tick.

CPUs with no lock in common charge a group, so each of its words changes by one atomic step: no time
is lost, and a second is forgotten once.  In the moment between the steps for the two words a look may
see usage from before the second; the priority that is made of it holds for a second at most.

Suits: interactive work beside batch work.  Fails: many CPUs (one lock, and no thread stays on its
CPU), and exact shares: those that use more than one CPU's time all reach the limit of ESTCPU, and take
turns by thread.
"""

from emu.policy import (
    ENQUEUE_BACK,
    ENQUEUE_PREEMPT,
    ENQUEUE_SPAWN,
    ENQUEUE_YIELD,
    GLOBAL_QUEUE,
    SECOND_NS,
    add_to_group,
    append_to,
    first_of,
    group_of,
    hook,
    hot,
    load_relaxed,
    lowest_bit,
    never_inline,
    push_to,
    remove_from,
    swap_in_group,
)

QUEUES = "global"
PARAMETERS = {
    "quantum_ns": (100_000_000, "round robin within a bucket (SCHED_QUANTUM, hz / 10)"),
    "stathz": (128, "how often a second ESTCPU grows by one"),
    "inverse_estcpu_weight": (8, "ESTCPU that makes one priority"),
    "nice_weight": (1, "priorities that one step of nice makes"),
}
QUANTUM, STATHZ, INVERSE_ESTCPU_WEIGHT, NICE_WEIGHT = range(4)

PUSER, PRI_MAX_TIMESHARE = 160, 223
PRI_MIN_REALTIME, PRI_MAX_REALTIME = 128, 159
PRIO_MIN, PRIO_MAX = -20, 20
RQ_NQS, RQ_PPQ = 64, 4
PPQ_BITS = 2  # a bucket is a priority >> PPQ_BITS
assert RQ_PPQ == 1 << PPQ_BITS
FSHIFT = 11
FSCALE = 1 << FSHIFT
LOAD_EVERY_NS = 5 * SECOND_NS
CEXP = 1884  # exp(-1/12) * FSCALE: one minute in samples of 5 s
FORGET_FACTOR = 5  # load factors: seconds of sleep after which nothing is left of ESTCPU
POWER_BITS = 30  # of the fraction that is kept of ESTCPU
MOST_SAMPLES = 100  # of the load, made up for at a time: older ones count for nothing

# Words of the queue: 64 lists, the bitmap of those with threads, the load and when it was sampled, and
# the second in which all that wait were looked at. Words of a thread: ESTCPU in ns of time run, the part
# of runtime_ns in it, the second up to which it has decayed, its priority, its bucket, and for how long
# the priority holds: up to which ESTCPU, and for which nice and real-time priority. ESTCPU of a thread in
# a group is what the group's was at the last look. Words of a group: that, and the second up to which it
# has decayed, plus one (0: no thread has been in it yet), and when it was counted for the load.
LISTS, STATUS, LOAD, LOAD_AT, LOOKED = 0, 128, 129, 130, 131
EST_NS, SEEN_NS, SECOND, PRIORITY, BUCKET, HOLDS_TO_NS, HOLDS_FOR = range(7)
GROUP_EST_NS, GROUP_SECOND, GROUP_FOUND = range(3)


# --- priorities -------------------------------------------------------------------------------------


@hot
def _limit_ns(m):
    """The first ESTCPU that ESTCPULIM does not let pass."""
    weight = m.parameters[INVERSE_ESTCPU_WEIGHT]
    most = weight * (m.parameters[NICE_WEIGHT] * (PRIO_MAX - PRIO_MIN) - RQ_PPQ) + weight
    return -(-most * SECOND_NS // m.parameters[STATHZ])


@hot
def _importance(t):
    return t.realtime << 8 | (t.nice - PRIO_MIN)


@hot
def _reset_priority(m, t):
    """The priority, and how long it holds."""
    t.policy[HOLDS_FOR] = _importance(t)
    t.policy[HOLDS_TO_NS] = _limit_ns(m)
    if t.realtime > 0:
        span = PRI_MAX_REALTIME - PRI_MIN_REALTIME
        t.policy[PRIORITY] = PRI_MAX_REALTIME - span * (t.realtime - 1) // 98
        return
    priority_ns = SECOND_NS * m.parameters[INVERSE_ESTCPU_WEIGHT]  # times STATHZ, as ESTCPU is
    used = t.policy[EST_NS] * m.parameters[STATHZ] // priority_ns
    t.policy[HOLDS_TO_NS] = min(t.policy[HOLDS_TO_NS], -(-(used + 1) * priority_ns // m.parameters[STATHZ]))
    priority = PUSER + used + m.parameters[NICE_WEIGHT] * (t.nice - PRIO_MIN)
    t.policy[PRIORITY] = min(max(priority, PUSER), PRI_MAX_TIMESHARE)


@hot
def _decayed(m, est_ns, seconds):
    """What schedcpu would have left of ESTCPU in so many seconds, and updatepri."""
    factor = 2 * m.queues[GLOBAL_QUEUE].policy[LOAD]
    if seconds * FSCALE > FORGET_FACTOR * factor:
        return 0
    kept = (factor << POWER_BITS) // (factor + FSCALE)
    while seconds > 0:
        if seconds & 1:
            est_ns = est_ns * kept >> POWER_BITS
        kept = kept * kept >> POWER_BITS
        seconds >>= 1
    return est_ns


@hot
def _decay(m, t, now):
    """Make up for the seconds that have begun since the last look."""
    seconds = now // SECOND_NS - t.policy[SECOND]
    t.policy[SECOND] += seconds
    t.policy[EST_NS] = _decayed(m, t.policy[EST_NS], seconds)


@hot
def _decay_group(m, g, now):
    """_decay for a group, below the limit as well; its ESTCPU. Whoever moves the second is who decays."""
    words = m.groups[g].policy
    before = words[GROUP_SECOND]
    seconds = now // SECOND_NS + 1 - before
    decays = seconds > 0 and before != 0 and swap_in_group(m, g, GROUP_SECOND, before, before + seconds)
    most_ns = _limit_ns(m) - 1
    while True:
        est_ns = words[GROUP_EST_NS]
        left_ns = min(est_ns, most_ns)
        if decays:
            left_ns = _decayed(m, left_ns, seconds)
        if left_ns == est_ns or swap_in_group(m, g, GROUP_EST_NS, est_ns, left_ns):
            return left_ns


@hot
def _begin_group(m, g, est_ns, now):
    """A group's first thread brings its ESTCPU along."""
    if swap_in_group(m, g, GROUP_SECOND, 0, now // SECOND_NS + 1):
        add_to_group(m, g, GROUP_EST_NS, est_ns)


@hot
def _look_at(m, t, now):
    """Book what the thread has run, make up for the seconds gone, and set its priority."""
    ran_ns = t.runtime_ns - t.policy[SEEN_NS]
    t.policy[SEEN_NS] = t.runtime_ns
    if group_of(t) < 0:
        t.policy[EST_NS] += ran_ns
    else:
        t.policy[EST_NS] = add_to_group(m, group_of(t), GROUP_EST_NS, ran_ns) + ran_ns
    early = now - t.policy[SECOND] * SECOND_NS < SECOND_NS
    if early and t.policy[EST_NS] < t.policy[HOLDS_TO_NS] and t.policy[HOLDS_FOR] == _importance(t):
        return  # nearly always: no division
    _look_anew(m, t, now, early)


@hot
def _look_anew(m, t, now, early):
    never_inline()
    if group_of(t) >= 0:
        t.policy[SECOND] = now // SECOND_NS
        t.policy[EST_NS] = _decay_group(m, group_of(t), now)
    else:
        t.policy[EST_NS] = min(t.policy[EST_NS], _limit_ns(m) - 1)
        if not early:
            _decay(m, t, now)
    _reset_priority(m, t)


@hot
def _inherit(m, q, t):
    """A new thread starts with the ESTCPU of the one that runs on the spawning CPU."""
    me = q.lock - 1
    t.policy[SECOND] = q.now_ns // SECOND_NS
    if me < m.nr_cpus and m.cpus[me].current >= 0:
        parent = m.threads[m.cpus[me].current]
        t.policy[EST_NS] = parent.policy[EST_NS] + q.now_ns - m.cpus[me].accounted_ns
    if group_of(t) >= 0:
        _begin_group(m, group_of(t), t.policy[EST_NS], q.now_ns)


# --- buckets ----------------------------------------------------------------------------------------


@hot
def _add(m, q, i, first):
    t = m.threads[i]
    bucket = t.policy[PRIORITY] >> PPQ_BITS
    t.policy[BUCKET] = bucket
    q.policy[STATUS] |= 1 << bucket
    if first:
        push_to(m, q, LISTS + 2 * bucket, i)
    else:
        append_to(m, q, LISTS + 2 * bucket, i)


@hot
def _remove(m, q, i):
    bucket = m.threads[i].policy[BUCKET]
    remove_from(m, q, LISTS + 2 * bucket, i)
    if first_of(q, LISTS + 2 * bucket) < 0:
        q.policy[STATUS] &= ~(1 << bucket)


@hot
def _counts(m, t, now):
    """1 for a thread in no group, and for the first that is found of each group."""
    g = group_of(t)
    if g < 0:
        return 1
    found_at = m.groups[g].policy[GROUP_FOUND]
    return 1 if found_at != now and swap_in_group(m, g, GROUP_FOUND, found_at, now) else 0


@hot
def _active(m, q):
    """How many threads wait or run, all those of a group as one: how many have an ESTCPU that may grow."""
    active = 0
    for cpu in range(m.nr_cpus):
        running = load_relaxed(m.cpus[cpu], "current")
        active += _counts(m, m.threads[running], q.now_ns) if running >= 0 else 0
    for bucket in range(RQ_NQS):
        i = first_of(q, LISTS + 2 * bucket)
        while i >= 0:
            active += _counts(m, m.threads[i], q.now_ns)
            i = m.threads[i].next
    return active


@hot
def _once_a_second(m, q):
    """The load is sampled, and those that wait move to the bucket of their decayed usage (schedcpu)."""
    never_inline()
    now = q.now_ns
    samples = min((now - q.policy[LOAD_AT]) // LOAD_EVERY_NS, MOST_SAMPLES) if q.policy[LOAD_AT] != 0 else 0
    if samples > 0 or q.policy[LOAD_AT] == 0:
        q.policy[LOAD_AT] = now
    active = _active(m, q) if samples > 0 else 0
    for _ in range(samples):
        q.policy[LOAD] = (CEXP * q.policy[LOAD] + active * FSCALE * (FSCALE - CEXP)) >> FSHIFT
    for bucket in range(RQ_NQS):
        i = first_of(q, LISTS + 2 * bucket)
        while i >= 0:
            t = m.threads[i]
            after = t.next
            _look_at(m, t, now)
            if t.policy[PRIORITY] >> PPQ_BITS != bucket:
                _remove(m, q, i)
                _add(m, q, i, False)
            i = after


@hot
def _keep_time(m, q):
    if q.now_ns - q.policy[LOOKED] * SECOND_NS >= SECOND_NS:
        q.policy[LOOKED] = q.now_ns // SECOND_NS
        _once_a_second(m, q)


# --- hooks ------------------------------------------------------------------------------------------


@hook
def enqueue(m, queue, thread, reason):
    q = m.queues[queue]
    t = m.threads[thread]
    if reason == ENQUEUE_SPAWN:
        _inherit(m, q, t)
    if reason != ENQUEUE_PREEMPT and reason != ENQUEUE_YIELD and reason != ENQUEUE_BACK:  # else `stopped` looked
        _look_at(m, t, q.now_ns)
    _add(m, q, thread, reason == ENQUEUE_BACK)
    _keep_time(m, q)
    return 0


@hook
def pick(m, queue):
    q = m.queues[queue]
    _keep_time(m, q)
    if q.policy[STATUS] == 0:
        return -1
    thread = first_of(q, LISTS + 2 * lowest_bit(q.policy[STATUS]))
    _remove(m, q, thread)
    return thread


@hook
def hand_over(m, queue, thread):
    _look_at(m, m.threads[thread], m.queues[queue].now_ns)
    return 1


@hook
def dequeue(m, queue, thread):
    _remove(m, m.queues[queue], thread)
    return 0


@hook
def stopped(m, queue, thread, reason):
    _look_at(m, m.threads[thread], m.queues[queue].now_ns)
    return 0


@hook
def regroup(m, queue, thread, group):
    t = m.threads[thread]
    now = m.queues[queue].now_ns
    _look_at(m, t, now)
    t.policy[HOLDS_TO_NS] = 0  # its ESTCPU may be less from here on, and its priority better
    if group >= 0:
        _begin_group(m, group, t.policy[EST_NS], now)
    return 0


@hook
def tick(m, queue, thread):
    q = m.queues[queue]
    t = m.threads[thread]
    _look_at(m, t, q.now_ns)
    waiting = m.queues[GLOBAL_QUEUE]  # not locked: hints, looked at again at the next tick
    best = lowest_bit(waiting.policy[STATUS])
    mine = t.policy[PRIORITY] >> PPQ_BITS
    over = q.now_ns - m.cpus[queue].slice_start_ns >= m.parameters[QUANTUM]
    late = q.now_ns - waiting.policy[LOOKED] * SECOND_NS >= SECOND_NS  # else nobody might look at them
    due = best < RQ_NQS and late
    return 1 if best < mine or (over and best == mine) or due else 0


@hook
def preempts(m, queue, thread, running):
    new, r = m.threads[thread], m.threads[running]
    return 1 if new.policy[PRIORITY] >> PPQ_BITS < r.policy[PRIORITY] >> PPQ_BITS else 0
