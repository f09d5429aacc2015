"""The threads among which a strategy chooses: those that wait, and the one that asks."""

from ..hot import hot


@hot
def count(w, current):
    """How many there are; 1 at least."""
    return w.nr_waiting + int(current >= 0)


@hot
def candidate(w, current, k):
    """The k-th of them."""
    return w.waiting[k] if k < w.nr_waiting else current


@hot
def take_out(w, thread):
    """A thread waits no more; the others keep their order."""
    n = 0
    while n < w.nr_waiting and w.waiting[n] != thread:
        n += 1
    if n == w.nr_waiting:
        return
    w.nr_waiting -= 1
    for k in range(n, w.nr_waiting):
        w.waiting[k] = w.waiting[k + 1]
