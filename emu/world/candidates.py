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
