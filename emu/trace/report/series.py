"""Figures over time: how many threads run, wait, sleep, and how many stand in each queue, as means of equal bins.

A bin's figure is an integral over its time divided by its width, so it is exact however short the spans are, and the
sum of a series is the sum of its spans.  Spans of one kind may overlap; each counts.
"""

import numpy as np

BINS = 1024


class Coverage:
    """How much time some spans cover until a time; overlapping ones count each."""

    def __init__(self, start_ns, end_ns):
        self._edges = [(np.sort(edge), 0) for edge in (start_ns, end_ns)]
        self._edges = [(edge, np.concatenate([[0.0], np.cumsum((edge - (edge[0] if len(edge) else 0)).astype(float))]))
                       for edge, _ in self._edges]  # fmt: skip

    def until(self, time_ns):
        """Sum over the spans of what lies before each time, in ns."""
        begun, over = (self._sum(*edge, time_ns) for edge in self._edges)
        return begun - over

    @staticmethod
    def _sum(edge, sums, time_ns):
        if not len(edge):
            return np.zeros(len(time_ns))
        count = np.searchsorted(edge, time_ns)
        return count * (time_ns - edge[0]).astype(float) - sums[count]


def edges(history, bins=BINS):
    """The bins' limits, bins + 1 of them."""
    return np.linspace(history.start_ns, max(history.end_ns, history.start_ns + bins), bins + 1).astype(np.int64)


def over_time(spans, limits, mask=slice(None)):
    """Mean number of spans in each bin."""
    return np.diff(Coverage(spans.start_ns[mask], spans.end_ns[mask]).until(limits)) / np.diff(limits)


def states(subject, bins=BINS):
    """{state: mean number of threads in each bin}; waits and runs while the host did not run the CPU stand apart."""
    h = subject.history
    limits = edges(h, bins)
    running, waiting = over_time(h.slices, limits), over_time(h.waits, limits)
    halted = _while_stalled(h.stalls, h.slices.cpu, h.slices, limits)
    delayed = _while_stalled(h.stalls, subject.wait_cpu, h.waits, limits)
    return {
        "running": running - halted, "running, host away": halted,
        "waiting": waiting - delayed, "waiting, host away": delayed,
        "asleep": over_time(h.sleeps, limits),
    }  # fmt: skip


def _while_stalled(stalls, cpu, spans, limits):
    """Mean number of spans of a CPU in each bin, counted only while the host does not run that CPU."""
    found = np.zeros(len(limits) - 1)
    for one in np.unique(stalls.cpu):
        mine = cpu == one
        if not mine.any():
            continue
        coverage = Coverage(spans.start_ns[mine], spans.end_ns[mine])
        start, end = stalls.start_ns[stalls.cpu == one], stalls.end_ns[stalls.cpu == one]
        cuts = np.unique(np.concatenate([start, end, limits]))  # no piece between two of them crosses a bin's limit
        inside = np.searchsorted(start, cuts[:-1], side="right") > np.searchsorted(end, cuts[:-1], side="right")
        pieces = np.diff(coverage.until(cuts)) * inside
        bins = np.searchsorted(limits, cuts[:-1], side="right") - 1
        good = (bins >= 0) & (bins < len(found))
        found += np.bincount(bins[good], pieces[good], len(found))
    return found / np.diff(limits)


def queue_depth(subject, bins=BINS):
    """{queue: mean number of runnable threads in it in each bin}."""
    stays, limits = subject.history.stays, edges(subject.history, bins)
    return {int(queue): over_time(stays, limits, stays.queue == queue) for queue in np.unique(stays.queue)}
