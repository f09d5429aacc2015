"""A stretch of a trace's events, with what several parts of the export ask of it, each worked out once."""

import functools

import numpy as np

from .identities import keys_of

STOPS = ("preempt", "yield", "block", "exit")


class Holders:
    """Which generation of each record the last event was about: what `waker` and `by`, mere indices, mean."""

    def __init__(self, trace):
        threads = trace.events["thread"]
        self.generations = np.zeros(int(threads.max()) + 1 if len(threads) else 0, dtype=np.int64)


class Chunk:
    """Events with their times since boot (`times`), tids (`tids`) and positions by kind (`of`)."""

    def __init__(self, trace, identities, holders, start, stop):
        self.trace, self.identities, self.start = trace, identities, start
        self.events = events = trace.events[start:stop]
        self._holders, self._of_kind = holders, {}
        self.times = np.maximum(events["time_ns"] - trace.header["clock"]["boot_ns"], 0)
        self.tids = identities.tid_of(events)
        self.kinds = np.ascontiguousarray(events["kind"])
        self._order = np.argsort(self.kinds, kind="stable")
        self._sorted = self.kinds[self._order]

    def __len__(self):
        return len(self.events)

    def of(self, name):
        """Positions of the events of a kind, in order of time."""
        number = self.trace.kind_number(name)
        first, last = np.searchsorted(self._sorted, (number, number + 1))
        return self._order[first:last]

    def values(self, name, argument):
        """An argument of each event of a kind."""
        if name not in self._of_kind:
            self._of_kind[name] = self.events[self.of(name)]
        return self.trace.values(self._of_kind[name], name, argument)

    def tids_of_indices(self, indices, positions):
        """The tids of the threads that had records of these numbers at events; 0 where a number is below 0."""
        keys = self._generations(indices, positions) << 24 | np.maximum(indices, 0)
        known = np.isin(keys, self.identities.keys) & (indices >= 0)
        return np.where(known, self.identities.tid_of_keys(np.where(known, keys, 0)), 0)

    def close(self):
        """To be called before the next chunk is made."""
        about = self.events["thread"] >= 0
        self._holders.generations[self.events["thread"][about]] = keys_of(self.events[about]) >> 24

    def _generations(self, indices, positions):
        """Of the last event before a position that is about a record, in this chunk or in earlier ones."""
        known = self._holders.generations
        carried = known[np.clip(indices, 0, len(known) - 1)] if len(known) else np.zeros(len(indices), dtype=np.int64)
        places, threads = self._by_thread
        if not len(places):
            return carried
        found = np.searchsorted(places, indices * len(self) + positions, side="right") - 1
        here = (found >= 0) & (threads[found] == indices)
        generations = self.events["generation"][places[found] % len(self)].astype(np.int64) & 0xFFFFFFFF
        return np.where(here, generations, carried)

    @functools.cached_property
    def _by_thread(self):
        """(thread * length + position of each event about a thread, ascending; the threads)."""
        threads = self.events["thread"].astype(np.int64)
        places = np.sort((threads * len(self) + np.arange(len(self)))[threads >= 0])
        return places, places // max(1, len(self))


def argument_names(trace, kind):
    """The arguments of a kind of event, those packed in one word each by its name."""
    fields = trace.header.get("fields", {})
    _, a, b, _ = trace.header["kinds"][trace.kind_number(kind)]
    return [name for word in (a, b) if word for name in ([f[0] for f in fields[word]] if word in fields else [word])]
