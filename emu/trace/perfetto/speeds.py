"""How many millions of instructions a second each CPU retires, from its progress events."""

import numpy as np


class Speeds:
    """`changes(chunk)` for chunk after chunk: (times, CPUs, MIPS from then on), a row for each stretch that has ended.

    A CPU's speed is known for the time between two of its progress events; after the last one it is not.
    """

    def __init__(self, trace):
        self._nr_cpus = trace.header["machine"]["cpus"]
        self._last = {}  # CPU -> (time, instructions)

    def changes(self, chunk):
        at = chunk.of("progress")
        cpus, instructions = chunk.events["actor"][at].astype(np.int64), chunk.values("progress", "instructions")
        rows = [np.empty(0, dtype=np.int64)] * 3
        for cpu in np.unique(cpus[cpus < self._nr_cpus]).tolist():
            mine = cpus == cpu
            times, counts = chunk.times[at[mine]], instructions[mine]
            if cpu in self._last:
                times, counts = (np.append(last, now) for last, now in zip(self._last[cpu], (times, counts)))
            self._last[cpu] = times[-1], counts[-1]
            mips = np.maximum(np.diff(counts), 0) * 1000 // np.maximum(np.diff(times), 1)
            rows = [np.append(row, more) for row, more in zip(rows, (times[:-1], np.full(len(mips), cpu), mips))]
        return rows
