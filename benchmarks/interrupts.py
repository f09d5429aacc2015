"""How long does it take until a CPU that runs a guest takes an interrupt?

A guest keeps one CPU busy.  From another core an interrupt is posted at random moments, and the poster spins until the
CPU has taken it: translated code looks at its interrupt word when a slice is used up (isa/interpreter/heat.py),
interpreted code at each jump backward, indirect one or one into another page.  The guest has run before, so it is hot.
The poster keeps off the CPU's core: where both had one, it would spin until the host lets the CPU run.

python benchmarks/interrupts.py [--rounds N] [--quick]
"""

import contextlib
import os
import random
import time

import psutil
from common import benchmark, percentile
from guest_runs import Booted

from emu.hot import entry
from emu.limits import IPI_RESCHEDULE
from emu.shm.atomics import fetch_or, load_acquire, pause
from emu.shm.layout import machine_at
from emu.shm.memory import monotonic_ns

GUESTS = (("CoreMark-shaped", "bench_coremark", 3000), ("memory", "bench_mem", 20), ("integers", "bench_int", 12000))
MODES = (("interpreted", "off"), ("translated", "on"))
FOR_EVER = 1 << 40
GAPS_S = 0.0001, 0.0008
LATE_NS = 1_000_000_000


@entry(2)
def interrupt(address, cpu):
    """Post an interrupt to a CPU that runs; ns until it was taken."""
    c = machine_at(address).cpus[cpu]
    begin = monotonic_ns()
    fetch_or(c, "pending", IPI_RESCHEDULE)
    while load_acquire(c, "pending") & IPI_RESCHEDULE != 0 and monotonic_ns() - begin < LATE_NS:
        pause()
    return monotonic_ns() - begin


@benchmark("interrupts", rounds=3000)
def main(bench):
    """How long does it take until a CPU that runs a guest takes an interrupt?"""
    interrupt.compile()
    rows = []
    for guest, program, iterations in GUESTS:
        for how, mode in MODES:
            with Booted(1, translator=mode) as booted:
                booted.run(program, 1 if bench.quick else iterations)
                job = booted.machine.spawn(program, FOR_EVER)
                time.sleep(0.05 if bench.quick else 0.5)  # it has begun, and is hot
                with off_its_core():
                    us = sorted(taken(booted.machine.window.address) / 1000 for _ in range(bench.rounds))
                booted.machine.kill(job)
            row = bench.row(
                guest=guest, how=how, us={"p50": percentile(us, 0.5), "p99": percentile(us, 0.99), "most": us[-1]}
            )
            rows.append([guest, how, *(f"{figure:.2f}" for figure in row["us"].values())])
    bench.table("From the post until it is taken", ("guest", "how", "p50 µs", "p99 µs", "most µs"), rows)


@contextlib.contextmanager
def off_its_core():
    """This process keeps to the cores that the machine's CPU does not use, if there are any."""
    cpu = next(each for each in psutil.Process().children(recursive=True) if each.name() == "emu-cpu-0")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores - set(cpu.cpu_affinity()) or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def taken(address):
    """ns that the next interrupt takes, at a random moment."""
    time.sleep(random.uniform(*GAPS_S))
    return interrupt(address, 0)


if __name__ == "__main__":
    main()
