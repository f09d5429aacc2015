"""inko: a local queue for each CPU, stealing, a global queue, then sleep (inko-1).

A thread goes to the queue of the CPU that spawns or wakes it, or to the global
queue when something that is no CPU does (the loader, the system server).  A CPU
without work tries a random victim first and then the others in turn, then the
global queue.  Suits: fork-join and message passing.  Fails: fairness across CPUs is
left to stealing; the global queue waits until local work runs out.
"""

from emu.kernel.hooks import hook
from emu.kernel.queue import append, pop, remove
from emu.kernel.randomness import random_below
from emu.limits import GLOBAL_QUEUE


@hook
def select_cpu(m, thread, me, reason):
    return me if me < m.nr_cpus else GLOBAL_QUEUE


@hook
def enqueue(m, queue, thread):
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
def balance(m, me, attempt):
    c = m.queues[me]
    if attempt == 0:
        c.policy[0] = random_below(m, me, m.nr_cpus)
    if attempt < m.nr_cpus:
        return (c.policy[0] + attempt) % m.nr_cpus
    return GLOBAL_QUEUE if attempt == m.nr_cpus else -1
