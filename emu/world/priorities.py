"""Real-time priorities: a thread goes on only where no thread that could run is more important.

As on one CPU under SCHED_FIFO (sched(7)), but which of several equally important threads runs is the strategy's choice.
A thread's priority is the one that it has now, inherited or its own (kernel/sleep/inheritance.py).  Those that are less
important are kept apart (WORLD.held), so no strategy and no search knows of them.
"""

from ..hot import hot, never_inline
from .layout import PSEUDO


@hot
def release_all(w):
    """Whoever was held back waits again."""
    for k in range(w.nr_held):
        w.waiting[w.nr_waiting + k] = w.held[k]
    w.nr_waiting += w.nr_held
    w.nr_held = 0


@hot
def hold_back(m, w, current):
    """Only the most important of the threads that could run wait; whether `current` (-1: none) may go on."""
    never_inline()
    release_all(w)
    own = m.threads[current].realtime if current >= 0 else 0
    top = own
    for k in range(w.nr_waiting):
        if w.waiting[k] < PSEUDO:
            top = max(top, m.threads[w.waiting[k]].realtime)
    kept = 0
    for k in range(w.nr_waiting):
        thread = w.waiting[k]
        if thread < PSEUDO and m.threads[thread].realtime < top:
            w.held[w.nr_held] = thread
            w.nr_held += 1
        else:
            w.waiting[kept] = thread
            kept += 1
    w.nr_waiting = kept
    return own == top
