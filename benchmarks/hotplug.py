"""How long does it take to add a CPU to a machine under load, and to remove one, and is anything lost?

Guests that compute, lock and sleep run all the while.  CPUs are added and removed at random (by a seed) until
each was done so often; afterwards every guest must have the right result, and the trace, where one is asked for,
must pass its checker.

python benchmarks/hotplug.py [--times N] [--seed S] [--policy NAME] [--quick]
"""

import os
import random
import time

import click
from common import benchmark, percentile

from emu import Machine
from emu.shm.cpumask import to_int

MOST = 4  # CPUs at a time
GUESTS = {
    "primes": (("primes", 100_000, 4), "9592 primes below 100000\n"),
    "locking": (("locking", 4, 4_000, 20), "total 16000\n"),
    "sleepers": (("sleepers", 8, 20), "8 woke\n"),
}


def change(machine, rand, times, load):
    """Add and remove until each was done `times` times; seconds that each took."""
    added, removed = [], []
    while len(added) < times or len(removed) < times:
        load()
        online = [k for k in range(MOST) if to_int(machine.window.machine["online"]) >> k & 1]
        add = len(online) == 1 or (len(online) < MOST and rand.random() < 0.5)
        start = time.perf_counter()
        if add:
            machine.add_cpu()
        else:
            machine.remove_cpu(rand.choice(online))
        (added if add else removed).append(time.perf_counter() - start)
    return added, removed


@benchmark("hotplug", rounds=1)
@click.option("--times", type=click.IntRange(1), help="Adds, and removals (200).")
@click.option("--seed", default=1, show_default=True)
@click.option("--policy", default="inko", show_default=True)
def main(bench, times, seed, policy):
    """How long does it take to add a CPU to a machine under load, and to remove one, and is anything lost?"""
    times = times or (3 if bench.quick else 200)
    output, rand, jobs = os.memfd_create("output"), random.Random(seed), []
    with Machine(2, policy, seed=seed, stdout=output, quiet=True) as machine:

        def load():
            """Keep guests of each kind running, within what jobs a machine can have."""
            running = {name for name, job in jobs if not job.done}
            for name, (command, _) in GUESTS.items():
                if name not in running and len(jobs) < 240:
                    jobs.append((name, machine.spawn(*command)))

        added, removed = change(machine, rand, times, load)
        report = machine.run(limit_s=300)
    text = os.pread(output, 1 << 24, 0).decode()
    wrong = [name for name, job in jobs if job.exit_status != 0]
    for name, (_, line) in GUESTS.items():
        if text.count(line) != sum(1 for other, _ in jobs if other == name):
            wrong.append(f"output of {name}")
    lost = report.threads_created - report.threads_exited
    rows = []
    for what, seconds in (("add", added), ("remove", removed)):
        p50, p99 = percentile(seconds, 0.5) * 1e3, percentile(seconds, 0.99) * 1e3
        bench.row(what=what, times=len(seconds), p50_ms=p50, p99_ms=p99)
        rows.append((what, len(seconds), f"{p50:.1f}", f"{p99:.1f}"))
    bench.row(what="check", jobs=len(jobs), wrong=wrong, threads=report.threads_created, lost=lost, leaks=report.leaks)
    bench.table(f"CPUs under load, policy {policy}, seed {seed}", ("what", "times", "p50 ms", "p99 ms"), rows)
    bench.note(
        f"{len(jobs)} guests, {report.threads_created:,} threads, {report.migrations:,} migrations; "
        f"wrong results: {len(wrong)}, threads lost: {lost}, leaked: {len(report.leaks)}"
    )
    os.close(output)
    if wrong or lost or report.leaks or report.failure:
        raise click.ClickException(f"something was lost: {wrong} {lost} {report.leaks} {report.failure}")


if __name__ == "__main__":
    main()
