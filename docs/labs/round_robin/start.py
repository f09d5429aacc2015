"""round_robin: every thread gets its turn. Suits: equal threads. Fails: those who sleep often."""

from emu.policy import append, hook, pop, push, remove  # noqa: F401 (choose from these)


@hook
def enqueue(m, queue, thread, reason):
    return 0  # HOLE: the thread joins m.queues[queue]


@hook
def pick(m, queue):
    return -1  # HOLE: which thread runs next?


@hook
def dequeue(m, queue, thread):
    return 0  # HOLE: the thread leaves m.queues[queue]


@hook
def timeslice(m, queue, thread):
    return 1_000_000  # ns
