"""strict: the smallest nice value runs first, equals take turns. Suits: urgent work. Fails: may starve."""

from emu.policy import append, first, hook, hot, remove


@hook
def enqueue(m, queue, thread, reason):
    append(m, m.queues[queue], thread)
    return 0


@hook
def pick(m, queue):
    best = most_urgent(m, queue)
    if best >= 0:
        remove(m, m.queues[queue], best)
    return best


@hook
def dequeue(m, queue, thread):
    remove(m, m.queues[queue], thread)
    return 0


@hook
def preempts(m, queue, thread, running):
    return 1 if m.threads[thread].nice < m.threads[running].nice else 0


@hot
def most_urgent(m, queue):
    best = thread = first(m.queues[queue])
    while thread >= 0:
        if m.threads[thread].nice < m.threads[best].nice:
            best = thread
        thread = m.threads[thread].next
    return best
