"""A policy for waking.py: one list, and a store before each thread that takes long (crew.slow_store)."""

from emu.kernel.sched.hooks import hook
from emu.kernel.sched.lists import append, pop, remove
from emu.testing.crew import slow_store


@hook
def enqueue(m, queue, thread, reason):
    slow_store(m, m.threads[thread].sleep_sequence)
    append(m, m.queues[queue], thread)
    return 0


@hook
def pick(m, queue):
    return pop(m, m.queues[queue])


@hook
def dequeue(m, queue, thread):
    remove(m, m.queues[queue], thread)
    return 0
