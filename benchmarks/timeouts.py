"""What does a time-out cost with a million pending, and how late does nanosleep return?

The heap alone: the timekeeper's functions called in a loop on a machine without processes.  With the ring:
an actor posts 64 messages, then the timekeeper takes them, so the figure is what both spend.  A cancel is what a
waker does, one compare-and-swap and one count; the timekeeper's share of it, compaction, is in "renewed": a time-out
is cancelled and a new one set, in random order, with compactions as they fall due.  Beside it Python's heapq with the
same deadlines, where a cancelled entry is marked and skipped, as its documentation says.

Oversleeping: the guest `naps` on a booted machine, whose host cores other work may share, beside the host's
own nanosleep called in compiled code.

python benchmarks/timeouts.py [--rounds N] [--quick]
"""

import gc
import heapq
import time

from bare_machine import BareMachine
from common import benchmark, interleave, percentile, spread, with_range
from guest_runs import Booted

from emu.hot import entry, hot
from emu.kernel.sleep.heap import add_entry, compact, count_stale, is_fragmented
from emu.kernel.sleep.timeout_ring import post
from emu.kernel.thread.states import SLEEP_TIME, SLEEP_TIMED
from emu.kernel.timekeeper import expire_due, take_messages
from emu.limits import COMPACT_PERCENT, MIB, RAM_OFFSET, TIMEKEEPER
from emu.shm.layout import machine_at
from emu.shm.memory import compare_exchange_64, host_sleep_us, monotonic_ns, store_64, wrapping_multiply

PENDING_BITS = 20
WORDS_OFFSET = RAM_OFFSET + 8 * MIB  # the sleep words, in memory that the bare machine's task does not use
BATCH = 64  # messages posted between two turns
GOAL_NS = 300
PEER = "heapq"
NAP_US = 1000


# --- what is timed: each returns the ns of all its operations ------------------------------------------


@hot
def shuffled(k, bits):
    """Numbers below 1 << bits in an order without pattern, each once."""
    return (wrapping_multiply(k, 0x9E3779B1) ^ 0x155555) & ((1 << bits) - 1)


@hot
def deadline_of(k, round_number):
    """In the past, and no two alike that matter: the heap's order is that of a hash."""
    return 1 + ((wrapping_multiply(k + (round_number << 32), 0x9E3779B97F4A7C1) >> 13) & 0xFFFFFFFFF)


@hot
def word_of(k, round_number):
    return (k + 1 + (round_number << 32)) << 8 | SLEEP_TIME | SLEEP_TIMED


@entry(2)
def fill_alone(address, bits):
    m = machine_at(address)
    m.nr_timeouts = 0
    m.stale_timeouts = 0
    start = monotonic_ns()
    for k in range(1 << bits):
        where = address + WORDS_OFFSET + 8 * k
        store_64(where, word_of(k, 0))
        add_entry(m, deadline_of(k, 0), where, word_of(k, 0), -1)
    return monotonic_ns() - start


@entry(2)
def fill_through_ring(address, bits):
    m = machine_at(address)
    m.nr_timeouts = 0
    m.stale_timeouts = 0
    start = monotonic_ns()
    for first in range(0, 1 << bits, BATCH):
        for k in range(first, first + BATCH):
            where = address + WORDS_OFFSET + 8 * k
            store_64(where, word_of(k, 0))
            post(m, 0, deadline_of(k, 0), where, word_of(k, 0), -1)
        take_messages(m)
    return monotonic_ns() - start


@entry(2)
def post_only(address, bits):
    """The sender's share: the timekeeper's turns are not timed."""
    m = machine_at(address)
    taken_ns = 0
    for first in range(0, 1 << bits, BATCH):
        start = monotonic_ns()
        for k in range(first, first + BATCH):
            where = address + WORDS_OFFSET + 8 * k
            store_64(where, word_of(k, 0))
            post(m, 0, deadline_of(k, 0), where, word_of(k, 0), -1)
        taken_ns += monotonic_ns() - start
        m.nr_timeouts = 0
        take_messages(m)
    return taken_ns


@hot
def cancel(m, address, k, round_number):
    where = address + WORDS_OFFSET + 8 * k
    if compare_exchange_64(where, word_of(k, round_number), 0):
        count_stale(m, word_of(k, round_number))


@entry(3)
def cancel_some(address, bits, count):
    """The waker's share, of time-outs in an order that is not the heap's."""
    m = machine_at(address)
    start = monotonic_ns()
    for k in range(count):
        cancel(m, address, shuffled(k, bits), 0)
    return monotonic_ns() - start


@entry(1)
def compact_once(address):
    m = machine_at(address)
    start = monotonic_ns()
    compact(m)
    return monotonic_ns() - start


@entry(3)
def renew(address, bits, through_ring):
    """Each pending time-out once: cancelled, and one with another deadline set; compacted when due."""
    m = machine_at(address)
    start = monotonic_ns()
    for first in range(0, 1 << bits, BATCH):
        for k in range(first, first + BATCH):
            chosen = shuffled(k, bits)
            where = address + WORDS_OFFSET + 8 * chosen
            cancel(m, address, chosen, 0)
            store_64(where, word_of(chosen, 1))
            if through_ring:
                post(m, 0, deadline_of(chosen, 1), where, word_of(chosen, 1), -1)
            else:
                add_entry(m, deadline_of(chosen, 1), where, word_of(chosen, 1), -1)
        if through_ring:
            take_messages(m)
        if is_fragmented(m):
            compact(m)
    return monotonic_ns() - start


@entry(1)
def expire_all(address):
    m = machine_at(address)
    start = monotonic_ns()
    while expire_due(m, TIMEKEEPER):
        pass
    return monotonic_ns() - start


@entry(2)
def nap_on_host(address, microseconds):
    start = monotonic_ns()
    host_sleep_us(microseconds)
    return monotonic_ns() - start - microseconds * 1000


# --- the three things that are compared ----------------------------------------------------------------


class Pending:
    """A bare machine with 1 << bits time-outs; each `run` gives {operation: ns each}."""

    def __init__(self, bits, through_ring):
        self.bits, self.count, self.through_ring = bits, 1 << bits, through_ring
        self.bare = BareMachine()
        self.address, self.machine = self.bare.address, self.bare.machine

    def run(self):
        count, base, bits = self.count, self.address, self.bits
        fill = fill_through_ring if self.through_ring else fill_alone
        figures = {}
        if self.through_ring:
            figures["post"] = post_only(base, bits) / count
        figures["insert"] = fill(base, bits) / count
        compactions = int(self.machine["compactions"])
        figures["renewed: cancel and insert"] = renew(base, bits, self.through_ring) / count
        figures["compactions"] = int(self.machine["compactions"]) - compactions
        expired = int(self.machine["timeouts_expired"])
        figures["expire"] = expire_all(base) / count
        if int(self.machine["timeouts_expired"]) - expired != count or self.machine["nr_timeouts"]:
            raise RuntimeError("time-outs were lost")
        fill(base, bits)
        some = count * COMPACT_PERCENT // 100
        figures["cancel"] = cancel_some(base, bits, some) / some
        if self.machine["stale_timeouts"] != some:
            raise RuntimeError("cancelled time-outs were not counted")
        figures["compact, an entry"] = compact_once(base) / count
        return figures

    def close(self):
        self.machine = None
        self.bare.close()


def run_heapq(deadlines):
    """The same with Python's heap: {operation: ns each}."""
    count = len(deadlines)
    heap, valid = [], {}

    def set_timeout(k, deadline):
        entry_ = [deadline, k, True]
        valid[k] = entry_
        heapq.heappush(heap, entry_)

    def timed(function):
        start = time.perf_counter_ns()
        function()
        return (time.perf_counter_ns() - start) / count

    def fill():
        for k, deadline in enumerate(deadlines):
            set_timeout(k, deadline)

    def renew_all():
        for k in range(count):
            valid[k][2] = False
            set_timeout(k, deadlines[k - 1])

    def expire():
        left = count
        while left:
            left -= heapq.heappop(heap)[2]

    gc.disable()  # it would count the same lists again and again
    try:
        return {"insert": timed(fill), "renewed: cancel and insert": timed(renew_all), "expire": timed(expire)}
    finally:
        gc.enable()


def pending_time_outs(bench, bits):
    deadlines = [1 + ((k * 0x9E3779B97F4A7C1) % 2**64 >> 13 & 0xFFFFFFFFF) for k in range(1 << bits)]
    alone, ring = Pending(bits, False), Pending(bits, True)
    try:
        results = interleave(
            bench.rounds,
            {"heap alone": alone.run, "with the ring": ring.run, PEER: lambda: run_heapq(deadlines)},
        )
    finally:
        alone.close()
        ring.close()
    rows = []
    for part, runs in results.items():
        for what in runs[0]:
            figures = spread([run[what] for run in runs])
            if what == "compactions":
                bench.row(part=part, what=what, count=figures)
                continue
            goal = {"insert": GOAL_NS, "renewed: cancel and insert": 2 * GOAL_NS}.get(what) if part != PEER else None
            bench.row(part=part, what=what, ns=figures, goal_ns=goal)
            rows.append((part, what, with_range(figures), goal or ""))
    bench.table(f"{1 << bits:,} pending time-outs", ("", "operation", "ns each", "goal ns"), rows)


def oversleeping(bench, naps):
    with Booted(1) as one, Booted(2) as two:
        contenders = {
            "emu, 1 CPU": lambda: guest_naps(one, naps),
            "emu, 2 CPUs": lambda: guest_naps(two, naps),
            "emu, 1 CPU, slack 1 ns": lambda: guest_naps(one, naps, 1),
            "host nanosleep": lambda: [nap_on_host(0, NAP_US) for _ in range(naps)],
        }
        results = interleave(bench.rounds, contenders)
    rows = []
    for what, runs in results.items():
        late = [ns for run in runs for ns in run]
        row = bench.row(part="oversleeping", what=what, samples=len(late), min_ns=min(late))
        row["p50_ns"], row["p99_ns"] = percentile(late, 0.5), percentile(late, 0.99)
        rows.append((what, *(f"{row[k] / 1000:,.1f}" for k in ("min_ns", "p50_ns", "p99_ns"))))
    bench.table(f"Oversleeping of naps of {NAP_US} µs", ("", "least µs", "p50 µs", "p99 µs"), rows)
    bench.note("A guest's deadline is rounded up to a multiple of its slack: 50 µs, as the host's.")


def guest_naps(emu, naps, slack_ns=0):
    return [int(line) for line in emu.run("naps", naps, NAP_US, slack_ns).output.split()]


@benchmark("timeouts", rounds=5)
def main(bench):
    """What does a time-out cost with a million pending, and how late does nanosleep return?"""
    pending_time_outs(bench, 12 if bench.quick else PENDING_BITS)
    oversleeping(bench, 20 if bench.quick else 500)


if __name__ == "__main__":
    main()
