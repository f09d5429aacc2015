"""What do threads cost in user space, on upcalls, against kernel threads?

One program (upcalls.c) in two forms: with pthreads, each a kernel thread (1:1), and compiled with kse_pthread.h, user
threads on upcalls (M:N), of one CPU and one upcall.  Each step is timed inside of the guest; the ratio is that of
interleaved runs.  The price of an upcall is measured by the calls themselves (upcall_price.c).

python benchmarks/upcalls.py [--rounds N] [--quick]
"""

import tempfile
from pathlib import Path
from statistics import median

from common import benchmark, interleave, spread, with_range
from guest_runs import Booted

from emu.guests.build import GUESTS, compile_c
from emu.limits import MAX_THREADS

# What is done: its argument, threads, rounds, what a step is, at least so many times as fast as 1:1, aim in ns.
KINDS = (
    ("yield", 2, 200_000, "two threads give way to each other", None, 250),
    ("create", 1, 20_000, "create and join a thread", 5, None),
    ("lock", 1, 200_000, "lock and unlock a mutex", None, None),
    ("contend", 8, 5_000, "one mutex, 8 threads, each gives way in it now and then", None, None),
    ("ring", 100, 2000, "a byte goes round 100 threads, each blocked in read on a pipe", None, None),
    ("ring", 1000, 200, "a byte goes round 1,000 threads, each blocked in read on a pipe", 0.4, None),
    ("pairs", 1000, 200, "500 pairs play ping-pong through pipes", 0.4, None),
    ("serve", 1000, 50, "a server with 1,000 connections", None, None),
)
UPCALL_AIM_NS = 1000
LIMITS = {"max_threads_per_proc": MAX_THREADS}


def step_ns(booted, program, kind, threads, rounds):
    return float(booted.run(str(program), kind, threads, rounds).output.split()[-2])


@benchmark("upcalls", rounds=7)
def main(bench):
    """What do threads cost in user space, on upcalls (M:N), against kernel threads (1:1)?"""
    with tempfile.TemporaryDirectory() as directory, Booted(1, limits=LIMITS) as booted:
        source, programs = Path(__file__).with_suffix(".c"), {}
        for form, flags in (("1:1", ()), ("M:N", ("-include", "kse_pthread.h"))):
            programs[form] = Path(directory) / f"{form.replace(':', '')}.elf"
            compile_c(source, programs[form], f"-I{GUESTS}", *flags)
        price = Path(directory) / "price.elf"
        compile_c(source.with_name("upcall_price.c"), price, f"-I{GUESTS}")
        rows = []
        for kind, threads, rounds, step, at_least, aim_ns in KINDS:
            if bench.quick:
                threads, rounds = min(threads, 20), min(rounds, 20)
            contenders = {
                form: lambda program=program, what=(kind, threads, rounds): step_ns(booted, program, *what)
                for form, program in programs.items()
            }
            results = interleave(bench.rounds, contenders)
            ratio = median(one / many for one, many in zip(results["1:1"], results["M:N"], strict=True))
            one, many = spread(results["1:1"]), spread(results["M:N"])
            bench.row(what=kind, threads=threads, one_to_one_ns=one, m_to_n_ns=many, times_as_fast=ratio, aim=at_least)
            aims = [f"{aim_ns} ns"] if aim_ns else []
            aims += [f"{at_least} times"] if at_least else []
            rows.append((step, with_range(one, digits=0), with_range(many, digits=0), f"{ratio:.2f}", ", ".join(aims)))
        figures = [
            [float(number) for number in booted.run(str(price), 50 if bench.quick else 20_000).output.split()]
            for _ in range(bench.rounds)
        ]
    bench.table("One CPU, one upcall, ns a step", ("step", "1:1", "M:N", "times as fast", "at least"), rows)
    rows = []
    for n, what in enumerate(("from a blocking call to the upcall", "from there until the user thread is back")):
        ns = spread([each[n] for each in figures])
        aim = UPCALL_AIM_NS if n == 0 else None
        bench.row(what=what, ns=ns, aim_ns=aim)
        rows.append((what, with_range(ns, digits=0), f"{aim:,} ns" if aim else ""))
    bench.table("The price of an upcall", ("what", "ns", "at most"), rows)


if __name__ == "__main__":
    main()
