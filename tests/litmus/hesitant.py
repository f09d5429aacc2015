"""A policy for leaving.py: wants every thread on CPU 0 while that is online, and takes its time to say so."""

from emu.kernel.sched.hooks import hook
from emu.kernel.sched.lists import append, pop, remove
from emu.kernel.sched.randomness import random_below
from emu.shm.atomics import load_relaxed, pause


@hook
def select_cpu(m, thread, me, reason):
    cpu = 0 if load_relaxed(m, "online") & 1 else 1
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
