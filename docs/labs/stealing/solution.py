"""stealing: all threads are born on CPU 0; idle CPUs take some. Suits: fork and join. Fails: cold caches."""

from emu.policy import PLACE_SPAWN, append, hook, load_relaxed, pop, queue_of, remove


@hook
def select_cpu(m, thread, me, reason):
    return 0 if reason == PLACE_SPAWN else queue_of(m.threads[thread])


@hook
def balance(m, me, attempt):
    if attempt < 0 or attempt >= m.nr_cpus - 1:
        return -1
    victim = (me + 1 + attempt) % m.nr_cpus  # each other CPU in turn, the next one first
    return victim if load_relaxed(m.queues[victim], "nr_runnable") > 0 else me


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
def timeslice(m, queue, thread):
    return 2_000_000  # ns
