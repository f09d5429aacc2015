"""What a thread uses, as words that its task adds up (kernel/task/usage.py says what they mean)."""

from ...hot import hot
from ...limits import USAGE_WORDS
from ...shm.atomics import load_relaxed
from ..critical import critical

USED_INSTRUCTIONS, USED_SYSTEM_NS, USED_FAULTS, USED_VOLUNTARY, USED_INVOLUNTARY, USED_PEAK = range(USAGE_WORDS)


@hot
def used_by_thread(m, i, n):
    """A word of a thread's usage, up to its last switch or call."""
    t = m.threads[i]
    if n == USED_INSTRUCTIONS:
        return load_relaxed(t, "instructions")
    if n == USED_SYSTEM_NS:
        return load_relaxed(t, "system_ns")
    if n == USED_FAULTS:
        return load_relaxed(t, "faults")
    if n == USED_VOLUNTARY:  # each slice but the present one has ended in one way or the other
        return max(load_relaxed(t, "slices") - load_relaxed(t, "involuntary") - 1, 0)
    return load_relaxed(t, "involuntary") if n == USED_INVOLUNTARY else 0


@hot
def book_usage(m, me, i):
    """Thread i leaves the list of its task, whose lock is held."""
    critical(m, me)
    past = m.tasks[m.threads[i].task].past
    for n in range(USED_PEAK):
        past[n] += used_by_thread(m, i, n)
