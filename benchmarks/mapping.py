"""What do a program's mappings cost, with translated code and its windows, and without?

Translated code accesses guest memory through pages that are mapped into the CPU's own process
(kernel/vm/windows.py), so whoever maps, protects or forks pays for host mappings, too.  One program (mapping.c), whose
steps are timed inside, interpreted, translated, and under qemu-riscv64.

python benchmarks/mapping.py [--rounds N] [--quick]
"""

import contextlib
import tempfile
from pathlib import Path

from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range
from guest_runs import Booted, run_peer

from emu.guests.build import compile_c

STEPS = {
    "touch": "a fresh page is stored to",
    "again": "and once more",
    "protect": "a page is made read-only and writable again, and stored to",
    "discard": "a page is given back, and stored to",
    "fork": "fork, and the parent stores to a page",
    "unmap": "a page of 16 that are mapped, stored to and unmapped",
}
ROUNDS, PAGES = 40, 2000


def figures(run):
    """{step: ns} of what the program printed."""
    return {name: float(ns) for name, ns in map(str.split, run.output.splitlines())}


@benchmark("mapping", rounds=7)
def main(bench):
    """What do a program's mappings cost, with translated code and its windows, and without?"""
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        program = Path(directory) / "mapping.elf"
        compile_c(Path(__file__).with_suffix(".c"), program)
        arguments = (1, 50) if bench.quick else (ROUNDS, PAGES)
        contenders = {}
        for name, mode in (("interpreted", "off"), ("translated", "on")):
            booted = stack.enter_context(Booted(1, translator=mode))
            contenders[name] = lambda booted=booted: figures(booted.run(str(program), *arguments))
        if installed(QEMU):
            contenders[QEMU] = lambda: figures(run_peer(QEMU, str(program), *arguments))
        results = interleave(bench.rounds, contenders)
    rows = []
    for step, what in STEPS.items():
        ns = {name: spread([run[step] for run in runs]) for name, runs in results.items()}
        bench.row(step=step, ns=ns)
        rows.append([what, *(with_range(ns[name], digits=0) if name in ns else NOT_INSTALLED for name in COLUMNS)])
    bench.table("ns for a page", ("what", *COLUMNS), rows)


COLUMNS = ("interpreted", "translated", QEMU)

if __name__ == "__main__":
    main()
