"""What the threads of a workload saw: the lines of emu/guests/workload.c, read into groups of threads of a same name.

A latency is the time from the moment at which a thread could go on to the moment at
which it did: after a sleep, a signal, a barrier, the end of a thread it joined.
Fairness is Jain's index over the threads of a name, of the CPU time that each received
per wall time that it was alive: (Σx)² / n·Σx², 1 when all got the same, 1/n when one got all.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..errors import MachineError
from ..tables import duration, html_lines, html_table, share
from .code import INSTRUCTIONS_PER_US

KINDS = ("sleep", "wait", "barrier", "join", "lock", "start")  # as in emu/guests/workload.h
WAKE_UPS = ("sleep", "wait", "barrier", "join")  # a wait for a lock depends on its holder, and a start on the spawner
REFUSALS = ("nice values", "real-time priorities", "affinities")  # as in emu/guests/workload.h
SUB = 8
COLUMNS = (
    "thread", "count", "iterations", "work ms", "CPU ms", "waits",
    "latency p50", "p99", "max", "fairness",
)  # fmt: skip


def bucket_bounds(index):
    """(first, one past the last) ns of a histogram's bucket."""
    if index < SUB:
        return index, index + 1
    shift = index // SUB - 1
    first = (SUB + index % SUB) << shift
    return first, first + (1 << shift)


@dataclass
class Histogram:
    """Latencies in log-scaled buckets, eight for each power of two."""

    buckets: dict[int, int] = field(default_factory=dict)  # bucket index -> count
    sum_ns: int = 0
    max_ns: int = 0

    @property
    def count(self) -> int:
        return sum(self.buckets.values())

    def add(self, other: "Histogram") -> None:
        for index, count in other.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + count
        self.sum_ns += other.sum_ns
        self.max_ns = max(self.max_ns, other.max_ns)

    def percentile(self, share: float) -> int | None:
        """The middle of the bucket that holds it, in ns; None when there is nothing."""
        left = share * self.count
        for index in sorted(self.buckets):
            left -= self.buckets[index]
            if left <= 0:
                first, end = bucket_bounds(index)
                return min((first + end) // 2, self.max_ns)
        return None

    def to_dict(self) -> dict[str, Any]:
        counts = {str(bucket_bounds(index)[0]): self.buckets[index] for index in sorted(self.buckets)}
        return {
            "count": self.count, "sum_ns": self.sum_ns, "max_ns": self.max_ns,
            "p50_ns": self.percentile(0.5), "p99_ns": self.percentile(0.99), "buckets_from_ns": counts,
        }  # fmt: skip


@dataclass
class ThreadResult:
    """One thread, or all that had its place in turn, where threads were forked and joined."""

    iterations: int
    instructions: int  # of completed run phases
    cpu_ns: int  # 2 ns an instruction, nominal
    alive_ns: int
    waits: int
    lives: int
    running: bool  # when the leaders had finished
    latency: dict[str, Histogram] = field(default_factory=dict)  # kind -> Histogram

    def to_dict(self) -> dict[str, Any]:
        histograms = {kind: h.to_dict() for kind, h in self.latency.items()}
        return {**vars(self), "latency": histograms}


@dataclass
class Group:
    """The threads of one declared name."""

    name: str
    threads: list[ThreadResult] = field(default_factory=list)

    def total(self, what: str) -> int:
        return sum(getattr(t, what) for t in self.threads)

    @property
    def work_ms(self) -> float:
        return self.total("instructions") / INSTRUCTIONS_PER_US / 1000

    @property
    def fairness(self) -> float | None:
        """Jain's index; None for fewer than two threads, or when nobody got anything."""
        shares = [t.cpu_ns / t.alive_ns for t in self.threads if t.alive_ns]
        return jain(shares) if len(shares) > 1 else None

    def latency(self, kinds: Iterable[str] = WAKE_UPS) -> Histogram:
        return _together(t.latency[kind] for t in self.threads for kind in kinds if kind in t.latency)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name, "work_ms": self.work_ms, "fairness": self.fairness,
            **{what: self.total(what) for what in ("iterations", "instructions", "cpu_ns", "waits", "lives")},
            "wake_ups": self.latency().to_dict(), "threads": [t.to_dict() for t in self.threads],
        }  # fmt: skip


@dataclass
class WorkloadResult:
    makespan_ns: int  # from the first thread's creation to the last leader's end
    groups: list[Group]
    warnings: list[str]

    @property
    def work_ms(self) -> float:
        return sum(g.work_ms for g in self.groups)

    @property
    def throughput(self) -> float:
        """Milliseconds of nominal CPU time in run phases per second."""
        return self.work_ms / (self.makespan_ns / 1e9)

    @property
    def fairness(self) -> float | None:
        """Of the group that was treated worst; None when no name has two threads."""
        return min((g.fairness for g in self.groups if g.fairness is not None), default=None)

    def latency(self) -> Histogram:
        return _together(g.latency() for g in self.groups)

    def to_dict(self) -> dict[str, Any]:
        return {
            "makespan_s": self.makespan_ns / 1e9, "work_ms": self.work_ms, "throughput_ms_per_s": self.throughput,
            "fairness": self.fairness, "wake_ups": self.latency().to_dict(),
            "groups": [g.to_dict() for g in self.groups], "warnings": self.warnings,
        }  # fmt: skip

    def _repr_html_(self) -> str:
        return html_table(COLUMNS, self.rows()) + html_lines([self.line(), *self.warnings])

    def rows(self) -> list[tuple[str, ...]]:
        """A row for each declared name, with COLUMNS, for people."""
        return [_row(group) for group in self.groups if group.threads]

    def line(self) -> str:
        return (
            f"makespan {duration(self.makespan_ns)}, {self.work_ms:,.1f} ms of work, "
            f"{self.throughput:,.0f} ms of it a second"
        )


def _row(group):
    latency = group.latency()
    return (
        group.name, str(len(group.threads)), f"{group.total('iterations'):,}",
        f"{group.work_ms:,.1f}", f"{group.total('cpu_ns') / 1e6:,.1f}",
        f"{group.total('waits'):,}", duration(latency.percentile(0.5)), duration(latency.percentile(0.99)),
        duration(latency.max_ns if latency.count else None), share(group.fairness),
    )  # fmt: skip


def jain(shares):
    """Jain's fairness index; None when all shares are 0."""
    squares = sum(x * x for x in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else None


def _together(histograms):
    total = Histogram()
    for each in histograms:
        total.add(each)
    return total


def parse_result(text, names):
    """The WorkloadResult in the guest's output; `names` are those of the declared threads, in order."""
    lines = [line.split() for line in text.splitlines()]
    if not lines or lines[-1] != ["end"]:
        raise MachineError("the workload did not end: its result is incomplete")
    result = WorkloadResult(0, [Group(name) for name in names], [])
    thread = None
    for word, *rest in lines[:-1]:
        numbers = [int(n) for n in rest]
        if word == "waits":  # read by deadlock.py
            continue
        if word == "makespan":
            result.makespan_ns = max(numbers[0], 1)
        elif word == "refused":
            result.warnings.append(f"the machine refuses {REFUSALS[numbers[0]]} (error {numbers[1]}): run without")
        elif word == "thread":
            declaration, *figures, running = numbers
            thread = ThreadResult(*figures, bool(running))
            result.groups[declaration].threads.append(thread)
        elif word == "latency":
            kind, sum_ns, max_ns, *pairs = numbers
            buckets = dict(zip(pairs[::2], pairs[1::2], strict=True))
            thread.latency[KINDS[kind]] = Histogram(buckets, sum_ns, max_ns)
    return result
