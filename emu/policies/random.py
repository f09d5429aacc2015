"""random: a thread is placed when it is spawned, by chance or in turn, and stays there.

The original of the 2011 Rust runtime (rust-10): "tasks are spawned on a random thread".  placement=round-robin
takes the CPUs in turn, one turn for the whole machine; placement=least-loaded takes the CPU with the fewest
threads, sleeping ones included, the first of several.

Suits: a baseline for everything else; many equal threads.  Fails: any imbalance stays, since nothing ever moves.
First in, first out on each CPU, round robin by time slice.
"""

from emu.policy import (
    GLOBAL_QUEUE,
    PLACE_SPAWN,
    add_to_queue,
    append,
    hook,
    hot,
    is_online,
    load_relaxed,
    pop,
    queue_of,
    random_cpu,
    remove,
)

PARAMETERS = {"placement": (0, "where a new thread goes", ("random", "round-robin", "least-loaded"))}
(PLACEMENT,) = range(1)
RANDOM, ROUND_ROBIN, LEAST_LOADED = range(3)
TURN = 0  # a word of the global queue: threads placed in turn so far


@hook
def select_cpu(m, thread, me, reason):
    if reason != PLACE_SPAWN:
        return queue_of(m.threads[thread])
    if m.parameters[PLACEMENT] == ROUND_ROBIN:
        return next_cpu(m)
    if m.parameters[PLACEMENT] == LEAST_LOADED:
        return least_loaded(m)
    return random_cpu(m, me)


@hot
def next_cpu(m):
    """The CPU whose turn it is, or the next one that takes threads."""
    cpu = add_to_queue(m, GLOBAL_QUEUE, TURN, 1) % m.nr_cpus
    for _ in range(m.nr_cpus):
        if is_online(m, cpu):
            break
        cpu = (cpu + 1) % m.nr_cpus
    return cpu


@hot
def least_loaded(m):
    """The CPU with the fewest threads; two spawners at the same time may choose the same one."""
    best, fewest = 0, -1
    for cpu in range(m.nr_cpus):
        if is_online(m, cpu):
            count = load_relaxed(m.queues[cpu], "nr_threads")
            if fewest < 0 or count < fewest:
                best, fewest = cpu, count
    return best


@hook
def enqueue(m, queue, thread, reason):
    append(m, m.queues[queue], thread)
    return 0


@hook
def pick(m, queue):
    return pop(m, m.queues[queue])


@hook
def dequeue(m, queue, thread):
    remove(m, m.queues[queue], thread)
    return 0


@hook
def hand_over(m, queue, thread):
    return 1
