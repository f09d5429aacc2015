"""How much sooner is an unbalanced fork-join done under a policy that migrates?

One thread forks a few long threads of equal work and joins them, under `random`, which places each on a CPU
when it is forked and never moves it, and under a policy that steals.  What is measured is placement alone: nothing
blocks, nothing shares, the threads are much longer than a time slice, so the makespan is that of the CPU with
the most threads.  Every seed is another placement; the two policies take turns over the same seeds.

Two cases.  Born on one CPU: the forking thread is bound to CPU 0, so its children start there, and the first
thing each does is to let itself run everywhere; `random` leaves all of them where they are, and takes as many
times as long as there are CPUs.  Placed by chance: nobody is bound.

What chance can give: of four threads on two CPUs, 2, 3 or 4 are on the busier one with chances 6, 8 and 2 of 16,
so `random` takes 1.0, 1.5 or 2.0 times as long as a perfect balance: 1.5 in the median and 1.375 in the mean.
No choice of lengths gives more than 1.5 in mean or median on two CPUs (two equal threads: 1 or 2, half and half).
The distribution is therefore printed, beside what chance says, and the ratio where `random` was unlucky.

Two ratios: of makespans, which is what one waits for and what a host that is busy otherwise blurs (where
its cores are shared, an idle CPU leaves its share to the busy one), and of the work of the busiest CPU, in
instructions, to that of a perfect balance, which depends on placement alone.

python benchmarks/balance.py [--rounds SEEDS] [--cpus N] [--policy P] [--threads N] [--work-ms T] [--quick]
"""

import json
import statistics
from itertools import product

import click
from common import benchmark, interleave, spread, with_range

from emu.machine.warmup import ensure_warm
from emu.workload.read import parse_workload
from emu.workload.run import run_workload

FIXED = "random"
BORN, CHANCE = "born on one CPU", "placed by chance"
LIMIT_S = 120
MAX_PLACEMENTS = 1 << 16


def fork_join(threads, work_ms, bound):
    """One thread, with the fields `bound`, that forks `threads` equal unbound ones and joins them."""
    part = {"name": "part", "instances": threads, "phases": [{"run": work_ms * 1000}]}
    main = {"name": "main", **bound, "phases": [{"fork": "part"}, {"join": "part"}]}
    return parse_workload(json.dumps({"threads": [main, part]}), "fork-join")


@benchmark("balance", rounds=31)
@click.option("--cpus", default=2, show_default=True, help="CPUs of each machine.")
@click.option("--policy", default="inko", show_default=True, help="The policy that migrates.")
@click.option("--threads", default=4, show_default=True, help="Forked threads.")
@click.option("--work-ms", default=100, show_default=True, help="Nominal CPU time of each.")
def main(bench, cpus, policy, threads, work_ms):
    """How much sooner is an unbalanced fork-join done under a policy that migrates?"""
    ensure_warm()
    if bench.quick:
        work_ms /= 5
    cases = {BORN: ({"affinity": [0]}, {min(cpus, threads): 1.0}), CHANCE: ({}, expected(cpus, threads))}
    for case, (bound, chances) in cases.items():
        rows = measure(bench, case, fork_join(threads, work_ms, bound), cpus, policy)
        compare(bench, case, *rows, chances)


def measure(bench, case, workload, cpus, policy):
    """Run a workload under both policies in turns, the same seeds for both; their two rows."""
    seeds = {name: iter(range(1, bench.rounds + 1)) for name in (FIXED, policy)}

    def once(name):
        result, report = run_workload(workload, cpus, name, seed=next(seeds[name]), limit_s=LIMIT_S, quiet=True)
        work = [cpu.instructions for cpu in report.cpus]
        return result.makespan_ns / 1e9, report.migrations, max(work) / (sum(work) / cpus)

    runs = interleave(bench.rounds, {name: lambda n=name: once(n) for name in seeds}, warm_up=False)
    rows = []
    for name, found in runs.items():
        seconds, migrations, busiest = map(list, zip(*found, strict=True))
        row = bench.row(
            case=case, policy=name, cpus=cpus, makespan_s=spread(seconds), migrations=spread(migrations),
            busiest=spread(busiest), mean_s=statistics.mean(seconds), mean_busiest=statistics.mean(busiest),
            all_s=seconds, all_busiest=busiest,
        )  # fmt: skip
        rows.append(row)
    shown = []
    for row in rows:
        spreads = with_range(row["makespan_s"], digits=3), with_range(row["busiest"], digits=2)
        shown.append((row["policy"], *spreads, row["migrations"]["median"]))
    columns = ("policy", "makespan s", "busiest CPU's work ÷ balance", "migrations")
    bench.table(f"Fork and join on {cpus} CPUs, {case}", columns, shown)
    return rows


def compare(bench, case, fixed, moving, chances):
    """Ratios of the two policies, and how the loads of `random` are distributed beside what is expected."""
    ratios = [each / moving["makespan_s"]["median"] for each in fixed["all_s"]]
    unlucky = [ratio for ratio, load in zip(ratios, fixed["all_busiest"], strict=True) if load > 1.25]
    row = bench.row(
        case=case, ratio_of_medians=statistics.median(ratios), ratio_of_means=fixed["mean_s"] / moving["mean_s"],
        work_ratio_of_medians=fixed["busiest"]["median"] / moving["busiest"]["median"],
        work_ratio_of_means=fixed["mean_busiest"] / moving["mean_busiest"],
        unlucky_share=len(unlucky) / len(ratios), ratio_when_unlucky=statistics.median(unlucky) if unlucky else None,
        expected_mean=sum(load * chance for load, chance in chances.items()) if chances else None,
    )  # fmt: skip
    if len(chances) > 1:
        lines = []
        for load, chance in chances.items():
            nearest = [x for x in fixed["all_busiest"] if min(chances, key=lambda c, x=x: abs(c - x)) == load]
            measured = f"{len(nearest) / len(ratios):.0%}"
            lines.append((f"{load:.2f} times", f"{chance:.0%}", measured, "█" * len(nearest)))
        bench.table(f"{FIXED}: the busiest CPU's work", ("of a balance", "by chance", "measured", "seeds"), lines)
    bench.note(
        f"{case}: {FIXED} takes {row['ratio_of_medians']:.2f} times as long in the median, "
        f"{row['ratio_of_means']:.2f} in the mean"
    )
    if len(chances) > 1 and unlucky:
        bench.note(f"in the {row['unlucky_share']:.0%} unlucky seeds {row['ratio_when_unlucky']:.2f} times")
    bench.note(
        f"its busiest CPU does {row['work_ratio_of_medians']:.2f} times the work in the median, "
        f"{row['work_ratio_of_means']:.2f} in the mean"
        + (f"; against a perfect balance {row['expected_mean']:.2f} is expected in the mean" if chances else "")
    )


def expected(cpus, threads):
    """{makespan of a random placement over that of a perfect balance: its chance}, by trying all."""
    if cpus**threads > MAX_PLACEMENTS:
        return {}
    counts = {}
    for placement in product(range(cpus), repeat=threads):
        busiest = max(placement.count(cpu) for cpu in range(cpus))
        counts[busiest] = counts.get(busiest, 0) + 1
    best = max(threads / cpus, 1)
    return {busiest / best: count / cpus**threads for busiest, count in sorted(counts.items())}


if __name__ == "__main__":
    main()
