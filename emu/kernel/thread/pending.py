"""Whether a signal is pending that a thread takes. Signals are posted in kernel/task/siginfo.py."""

from ...hot import hot
from ...shm.atomics import load_relaxed, load_seq_cst


@hot
def taken_by(t):
    """The signals that a thread would take: those it does not block, and those it waits for."""
    return ~load_relaxed(t, "signal_mask") | load_relaxed(t, "awaited")


@hot
def signal_waits(m, t):
    """True when a signal that the thread takes is pending."""
    return (load_seq_cst(t, "signals") | load_seq_cst(m.tasks[t.task], "signals")) & taken_by(t) != 0
