"""stealing: all threads are born on CPU 0; idle CPUs take some. Suits: fork and join. Fails: cold caches."""

from emu.policy import PLACE_SPAWN, append, hook, load_relaxed, pop, queue_of, remove  # noqa: F401


@hook
def select_cpu(m, thread, me, reason):
    return 0 if reason == PLACE_SPAWN else queue_of(m.threads[thread])


@hook
def balance(m, me, attempt):
    return -1  # HOLE: whom does CPU `me` take a thread from?


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
