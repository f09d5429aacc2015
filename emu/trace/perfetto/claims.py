"""Wake-ups that the sleeper's own CPU recorded, with the wakers that ../wakers.py finds for them.

They are few, so all of them are looked up at once, in a trace that has nothing else.
"""

import dataclasses

import numpy as np

from ..wakers import wakers
from .identities import CHUNK


class Claims:
    """`positions` in trace.events, ascending; of each its waker's `tids` (0 none), `causes`, `calls` and `actors`."""

    def __init__(self, trace, identities):
        numbers = {text: number for number, text in trace.header["values"].get("wake_cause", {}).items()}
        self.positions = _claimed(trace, numbers["claimed"]) if "claimed" in numbers else np.empty(0, dtype=np.int64)
        self.tids = self.causes = self.calls = self.actors = np.empty(0, dtype=np.int64)
        if len(self.positions):
            kept = np.isin(trace.events["kind"], [trace.kind_number("claim"), trace.kind_number("spawn")])
            kept[self.positions] = True
            found = wakers(dataclasses.replace(trace, events=trace.events[kept]))
            keys = (found.generation.astype(np.int64) & 0xFFFFFFFF) << 24 | np.maximum(found.thread, 0)
            known = np.isin(keys, identities.keys) & (found.thread >= 0)
            self.tids = np.where(known, identities.tid_of_keys(np.where(known, keys, 0)), 0)
            self.causes, self.calls, self.actors = found.cause, found.call, found.actor

    def of(self, positions):
        """(indices in `positions`, indices here) of those that are claimed."""
        if not len(self.positions):
            return self.positions, self.positions
        places = np.minimum(np.searchsorted(self.positions, positions), len(self.positions) - 1)
        here = np.flatnonzero(self.positions[places] == positions)
        return here, places[here]


def _claimed(trace, number):
    found = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(trace.events), CHUNK):
        chunk = trace.events[start : start + CHUNK]
        wakes = np.flatnonzero(chunk["kind"] == trace.kind_number("wake"))
        found.append(start + wakes[trace.values(chunk[wakes], "wake", "cause") == number])
    return np.concatenate(found)
