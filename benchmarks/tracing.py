"""What does tracing everything cost a guest, and are events lost?

Two guests, on machines of one and of two CPUs that stay booted, one recording every event to a file and one recording
nothing, in turns: a hackbench (groups of processes that send each other messages through pipes) and one whose threads
take locks all the time.  The recorder is a thread of the supervisor: with two CPUs on two cores it takes its time from
the CPUs.

python benchmarks/tracing.py [--rounds N] [--quick]
"""

import os
import tempfile
from pathlib import Path

from common import benchmark, interleave, spread, with_range
from guest_runs import Booted

# guest: (arguments at full size, at the smallest)
GUESTS = {
    "hackbench": (("processes", "hackp", 400, 2), ("processes", "hackp", 1, 1)),
    "locks": (("locking", 4, 200_000), ("locking", 2, 300)),
}
AIMS = {1: 1.10, 2: 1.25}


def recorded(machine):
    """(events so far, those that were dropped)."""
    cpus = machine.window.machine["cpus"]
    return int(cpus["events_head"].sum()), int(cpus["events_lost"].sum())


@benchmark("tracing", rounds=9)
def main(bench):
    """What does tracing everything cost a guest, and are events lost?"""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for cpus in (1, 2):
            path = Path(folder) / f"{cpus}.trace"
            with Booted(cpus) as plain, Booted(cpus, trace=path) as traced:
                for guest, (full, small) in GUESTS.items():
                    rows.append(measure(bench, cpus, guest, plain, traced, small if bench.quick else full))
            os.unlink(path)
    columns = ("guest", "CPUs", "s without", "s with", "ratio", "aim", "events/s", "lost")
    bench.table("Tracing everything", columns, rows)


def measure(bench, cpus, guest, plain, traced, program):
    before, lost_before = recorded(traced.machine)
    taken = interleave(
        bench.rounds, {"without": lambda: plain.run(*program).wall_s, "with": lambda: traced.run(*program).wall_s}
    )
    events, lost = recorded(traced.machine)
    without, with_trace = spread(taken["without"]), spread(taken["with"])
    row = bench.row(
        guest=guest, cpus=cpus, without_s=without, with_s=with_trace,
        ratio=with_trace["median"] / without["median"], aim=AIMS[cpus],
        events=events - before, lost=lost - lost_before,
        events_per_s=(events - before) / (bench.rounds + 1) / with_trace["median"],
    )  # fmt: skip
    return (
        guest, cpus, with_range(without, digits=3), with_range(with_trace, digits=3), f"{row['ratio']:.2f}", row["aim"],
        f"{row['events_per_s']:,.0f}", f"{row['lost']:,}",
    )  # fmt: skip


if __name__ == "__main__":
    main()
