"""Samples: the counters of a machine's CPUs and threads at one time, read from its memory without a lock.

    before = take(inspector); …; after = take(inspector)
    rates = Rates(before, after)

A sample is a handful of NumPy columns, one entry a CPU or thread, so that thousands of threads cost a millisecond;
words are made later, and only for what is shown.  Counters that were written meanwhile may be a moment apart.
A thread is the same in two samples where its record has the same generation.
"""

from dataclasses import dataclass

import numpy as np

from ..kernel.thread.states import BLOCKED, DEAD, NEW, RUNNABLE, RUNNING, WHERE
from ..limits import MAX_THREADS, NAME_BYTES

CPU_COUNTERS = (
    "instructions", "switches", "involuntary", "steals", "migrations_in", "migrations_out", "ipis_bit", "ipis_message",
    "syscalls", "page_faults", "parks", "spawned", "exited", "run_delay_ns",
)  # fmt: skip
THREAD_COUNTERS = ("runtime_ns", "run_delay_ns", "slices", "involuntary", "migrations", "instructions")
MOST_CURRENT_NS = 1_000_000_000  # that a running thread's time may be behind


@dataclass(frozen=True)
class Sample:
    """Columns by name. Of CPUs by number; of threads by position, `index` says which records these are."""

    time_ns: int
    cpus: dict
    threads: dict

    @property
    def nr_threads(self):
        return len(self.threads["index"])


def take(inspector):
    now_ns = inspector.now_ns()
    return Sample(now_ns, _cpus(inspector, now_ns), _threads(inspector, now_ns))


def _cpus(inspector, now_ns):
    m, nr = inspector.machine, inspector.nr_cpus()
    records, queues = m["cpus"][:nr], m["queues"][:nr]
    found = {name: records[name].copy() for name in (*CPU_COUNTERS, "current", "parked", "process")}
    since_ns = records["since_ns"].copy()
    found["busy_ns"] = records["busy_ns"] + np.where(since_ns > 0, np.maximum(now_ns - since_ns, 0), 0)
    found["life"] = queues["life"].copy()
    found["registered"] = queues["nr_threads"].copy()
    where = inspector.threads()["where"]
    waiting = WHERE.get(where[WHERE.get(where, "state") == RUNNABLE], "queue")
    found["queued"] = np.bincount(waiting[waiting < nr], minlength=nr)[:nr]
    return found


def _threads(inspector, now_ns):
    """Of the living ones."""
    m, records = inspector.machine, inspector.threads()
    where = records["where"].copy()
    state = WHERE.get(where, "state")
    index = np.flatnonzero((state > NEW) & (state < DEAD))
    found = {name: records[name][index] for name in (*THREAD_COUNTERS, "generation", "queued_ns")}
    found["index"], found["state"], found["queue"] = index, state[index], WHERE.get(where[index], "queue")
    tasks = np.clip(records["task"][index], 0, len(m["tasks"]) - 1)
    found["pid"] = m["tasks"]["pid"][tasks]
    found["name"] = np.ascontiguousarray(records["name"][index]).view(f"S{NAME_BYTES}").reshape(-1)
    for c in m["cpus"][: inspector.nr_cpus()]:  # what their time is behind
        at = np.flatnonzero(index == int(c["current"]))
        behind_ns = now_ns - int(c["accounted_ns"])
        if len(at) and found["state"][at[0]] == RUNNING and 0 < behind_ns < MOST_CURRENT_NS:
            found["runtime_ns"][at[0]] += behind_ns
    return found


class Rates:
    """What changed between two samples, for each CPU and thread of the later one."""

    def __init__(self, before, after):
        self.before, self.after = before, after
        self.span_s = max((after.time_ns - before.time_ns) / 1e9, 1e-9)

    def cpu(self, name):
        """A counter's growth, by CPU; a CPU that was added counts from 0."""
        after, before = self.after.cpus[name], self.before.cpus[name]
        older = np.zeros_like(after)
        older[: min(len(before), len(after))] = before[: len(after)]
        return np.maximum(after - older, 0)

    def thread(self, name):
        """A counter's growth, by thread; one that has come meanwhile counts from 0."""
        older = np.zeros(MAX_THREADS, np.int64)
        generation = np.full(MAX_THREADS, -1, np.int64)
        older[self.before.threads["index"]] = self.before.threads[name]
        generation[self.before.threads["index"]] = self.before.threads["generation"]
        index = self.after.threads["index"]
        same = generation[index] == self.after.threads["generation"]
        return np.maximum(self.after.threads[name] - np.where(same, older[index], 0), 0)

    def busy(self):
        """The share of the time in which each CPU was busy."""
        return np.clip(self.cpu("busy_ns") / self.span_s / 1e9, 0, 1)

    def share(self):
        """The share of a CPU that each thread had."""
        return np.clip(self.thread("runtime_ns") / self.span_s / 1e9, 0, 1)

    def mips(self):
        """Of each CPU, over all the time."""
        return self.cpu("instructions") / self.span_s / 1e6


def since_boot(inspector, sample):
    """Rates over the machine's whole life."""
    made_ns = int(inspector.machine["made_ns"])
    nothing = {name: np.zeros_like(column) for name, column in sample.cpus.items()}
    no_thread = {name: column[:0] for name, column in sample.threads.items()}
    return Rates(Sample(made_ns, nothing, no_thread), sample)


def counts(sample):
    """How many threads run, wait for a CPU, sleep."""
    states = sample.threads["state"]
    return {name: int((states == state).sum())
            for name, state in (("running", RUNNING), ("runnable", RUNNABLE), ("blocked", BLOCKED))}  # fmt: skip
