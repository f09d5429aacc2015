"""How long does a byte take from one process through a pipe to another and back, and how much goes through a pipe?

Two processes of a guest, on one CPU of emu, and the same program under qemu-riscv64 on one core of the host: there the
pipes and processes are the host's.  The times are taken inside of the guest.

python benchmarks/pipes.py [--rounds N] [--quick]
"""

import os
import tempfile
from pathlib import Path

from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range
from guest_runs import Booted, run_peer

from emu.guests.build import compile_c

AIM_NS = 2000


@benchmark("pipes", rounds=7)
def main(bench):
    """How long does a byte take through a pipe to another process and back, and how much goes through?"""
    trips, pipefuls = (500, 20) if bench.quick else (50_000, 4000)
    core = {min(os.sched_getaffinity(0))}
    with tempfile.TemporaryDirectory() as directory, Booted(1) as emu:
        program = Path(directory) / "pipes.elf"
        compile_c(Path(__file__).with_suffix(".c"), program)
        contenders = {"emu": lambda: emu.run(str(program), trips, pipefuls).output}
        if installed(QEMU):
            contenders[QEMU] = lambda: run_peer(QEMU, str(program), trips, pipefuls, cores=core).output
        results = interleave(bench.rounds, contenders)
    rows = []
    for what in ("emu", QEMU):
        if what not in results:
            bench.row(what=what, status=NOT_INSTALLED)
            rows.append((what, NOT_INSTALLED, "", ""))
            continue
        figures = [tuple(map(float, text.split())) for text in results[what]]
        trip, rate = spread([ns for ns, _ in figures]), spread([milli / 1000 for _, milli in figures])
        aim = AIM_NS if what == "emu" else None
        bench.row(what=what, round_trip_ns=trip, gb_per_s=rate, aim_ns=aim)
        rows.append((what, with_range(trip, digits=0), with_range(rate, digits=2), f"{aim:,} ns" if aim else ""))
    bench.table("Two processes on one CPU", ("what", "round trip of a byte, ns", "GB/s", "aim"), rows)


if __name__ == "__main__":
    main()
