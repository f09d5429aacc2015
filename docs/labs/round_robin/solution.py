"""round_robin: every thread gets its turn. Suits: equal threads. Fails: those who sleep often."""

from emu.policy import append, hook, pop, remove


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
    return 1_000_000  # ns
