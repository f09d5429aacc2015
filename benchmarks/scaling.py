"""How does throughput grow with the number of emulated CPUs?

The same work, by as many threads as the largest machine has CPUs, on machines of 1, 2, …
2 × host cores CPUs that are all booted and take turns; then 32 CPUs beside 2 with 32
threads, which shows what many more CPUs than cores cost.  `independent` threads share
nothing; `locking` threads take one mutex, after 100 (hard contention) or 1000 private steps of
three instructions.  Time is the guest's, from spawn to exit.  Peer: qemu-riscv64 with
the same program, pinned to as many cores as CPUs.

Speed-up is against the median on one CPU; efficiency is speed-up over min(CPUs, cores).

python benchmarks/scaling.py [--rounds N] [--scale X] [--many N] [--quick]
"""

from contextlib import ExitStack

import click
import psutil
from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range
from guest_runs import Booted, run_peer

# What runs: (guest, iterations of all threads together, further arguments).
WORK = {
    "independent": ("independent", 40_000_000),
    "locking, 100 steps between": ("locking", 800_000, 100),
    "locking, 1000 steps between": ("locking", 100_000, 1000),
}
FEW = 2


def program_of(work, threads, scale):
    """A guest and its arguments, for this many threads."""
    guest, iterations, *further = WORK[work]
    return guest, threads, max(1, int(iterations * scale) // threads), *further


@benchmark("scaling", rounds=5)
@click.option("--scale", default=1.0, show_default=True, help="Multiplies the guests' work.")
@click.option("--many", default=32, show_default=True, help="CPUs of the crowded machine.")
@click.option("--policy", default="inko", show_default=True)
def main(bench, scale, many, policy):
    """How does throughput grow with the number of emulated CPUs?"""
    scale = scale * 0.02 if bench.quick else scale
    many = min(many, 4) if bench.quick else many
    cores = psutil.Process().cpu_affinity()
    sizes = list(range(1, 2 * len(cores) + 1)) if len(cores) <= 4 else powers_of_two(2 * len(cores))
    with ExitStack() as stack:
        machines = {n: stack.enter_context(Booted(n, policy=policy)) for n in sorted({*sizes, FEW, many})}
        for work in WORK:
            grow(bench, work, {n: machines[n] for n in sizes}, cores, scale)
        for work in WORK:
            crowd(bench, work, machines[FEW], machines[many], many, scale)


def powers_of_two(limit):
    return [1 << k for k in range(limit.bit_length()) if 1 << k <= limit]


def grow(bench, work, machines, cores, scale):
    program = program_of(work, max(machines), scale)
    contenders = {("emu", n): lambda m=m: m.run(*program) for n, m in machines.items()}
    if installed(QEMU):
        for n in machines:
            if n <= len(cores):
                contenders[QEMU, n] = lambda n=n: run_peer(QEMU, *program, cores=cores[:n])
    results = interleave(bench.rounds, contenders)
    check_outputs(work, results)
    times = {key: spread([run.wall_s for run in runs]) for key, runs in results.items()}
    rows = []
    for (name, n), wall in times.items():
        speed_up = times[name, 1]["median"] / wall["median"]
        row = bench.row(
            work=work, emulator=name, cpus=n, threads=program[1], wall_s=wall,
            speed_up=speed_up, efficiency=speed_up / min(n, len(cores)),
        )  # fmt: skip
        if name == "emu":
            row["mips"] = spread([r.instructions / r.wall_s / 1e6 for r in results[name, n]])["median"]
            row["migrations"] = spread([r.migrations for r in results[name, n]])["median"]
        rows.append(cells(row))
    if not installed(QEMU):
        bench.row(work=work, emulator=QEMU, status=NOT_INSTALLED)
        rows.append((f"{QEMU}: {NOT_INSTALLED}", *[""] * 6))
    columns = ("emulator", "CPUs", "wall s", "speed-up", "efficiency", "MIPS together", "migrations")
    bench.table(f"{work}; {program[1]} threads", columns, rows)


def crowd(bench, work, few, many, size, scale):
    program = program_of(work, size, scale)
    results = interleave(bench.rounds, {FEW: lambda: few.run(*program), size: lambda: many.run(*program)})
    check_outputs(work, results)
    times = {n: spread([run.wall_s for run in runs]) for n, runs in results.items()}
    ratio = times[FEW]["median"] / times[size]["median"]
    bench.row(
        work=work, emulator="emu", threads=size, few=FEW, many=size, wall_s_few=times[FEW], wall_s_many=times[size],
        throughput_ratio=ratio,
    )  # fmt: skip
    bench.note(
        f"{work}; {size} threads: {FEW} CPUs {with_range(times[FEW], digits=3)} s, "
        f"{size} CPUs {with_range(times[size], digits=3)} s: total throughput × {ratio:.2f}"
    )


def check_outputs(work, results):
    outputs = {run.output for runs in results.values() for run in runs}
    if len(outputs) != 1:
        raise click.ClickException(f"{work}: the runs disagree: {outputs}")


def cells(row):
    return (
        row["emulator"], row["cpus"], with_range(row["wall_s"], digits=3), f"{row['speed_up']:.2f}",
        f"{row['efficiency']:.0%}", f"{row['mips']:,.0f}" if "mips" in row else "", row.get("migrations", ""),
    )  # fmt: skip


if __name__ == "__main__":
    main()
