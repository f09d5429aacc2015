"""The naive answer: who comes last is first, so a thread that was preempted goes on at once and the others starve."""

from emu.policy import hook, pop, push, remove


@hook
def enqueue(m, queue, thread, reason):
    push(m, m.queues[queue], thread)
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
