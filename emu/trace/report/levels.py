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
CHUNK = 1 << 17  # runs looked at at a time


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
    width, busy, most = width_ns(h, bins), np.zeros(bins), len(subject.threads) + 1
    keys, shares = [], []  # of a bin and a thread; those at the limit of two chunks are there twice
    for at in range(first, last, CHUNK):
        rows = slice(at, min(at + CHUNK, last))
        start, end = (ns[rows] - h.start_ns for ns in (h.slices.start_ns, h.slices.end_ns))
        slot, share, row = _pieces(start / width, end / width, bins)
        busy += np.bincount(slot, share, bins)
        key, share = _summed(slot * most + subject.slice_id[rows][row], share)
        keys.append(key)
        shares.append(share)
    if not keys:
        return {"thread": np.zeros(bins, dtype=int), "busy": np.zeros(bins, dtype=int)}
    longest = _longest(*_summed(np.concatenate(keys), np.concatenate(shares)), most, bins)
    return {"thread": longest + 1, "busy": np.ceil(np.minimum(busy, 1) * 255).astype(int)}


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


def _summed(key, share):
    """(each key once, the sum of its shares)."""
    found, inverse = np.unique(key, return_inverse=True)
    return found, np.bincount(inverse, share)


def _longest(key, share, most, bins):
    """The thread with the greatest share of each bin, -1 in empty ones; `key` is bin * most + thread."""
    found = np.full(bins, -1, dtype=np.int64)
    order = np.argsort(share, kind="stable")  # the greatest is written last, and stays
    found[key[order] // most] = key[order] % most
    return found
