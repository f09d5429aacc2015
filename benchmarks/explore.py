"""How many schedules does it take to find the bugs of 38 small programs, and how many does emu play in a second?

The programs (benchmarks/shapes/, our own sources) have the shapes of those by which the field compares its algorithms:
Thomson, Donaldson, Betts: Concurrency Testing Using Controlled Schedulers (TOPC 2016).  A trial has a seed of its own
and a limit of schedules; a bug is found when a schedule ends other than by exit status 0.

python benchmarks/explore.py [--strategies LIST] [--only NAMES] [--limit N] [--rounds N] [--quick]
"""

import math
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import click
from common import benchmark

from emu.explore.campaign import Campaign, Plan, prepared
from emu.guests.build import GUESTS, compile_unstripped

SHAPES = Path(__file__).parent / "shapes"
LIMIT = 10_000
INSTRUCTIONS = (10_000, 100_000)  # of the programs by which the speed is told
QUICK = ("lazy01", "deadlock01", "stack")


@dataclass(frozen=True)
class Shape:
    name: str
    source: str
    arguments: tuple = ()
    flags: tuple = ()


def _family(name, values, source=None):
    return [Shape(f"{name}_{n}", source or name, (str(n),)) for n in values]


PROGRAMS = [
    *(
        Shape(name, name)
        for name in ("account", "arithmetic", "bluetooth", "carter01", "circular_buffer", "deadlock01")
    ),
    *_family("din_phil", range(2, 8)),
    *(Shape(name, name) for name in ("fsbench", "lazy01", "phase01", "queue")),
    *_family("reorder", (3, 4, 5, 10, 20)),
    *(Shape(name, name) for name in ("stack", "sync01", "sync02", "token_ring")),
    *_family("twostage", (2, 20, 100)),
    Shape("wronglock_3", "wronglock", ("3",)),
    Shape("wronglock_7", "wronglock", ("7",)),
    Shape("wsq", "work_queue"),
    Shape("wsq_state", "work_queue", flags=("-DSTATE",)),
    Shape("iwsq", "work_queue", flags=("-DINTERLOCKED",)),
    Shape("iwsq_state", "work_queue", flags=("-DINTERLOCKED", "-DSTATE")),
    *(Shape(name, name) for name in ("bbuf", "ctrace", "stringbuffer", "safestack")),
]


def build(shape, folder):
    """The path of a shape's program."""
    program = Path(folder) / "-".join((shape.source, *shape.flags))
    if not program.exists():
        warnings = ("-Wno-sign-compare", "-Wno-unused-parameter", "-Wno-unused-function", "-Wno-unused-variable")
        flags = ("-g", "-O1", f"-I{GUESTS}", *warnings, *shape.flags)
        compile_unstripped(SHAPES / f"{shape.source}.c", program, *flags)
    return str(program)


def trial(shape, program, strategy, seed, limit):
    """(schedules until the bug was found or None, schedules, seconds without the profile)."""
    with prepared(Plan(program, shape.arguments, seed=seed, strategy=strategy)) as (world, plan):
        campaign = Campaign(replace(plan), limit)
        began = time.perf_counter()
        campaign.play(world)
        failure = campaign.found.failure
        return failure and failure.number + 1, campaign.found.schedules, time.perf_counter() - began


@benchmark("explore", rounds=20)
@click.option("--strategies", default="portfolio", show_default=True, metavar="LIST", help="Apart by commas.")
@click.option("--only", metavar="NAMES", help="Of these programs, apart by commas.")
@click.option("--limit", default=LIMIT, show_default=True, help="Schedules of a trial.")
def main(bench, strategies, only, limit):
    """How many schedules does it take to find the bugs of small programs, and how many are played in a second?"""
    names = QUICK if bench.quick else only.split(",") if only else [shape.name for shape in PROGRAMS]
    shapes = [shape for shape in PROGRAMS if shape.name in names]
    with tempfile.TemporaryDirectory() as folder:
        for strategy in strategies.split(","):
            _find(bench, shapes, strategy, min(limit, 200) if bench.quick else limit, folder)
        _speed(bench, folder)


def _find(bench, shapes, strategy, limit, folder):
    rows, means = [], []
    for shape in shapes:
        program = build(shape, folder)
        trials = [trial(shape, program, strategy, seed, limit) for seed in range(bench.rounds)]
        needed = [found for found, _, _ in trials if found]
        played, seconds = sum(t[1] for t in trials), sum(t[2] for t in trials)
        mean = statistics.mean(found or limit for found, _, _ in trials)
        means.append(mean)
        bench.row(program=shape.name, strategy=strategy, trials=len(trials), found=len(needed), schedules=mean,
                  per_second=played / seconds)  # fmt: skip
        rows.append((shape.name, f"{len(needed)} of {len(trials)}", f"{mean:,.1f}", f"{played / seconds:,.0f}"))
    geometric = math.exp(statistics.mean(map(math.log, means)))
    every = sum(row[1] == f"{bench.rounds} of {bench.rounds}" for row in rows)
    rows.append((f"all {len(shapes)}", f"{every} in every trial", f"{geometric:,.1f} (geometric)", ""))
    bench.table(f"Bugs found by {strategy}, in {limit:,} schedules at most",
                ("program", "found", "schedules, mean", "schedules a second"), rows)  # fmt: skip


def _speed(bench, folder):
    rows, seconds = [], 0.2 if bench.quick else 3.0
    for instructions in INSTRUCTIONS:
        shape = Shape("busy", "busy", (str(instructions),))
        with prepared(Plan(build(shape, folder), shape.arguments, strategy="random")) as (world, plan):
            campaign = Campaign(plan, 1 << 40, seconds)
            campaign.play(world)
            retired = int(world.machine["cpus"][0]["instructions"])
            rate, events = campaign.found.per_second, campaign.found.events / campaign.found.schedules
        bench.row(instructions=instructions, per_second=rate, events=events, retired=retired)
        rows.append((f"{instructions:,}", f"{events:,.0f}", f"{rate:,.0f}"))
    bench.table("Schedules on one core", ("instructions", "events", "schedules a second"), rows)


if __name__ == "__main__":
    main()
