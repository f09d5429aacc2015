"""The text of a policy for tests to change: first in, first out."""

PICKS = "    return pop(m, m.queues[queue])\n"
APPENDS = "    append(m, m.queues[queue], thread)\n"
FIFO = f"""
from emu.policy import POLICY, append, emit, emit_policy, first, hook, hot, pop, remove


@hook
def enqueue(m, queue, thread, reason):
{APPENDS}    return 0


@hook
def pick(m, queue):
{PICKS}

@hook
def dequeue(m, queue, thread):
    remove(m, m.queues[queue], thread)
    return 0
"""
