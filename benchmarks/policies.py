"""How do the built-in policies do at four kinds of work?

The mixes (benchmarks/mixes): `batch` computes, `interactive` sleeps and answers beside threads that compute
for ever, `forkjoin` forks threads of unequal work and joins them, `locks` waits for one another.  Each run
has a machine of its own; policies take turns; the work and the seed are the same for all.  What the columns
mean: `emu compare --help`.

An interactive run ends when its answering threads have done their turns, so its makespan is made of latencies,
and its throughput is mostly that of the computing threads.  A policy that fails or does not end is a row that says so.

python benchmarks/policies.py [--rounds N] [--cpus N] [--policies A,B] [--mixes A,B] [--seed S] [--quick]
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from common import benchmark, interleave

from emu import MachineError
from emu.actor.policies import BUILTIN
from emu.machine.warmup import ensure_warm
from emu.workload.read import read_workload
from emu.workload.run import figures, medians, run_workload

MIXES = Path(__file__).parent / "mixes"
LIMIT_S = 60
QUICK = 0.02
COLUMNS = (
    "policy", "makespan ms", "work ms/s", "latency p50 µs", "p99 µs", "fairness", "switches", "migrations", "steals",
)  # fmt: skip


@benchmark("policies", rounds=5)
@click.option("--cpus", default=2, show_default=True, help="CPUs of each machine.")
@click.option("--policies", "names", default=",".join(BUILTIN), show_default=True, help="Built-in ones, or files.")
@click.option("--mixes", default="batch,interactive,forkjoin,locks", show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(bench, cpus, names, mixes, seed):
    """How do the built-in policies do at four kinds of work?"""
    ensure_warm()
    for mix in mixes.split(","):
        workload = read_workload(MIXES / f"{mix}.json")
        if bench.quick:
            workload.threads = [replace(t, phases=shortened(t.phases)) for t in workload.threads]
        contenders = {name: partial(attempt, workload, name, cpus, seed) for name in names.split(",")}
        rows = [row_of(bench, mix, name, runs) for name, runs in interleave(bench.rounds, contenders, False).items()]
        bench.table(f"{mix}; {cpus} CPUs", COLUMNS, [cells(row) for row in rows])


def shortened(phases):
    """A fraction of the turns of the outermost loops."""
    return tuple(
        replace(p, value=max(1, int(p.value * QUICK))) if p.kind == "loop" and p.value > 0 else p for p in phases
    )


def attempt(workload, policy, cpus, seed):
    """The figures of one run, or why there are none."""
    try:
        return figures(*run_workload(workload, cpus, policy, seed=seed, limit_s=LIMIT_S, quiet=True))
    except MachineError as error:
        return str(error)


def row_of(bench, mix, policy, runs):
    failures = [run for run in runs if isinstance(run, str)]
    if failures:
        return bench.row(mix=mix, policy=policy, status=failures[0], failed=len(failures), runs=len(runs))
    return bench.row(mix=mix, policy=policy, **medians(runs), runs=runs)


def cells(row):
    if "status" in row:
        return (f"{row['policy']}: {row['status']}", *[""] * (len(COLUMNS) - 1))
    return (
        row["policy"], number(row["makespan_ns"], 1e6), number(row["throughput_ms_per_s"]), number(row["p50_ns"], 1e3),
        number(row["p99_ns"], 1e3), "" if row["fairness"] is None else f"{row['fairness']:.3f}",
        *(number(row[what]) for what in ("switches", "migrations", "steals")),
    )  # fmt: skip


def number(value, unit=1.0):
    return "" if value is None else f"{value / unit:,.0f}"


if __name__ == "__main__":
    main()
