"""How fast does one emulated CPU run a guest, beside other emulators?

Four guests, one CPU.  MIPS while busy: instructions over the time that the CPU was
not idle.  MIPS of the whole run, for all emulators: instructions, as emu counts them, over wall time
less that of an empty `hello` in the same turns.  Every emulator has to print the same checksum.

python benchmarks/cpu_speed.py [--rounds N] [--scale X] [--quick]
"""

import importlib.util

import click
from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range
from guest_runs import Booted, run_peer

# Iterations that take emu about a quarter of a second to a second.
GUESTS = {"bench_int": 12000, "bench_mem": 20, "bench_branch": 800, "bench_fp": 3000}
PEERS = (QEMU, "unicorn")


def runners(emu):
    """{emulator: function of (program, *arguments) -> GuestRun} of those that are installed."""
    found = {"emu": emu.run}
    if installed(QEMU):
        found[QEMU] = lambda *program: run_peer(QEMU, *program)
    if importlib.util.find_spec("unicorn"):
        from unicorn_guest import run_unicorn

        found["unicorn"] = run_unicorn
    return found


@benchmark("cpu_speed", rounds=7)
@click.option("--scale", default=1.0, show_default=True, help="Multiplies the guests' iterations.")
def main(bench, scale):
    """How fast does one emulated CPU run a guest, beside other emulators?"""
    scale = scale * 0.02 if bench.quick else scale
    with Booted(1) as emu:
        emulators = runners(emu)
        for guest, iterations in GUESTS.items():
            measure(bench, emulators, guest, max(1, int(iterations * scale)))
    show(bench)


def measure(bench, emulators, guest, iterations):
    contenders = {}
    for name, run in emulators.items():
        contenders[name, guest] = lambda run=run: run(guest, iterations)
        contenders[name, "hello"] = lambda run=run: run("hello")
    results = interleave(bench.rounds, contenders)
    outputs = {run.output for name in emulators for run in results[name, guest]}
    if len(outputs) != 1:
        raise click.ClickException(f"{guest}: the emulators disagree: {outputs}")
    instructions = results["emu", guest][0].instructions - results["emu", "hello"][0].instructions
    busy = spread([run.instructions / run.busy_s / 1e6 for run in results["emu", guest]])
    row = bench.row(guest=guest, iterations=iterations, instructions=instructions, checksum=outputs.pop().strip())
    row["emu"] = {"mips_busy": busy}
    for name in emulators:
        empty_s = spread([run.wall_s for run in results[name, "hello"]])["median"]
        net = spread([max(run.wall_s - empty_s, 1e-9) for run in results[name, guest]])
        row.setdefault(name, {}).update(net_s=net, hello_s=empty_s, mips=instructions / net["median"] / 1e6)
    for name in PEERS:
        if name in row:
            row[name]["emu_is_times_as_fast"] = row[name]["net_s"]["median"] / row["emu"]["net_s"]["median"]
        else:
            row[name] = NOT_INSTALLED


def show(bench):
    rows = []
    for row in bench.rows:
        emu = row["emu"]
        cells = [row["guest"], f"{row['instructions'] / 1e6:,.0f}"]
        cells += [with_range(emu["mips_busy"], digits=0), f"{emu['mips']:,.0f}"]
        for name in PEERS:
            peer = row[name]
            if peer == NOT_INSTALLED:
                cells += [peer, ""]
            else:
                cells += [f"{peer['mips']:,.0f}", f"{peer['emu_is_times_as_fast']:.2f}"]
        rows.append(cells)
    columns = ["guest", "million instructions", "emu MIPS busy", "emu MIPS"]
    for name in PEERS:
        columns += [f"{name} MIPS", f"emu ÷ {name}"]
    bench.table("", columns, rows)
    bench.note("All print the same checksums.")


if __name__ == "__main__":
    main()
