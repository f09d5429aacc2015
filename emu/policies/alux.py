"""alux: one list of runnable threads for all CPUs, first in first out, a jiffy each (alux-1).

The scheduler of the Alux kernel.  A CPU takes the first thread that may run on it, and gives it up
after a jiffy if others wait; who resigns, wakes or is new goes to the end.  Idle CPUs are woken in the
order of the CPU list, the core's part: it ends with SMT siblings, so those are used last.

Suits: few CPUs and few threads; a model to teach with.  Fails: many CPUs (one lock), caches (no
thread stays on its CPU), priorities (there are none), waking in less than a jiffy when all CPUs
are busy.
"""

from emu.policy import ENQUEUE_BACK, append, hook, pop, push, remove

QUEUES = "global"
PARAMETERS = {"jiffy_ns": (50_000_000, "how long a thread runs when others wait")}
(JIFFY,) = range(1)


@hook
def enqueue(m, queue, thread, reason):
    if reason == ENQUEUE_BACK:
        push(m, m.queues[queue], thread)  # passed over by a CPU that it may not run on: still the first
    else:
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
def hand_over(m, queue, thread):
    return 1


@hook
def timeslice(m, queue, thread):
    return m.parameters[JIFFY]
