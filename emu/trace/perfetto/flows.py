"""Arrows from a message's sending to its receipt: the k-th `send` of a thread to another belongs to the k-th `receive`
that names it, on a port the k-th of that port.

Where events were lost that count is not to be relied on, and there are no arrows.
"""

import numpy as np

from ..file import NO_THREAD

FIRST_FLOW = 1


class Flows:
    """`of(events, kind)`: the number of each event's arrow, None where there are none; chunk after chunk."""

    def __init__(self, trace):
        self.trace = trace
        self._usable = not any(trace.lost.values())
        self._counts = {"send": {}, "receive": {}}
        self._pairs = {}  # (from, to) -> number

    def of(self, events, kind):
        if not self._usable:
            return None
        partners = self.trace.values(events, kind, "to" if kind == "send" else "from")
        threads = events["thread"].astype(np.int64)
        senders, receivers = (threads, partners) if kind == "send" else (partners, threads)
        ports = partners < 0
        senders, receivers = np.where(ports, NO_THREAD, senders), np.where(ports, ~partners, receivers)
        pairs, which = np.unique((senders & NO_THREAD) << 24 | receivers & NO_THREAD, return_inverse=True)
        order = np.argsort(which, kind="stable")
        first = np.searchsorted(which[order], np.arange(len(pairs)))
        ranks = np.empty(len(events), dtype=np.int64)
        ranks[order] = np.arange(len(events)) - first[which[order]]
        numbers = np.empty(len(pairs), dtype=np.int64)
        before = np.empty(len(pairs), dtype=np.int64)
        totals = np.bincount(which, minlength=len(pairs)).tolist()
        counts = self._counts[kind]
        for k, pair in enumerate(pairs.tolist()):
            numbers[k] = self._pairs.setdefault(pair, len(self._pairs) + FIRST_FLOW)
            before[k] = counts.get(pair, 0)
            counts[pair] = before[k] + totals[k]
        return numbers[which] << 32 | ranks + before[which] + 1
