"""The naive answer: the wrong CPU steals, so the CPUs that are idle stay so."""

from emu.policy import PLACE_SPAWN, append, hook, pop, queue_of, remove


@hook
def select_cpu(m, thread, me, reason):
    return 0 if reason == PLACE_SPAWN else queue_of(m.threads[thread])


@hook
def balance(m, me, attempt):
    return 1 if me == 0 and attempt == 0 else -1  # only CPU 0 looks elsewhere, and it has all the threads


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
