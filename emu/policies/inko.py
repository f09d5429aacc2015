"""inko: a local queue for each CPU, stealing, a global queue, then sleep (inko-1, inko-5, inko-7).

A CPU uses its queue, and thieves take from it, without a lock (local_queue.py); threads bound to some CPUs
and the global queue are the rare case that takes one.

A thread goes to the queue of the CPU that spawns or wakes it; where something that is no
CPU does, a new one goes to the global queue (the loader) and one that wakes to where it slept
(the system server, the timekeeper), since a busy CPU seldom looks at the global queue.  A CPU
without work tries a random victim first and then the others in turn, then the
global queue.  (Differs: a busy CPU takes a thread from the global queue every 4 ms, so that
new programs do not wait until local work has run out.)

The priority slot: a thread that the running one wakes runs next on that CPU, before
the queue, on what is left of the waker's turn.  The slot holds one; the next thread woken
pushes the former to the queue, and so does the end of a turn, so two that wake each
other for ever hold up nobody.  Thieves do not look into it.

A turn ends, while others wait, after so many reductions, of 100 instructions each, or
when the time slice is over, whichever is first: at the tick that is nearest (ticks come every
1,000 reductions of the CPU, wherever in a turn).

Pinned threads, exclusive CPUs and the two pools of CPUs are the core's: a thief passes over threads that may not
run on its CPU and over queues of the other pool, and an exclusive CPU takes from nobody (inko-5, inko-6).

Suits: fork-join and message passing.  Fails: fairness across CPUs is left to
stealing; there are no priorities.
"""

from emu.policy import (
    BUDGET_INSTRUCTIONS,
    ENQUEUE_WAKE,
    GLOBAL_QUEUE,
    PERIODIC,
    PLACE_WAKE,
    available,
    hook,
    hot,
    put_local,
    queue_of,
    random_below,
    take_local,
)

QUEUES = "lock-free"
PARAMETERS = {
    "reductions": (1000, "what a thread may use up before others that wait get the CPU"),
    "reduction_instructions": (100, "instructions that make one reduction"),
}
REDUCTIONS, REDUCTION_INSTRUCTIONS = range(2)

# Words of a queue: the priority slot's thread + 1, 0 when empty; the first victim of a round of stealing;
# the instructions its CPU had retired, and the time, when the present turn began.
SLOT, VICTIM, BEGAN, BEGAN_NS = range(4)


@hot
def _empty_slot(m, queue):
    q = m.queues[queue]
    thread = q.policy[SLOT] - 1
    if thread >= 0:
        q.policy[SLOT] = 0
        put_local(m, queue, thread)


@hot
def _begin_turn(m, queue):
    q = m.queues[queue]
    q.policy[BEGAN] = m.cpus[queue].instructions
    q.policy[BEGAN_NS] = q.now_ns


@hook
def select_cpu(m, thread, me, reason):
    if me < m.nr_cpus:
        return me
    return queue_of(m.threads[thread]) if reason == PLACE_WAKE else GLOBAL_QUEUE


@hook
def enqueue(m, queue, thread, reason):
    if reason == ENQUEUE_WAKE and m.cpus[queue].current >= 0:
        _empty_slot(m, queue)
        m.queues[queue].policy[SLOT] = thread + 1
    else:
        put_local(m, queue, thread)
    return 0


@hook
def pick(m, queue):
    q = m.queues[queue]
    thread = q.policy[SLOT] - 1
    if thread >= 0:
        q.policy[SLOT] = 0
        return thread
    _begin_turn(m, queue)
    return take_local(m, queue)


@hook
def add_thread(m, queue, thread):
    _begin_turn(m, queue)  # stolen, or from the global queue
    return 0


@hook
def hand_over(m, queue, thread):
    return 1  # what is left of the turn is the sender's


@hook
def tick(m, queue, thread):
    q = m.queues[queue]
    used = m.cpus[queue].instructions - q.policy[BEGAN] + BUDGET_INSTRUCTIONS // 2
    over = used >= m.parameters[REDUCTIONS] * m.parameters[REDUCTION_INSTRUCTIONS]
    if not over and q.now_ns - q.policy[BEGAN_NS] < m.slice_ns:
        return 0
    if q.policy[SLOT] == 0 and available(m, queue) <= 0:
        return 0
    _empty_slot(m, queue)
    return 1


@hook
def balance(m, me, attempt):
    q = m.queues[me]
    if attempt == PERIODIC:
        return GLOBAL_QUEUE if available(m, GLOBAL_QUEUE) > 0 else -1
    if attempt == 0:
        q.policy[VICTIM] = random_below(m, me, m.nr_cpus)
    if attempt < m.nr_cpus:
        return (q.policy[VICTIM] + attempt) % m.nr_cpus
    return GLOBAL_QUEUE if attempt == m.nr_cpus else -1
