"""What do threads cost that wait by spinning with sched_yield, when there are more CPUs than host cores?

In each round one thread works and seven wait for it.  A CPU whose thread yields and finds nothing else to run gives its
host core to another process, so that those who wait do not take the core from the one who works.

python benchmarks/spin_yield.py [--rounds N] [--quick]
"""

import contextlib

from common import benchmark, interleave, spread, with_range
from guest_runs import Booted

THREADS, CPUS, AIM = 8, (2, 8), 3.0


@benchmark("spin_yield", rounds=7)
def main(bench):
    """Threads that spin with sched_yield on more CPUs than host cores: what is their time against that on 2 CPUs?"""
    work = (THREADS, 40, 20_000) if bench.quick else (THREADS, 400, 200_000)
    with contextlib.ExitStack() as stack:
        machines = {cpus: stack.enter_context(Booted(cpus)) for cpus in CPUS}
        runs = {cpus: (lambda on=machines[cpus]: on.run("spinwait", *work).wall_s) for cpus in CPUS}
        results = interleave(bench.rounds, runs)
    rows = []
    for cpus in CPUS:
        times = [a / b for a, b in zip(results[cpus], results[CPUS[0]], strict=True)]
        bench.row(cpus=cpus, wall_s=spread(results[cpus]), times=spread(times), aim=AIM)
        rows.append((str(cpus), with_range(spread(results[cpus]), digits=3), with_range(spread(times)), str(AIM)))
    bench.table("One works, seven spin with sched_yield", ("CPUs", "wall s", "times 2 CPUs", "at most"), rows)


if __name__ == "__main__":
    main()
