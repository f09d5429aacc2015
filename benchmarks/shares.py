"""What share of a CPU does each thread get, beside what its policy promises?

Threads of the guest `independent` on one CPU, each with a nice value of its own, which this program writes
into their records; after they have settled, the time that each ran (runtime_ns) in a span of host time.
codezero promises priority / total of priorities, eevdf weight / total of weights.

python benchmarks/shares.py [--rounds N] [--seconds S] [--policy NAME] [--quick]
"""

import time

import click
from common import benchmark, interleave, spread
from guest_runs import TIMEOUT_S, Booted

from emu.kernel.thread.states import RUNNABLE, RUNNING, WHERE
from emu.policies import codezero, eevdf

NICE = (-20, -10, 0, 0, 10)
ENDLESS = 1 << 38  # iterations: the job is killed


def promised(policy, nice):
    """What a nice value weighs under a policy."""
    if policy == "eevdf":
        return eevdf.WEIGHTS[nice + 20]
    bounds = ((-15, codezero.PAGER), (-5, codezero.SERVER), (4, codezero.NORMAL), (19, codezero.LOW))
    return next(priority for bound, priority in bounds if nice <= bound)


def shares_of(policy, seconds):
    """The share of all time run that each thread had, in the order of NICE."""
    with Booted(1, policy=policy) as booted:
        machine = booted.machine
        threads = machine.window.machine["threads"]
        job = machine.spawn("independent", len(NICE), ENDLESS)
        end = time.monotonic() + TIMEOUT_S
        active = []
        while len(active) < len(NICE):
            if time.monotonic() > end:
                raise RuntimeError("the guest's threads do not start")
            time.sleep(0.01)
            state = WHERE.get(threads["where"], "state")
            active = [i for i in range(64) if state[i] in (RUNNABLE, RUNNING)]
        for i, nice in zip(active, NICE, strict=True):
            threads["nice"][i] = nice
        time.sleep(min(seconds, 2))
        before = threads["runtime_ns"][active].tolist()
        time.sleep(seconds)
        ran = [after - b for after, b in zip(threads["runtime_ns"][active].tolist(), before, strict=True)]
        machine.kill(job)
        while not job.done:
            time.sleep(0.01)
    return [r / sum(ran) for r in ran]


@benchmark("shares", rounds=3)
@click.option("--policy", type=click.Choice(["codezero", "eevdf"]), help="One alone (default both).")
@click.option("--seconds", type=float, default=10, show_default=True, help="Host time that a run is looked at.")
def main(bench, policy, seconds):
    """What share of a CPU does each thread get, beside what its policy promises?"""
    policies = [policy] if policy else ["codezero", "eevdf"]
    seconds = min(seconds, 0.5) if bench.quick else seconds
    contenders = {name: lambda name=name: shares_of(name, seconds) for name in policies}
    results = interleave(bench.rounds, contenders, warm_up=False)
    rows = []
    for name, runs in results.items():
        total = sum(promised(name, nice) for nice in NICE)
        for k, nice in enumerate(NICE):
            wanted = promised(name, nice) / total
            share = spread([run[k] for run in runs])
            bench.row(policy=name, nice=nice, promised=wanted, share=share, off=share["median"] / wanted - 1)
            got = f"{share['median']:.2%} ({share['min']:.2%}–{share['max']:.2%})"
            rows.append((name, nice, f"{wanted:.2%}", got, f"{share['median'] / wanted - 1:+.2%}"))
    bench.table(f"Threads on one CPU, over {seconds:g} s", ("policy", "nice", "promised", "had", "off by"), rows)


if __name__ == "__main__":
    main()
