"""How fast does one emulated CPU run a guest, beside other emulators and the host itself?

Three parts on one CPU: four small guests, one that is shaped like CoreMark, and a set of kernels.  In turns with emu
run emu without its translator (where there is one), qemu-riscv64, native code of the same sources (where the host has
a C compiler), and unicorn for the first four.  emu is hot: its machine is booted and has run the guest before.
All have to print the same checksum.

Times are wall times less that of an empty `hello` in the same turns; MIPS are instructions, as emu counts them, over
them, or, "busy", over the time that emu's CPU was not idle.  Ratios are of times: smaller is better for emu.
Then the CoreMark-shaped guest alone: whole processes, and two CPUs beside one (cpu_coremark.py).

python benchmarks/cpu_speed.py [--rounds N] [--scale X] [--quick]
"""

import statistics
import tempfile
from contextlib import ExitStack

import click
from common import NOT_INSTALLED, benchmark, with_range
from cpu_contenders import COREMARK, EMU, KERNELS, PEERS, UNICORN, UNTRANSLATED, WORK, contenders, measure
from cpu_coremark import measure_cold, measure_scaling


@benchmark("cpu_speed", rounds=7)
@click.option("--scale", default=1.0, show_default=True, help="Multiplies the guests' iterations.")
def main(bench, scale):
    """How fast does one emulated CPU run a guest, beside other emulators and the host itself?"""
    scale = scale * 0.02 if bench.quick else scale
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found = contenders(stack, folder)
        rows = []
        for part, label, guest, arguments, iterations in WORK:
            iterations = max(1, int(iterations * scale))
            these = {name: run for name, run in found.items() if name != UNICORN or part == "guests"}
            rows.append(measure(bench, these, part, label, (guest, *arguments, iterations), iterations))
        mean = summarise(bench, [row for row in rows if row["part"] == "kernels"])
        show(bench, rows, mean, [name for name in (EMU, UNTRANSLATED) if name in found])
        show_unicorn(bench, [row for row in rows if row["part"] == "guests"])
        measure_cold(bench, found)
        measure_scaling(bench, stack, found, next(row["iterations"] for row in rows if row["guest"] == COREMARK))
    bench.note("All print the same checksums.")


def summarise(bench, kernels):
    """The row of the geometric means over the kernels, {emulator: {peer: ratio}}."""
    means = {
        name: {
            peer: statistics.geometric_mean([row[name]["time_against"][peer]["median"] for row in kernels])
            for peer in kernels[0][name]["time_against"]
        }
        for name in (EMU, UNTRANSLATED)
        if name in kernels[0]
    }
    return bench.row(part="kernels, geometric mean", guest=KERNELS, time_against=means)


def show(bench, rows, mean, emulators):
    columns = ["guest", "million instructions"]
    for name in emulators:
        columns += [f"{name}: MIPS busy", *(f"{name} ÷ {peer}" for peer in PEERS)]
    lines = []
    for row in rows:
        cells = [row["guest"], f"{row['instructions'] / 1e6:,.0f}"]
        for name in emulators:
            cells.append(with_range(row[name]["mips_busy"], digits=0))
            for peer in PEERS:
                against = row[name]["time_against"].get(peer)
                cells.append(with_range(against, digits=2) if against else NOT_INSTALLED)
        lines.append(cells)
    last = ["kernels, geometric mean", ""]
    for name in emulators:
        means = mean["time_against"][name]
        last += ["", *(f"{means[peer]:.2f}" if peer in means else NOT_INSTALLED for peer in PEERS)]
    bench.table("Time of emu over time of its peers, one CPU, hot", columns, [*lines, last])
    bench.table(
        "MIPS of the peers, instructions as emu counts them",
        ["guest", *PEERS],
        [[row["guest"], *(f"{row[peer]['mips']:,.0f}" if peer in row[EMU]["time_against"] else "" for peer in PEERS)]
         for row in rows],
    )  # fmt: skip


def show_unicorn(bench, rows):
    lines = []
    for row in rows:
        against = row[EMU]["time_against"].get(UNICORN)
        cells = [f"{row[UNICORN]['mips']:,.0f}", with_range(against, digits=2)] if against else [NOT_INSTALLED, ""]
        lines.append([row["guest"], *cells])
    bench.table(f"Beside {UNICORN}", ["guest", f"{UNICORN} MIPS", f"emu ÷ {UNICORN}, time"], lines)


if __name__ == "__main__":
    main()
