"""The timeline from afar: for each CPU, bins of equal width with the thread that ran longest and how busy the CPU was.

Level 0 has FEWEST bins over the whole trace, each next one STEP times as many, until a bin holds about one run.  A page
draws the coarsest level whose bins are no wider than a pixel, and the runs themselves (tiles.py) where few are in view.
Bins are computed from the runs, not from finer bins, so each level is exact.

busy is in 255ths of the bin, thread the report's number + 1, 0 nobody.
"""

import numpy as np

FEWEST, STEP, MOST = 1 << 11, 4, 1 << 17
IN_ALL = 1 << 21  # bins of one level, over all CPUs
PIECE = 1 << 13  # bins of a chunk


def bin_counts(subject):
    """[bins of each level], coarsest first."""
    cpu = subject.history.slices.cpu
    longest = int(np.bincount(cpu).max()) if len(cpu) else 0
    counts = [FEWEST]
    while counts[-1] < longest and counts[-1] < MOST and counts[-1] * STEP * subject.cpus <= IN_ALL:
        counts.append(counts[-1] * STEP)
    return counts


def level(subject, cpu, bins):
    """{column: one entry for each bin} of a CPU."""
    h = subject.history
    first, last = np.searchsorted(h.slices.cpu, [cpu, cpu + 1])
    start = (h.slices.start_ns[first:last] - h.start_ns).astype(float)
    end = (h.slices.end_ns[first:last] - h.start_ns).astype(float)
    width = width_ns(h, bins)
    slot, part_ns, row = _pieces(start / width, end / width, bins)
    thread = subject.slice_id[first:last][row].astype(np.int64)
    busy = np.bincount(slot, part_ns, bins)
    return {"thread": _longest(slot, thread, part_ns, bins) + 1, "busy": np.ceil(np.minimum(busy, 1) * 255).astype(int)}


def width_ns(history, bins):
    return max(history.end_ns - history.start_ns, bins) / bins


def _pieces(start, end, bins):
    """(bin, share of it, run) of the pieces into which the limits of bins cut the runs; times in bins."""
    first = np.minimum(start.astype(np.int64), bins - 1)
    last = np.minimum(np.maximum(np.ceil(end).astype(np.int64) - 1, first), bins - 1)
    count = last - first + 1
    row = np.repeat(np.arange(len(start)), count)
    slot = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + first[row]
    share = np.minimum(end[row], slot + 1) - np.maximum(start[row], slot)
    return slot, np.maximum(share, 0), row


def _longest(slot, thread, share, bins):
    """The thread with the greatest share of each bin, -1 in empty ones."""
    found = np.full(bins, -1, dtype=np.int64)
    if not len(slot):
        return found
    most = int(thread.max()) + 1
    key, inverse = np.unique(slot * most + thread, return_inverse=True)
    total = np.bincount(inverse, share)
    order = np.argsort(total, kind="stable")  # the greatest is written last, and stays
    found[key[order] // most] = key[order] % most
    return found
