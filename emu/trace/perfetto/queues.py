"""How many threads wait on each run queue, from the events that put them there and take them away."""

import numpy as np

UNKNOWN, WAITS, ELSEWHERE = 0, 1, 2  # what a thread does: for `migrate`, which moves waiting and sleeping ones


class Queues:
    """`changes(chunk)` for chunk after chunk: (times, queues, depths), a row for each change, in order of time."""

    def __init__(self, trace):
        self.trace = trace
        threads = trace.events["thread"]
        self._state = np.zeros(int(threads.max()) + 1 if len(threads) else 0, dtype=np.int8)
        self._depth = {}

    def changes(self, chunk):
        steps = [(chunk.of(kind), chunk.values(kind, "queue"), 1) for kind in ("wake", "spawn")]
        for kind in ("preempt", "yield"):  # first to its CPU's queue, if only until a migrate
            at = chunk.of(kind)
            steps.append((at, chunk.events["actor"][at].astype(np.int64), 1))
        steps.append((chunk.of("switch"), chunk.values("switch", "queue"), -1))
        moved = chunk.of("migrate")
        waits = self._states(chunk, moved) == WAITS
        for argument, step in (("old_queue", -1), ("queue", 1)):
            steps.append((moved[waits], chunk.values("migrate", argument)[waits], step))
        at = np.concatenate([positions for positions, _, _ in steps])
        queues = np.concatenate([queues for _, queues, _ in steps])
        deltas = np.concatenate([np.full(len(positions), step) for positions, _, step in steps])
        order = np.argsort(at, kind="stable")
        at, queues, deltas = at[order], queues[order], deltas[order]
        depths = np.empty(len(at), dtype=np.int64)
        for queue in np.unique(queues).tolist():
            mine = queues == queue
            depths[mine] = self._depth.get(queue, 0) + np.cumsum(deltas[mine])
            self._depth[queue] = int(depths[mine][-1])
        return chunk.times[at], queues, np.maximum(depths, 0)

    def _states(self, chunk, moved):
        """What each thread did just before it was moved; remembers what all of them do at the end."""
        events = chunk.events
        state = np.zeros(len(chunk), dtype=np.int8)
        for kinds, value in ((("wake", "spawn", "preempt", "yield"), WAITS), (("switch", "block", "exit"), ELSEWHERE)):
            for kind in kinds:
                state[chunk.of(kind)] = value
        found = self._state[events["thread"][moved]]
        if len(moved):
            order = np.argsort(events["thread"], kind="stable")
            threads, states = events["thread"][order], state[order]
            last = np.maximum.accumulate(np.where(states != UNKNOWN, np.arange(len(order)), -1))
            place = np.empty(len(order), dtype=np.int64)
            place[order] = last
            source = place[moved]
            here = (source >= 0) & (threads[source] == events["thread"][moved])
            found = np.where(here, states[source], found)
        known = state != UNKNOWN
        self._state[events["thread"][known]] = state[known]
        return found
