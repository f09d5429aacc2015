"""A policy for leaving.py: wants every thread on CPU 0 while that is online, and takes its time to say so."""

from emu.policy import append, hook, is_online, pop, random_below, remove
from emu.shm.atomics import pause


@hook
def select_cpu(m, thread, me, reason):
    cpu = 0 if is_online(m, 0) else 1
    for _ in range(random_below(m, me, 200)):
        pause()
    return cpu


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
