"""Which CPUs take threads, are idle, or may run a thread: what policies ask when they choose one.

The answers are looked up without a lock, so a CPU may come, go or find work the moment after: the core takes a choice
that has become wrong for what it is worth, and moves the thread on.
"""

from ...hot import hot
from ...shm.atomics import load_relaxed


@hot
def is_online(m, cpu):
    """Whether a CPU takes threads: it has come up and does not leave (rust-4)."""
    return (load_relaxed(m, "online") >> cpu) & 1 != 0


@hot
def is_idle(m, cpu):
    """Whether a CPU looks for work. Another waker may give it some at the same time."""
    return (load_relaxed(m, "idle") >> cpu) & 1 != 0


@hot
def may_run(m, thread, cpu):
    """Whether a CPU takes threads and this thread's affinity allows it."""
    return (load_relaxed(m, "online") & load_relaxed(m.threads[thread], "affinity")) >> cpu & 1 != 0


@hot
def idle_cpu(m, thread):
    """The first idle CPU that may run a thread, -1 when there is none. Siblings come last in the list (alux-1)."""
    if load_relaxed(m, "idle") != 0:
        for cpu in range(m.nr_cpus):
            if is_idle(m, cpu) and may_run(m, thread, cpu):
                return cpu
    return -1
