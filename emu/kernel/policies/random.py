"""random: a thread is placed on a random CPU when it is spawned and stays there.

The original of the 2011 Rust runtime (rust-10).  Suits: a baseline for everything
else; many equal threads.  Fails: any imbalance stays, since nothing ever moves.
First in, first out on each CPU, round robin by time slice.
"""

from emu.kernel.hooks import PLACE_SPAWN, hook
from emu.kernel.queue import append, pop, remove
from emu.kernel.randomness import random_cpu
from emu.kernel.states import queue_of


@hook
def select_cpu(m, thread, me, reason):
    if reason == PLACE_SPAWN:
        return random_cpu(m, me)
    return queue_of(m.threads[thread])


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
