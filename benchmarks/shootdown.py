"""How long does a thread wait when it takes a page's permission away and others may have used it?

One thread of a task calls mprotect again and again; each call returns when no CPU can use the old translation.  The
task's other threads are bound to a CPU each: asleep (nobody is in guest code, nobody need be waited for), or in guest
code all the time.  With more CPUs than host cores most of those are off their core, and each has to run once.

python benchmarks/shootdown.py [--cpus N,N…] [--count N] [--rounds N] [--quick]
"""

import click
from common import benchmark, interleave, percentile, spread, with_range
from guest_runs import Booted

OTHERS = {"asleep": 0, "in guest code": 1}


@benchmark("shootdown", rounds=5)
@click.option("--cpus", default="2,32", show_default=True, metavar="N,N…", help="Sizes of machines.")
@click.option("--count", default=100, show_default=True, metavar="N", help="Calls in a run.")
def main(bench, cpus, count):
    """How long does a thread wait when it takes a page's permission away and others may have used it?"""
    count = min(count, 20) if bench.quick else count
    rows = []
    for n in map(int, cpus.split(",")):
        with Booted(n) as machine:
            runs = {
                name: lambda spin=spin, n=n, machine=machine: machine.run("remap", n - 1, count, spin)
                for name, spin in OTHERS.items()
            }
            results = interleave(bench.rounds, runs)
        for name, each in results.items():
            times = [sorted(map(int, run.output.split())) for run in each]
            middle, late = spread([percentile(t, 0.5) for t in times]), spread([percentile(t, 0.99) for t in times])
            bench.row(cpus=n, others=name, p50_ns=middle, p99_ns=late)
            rows.append((n, name, with_range(middle, 1e-3), with_range(late, 1e-3)))
    bench.table("mprotect, µs", ("CPUs", "the others are", "p50", "p99"), rows)


if __name__ == "__main__":
    main()
