"""Who takes part in cpu_speed, what they run, and how their times are compared."""

import importlib.util
import inspect

import click
from common import NOT_INSTALLED, QEMU, installed, interleave, spread
from guest_runs import Booted, run_command, run_peer
from native import Native, compiler

from emu import Machine

EMU, UNTRANSLATED, NATIVE, UNICORN = "emu", "emu, translator off", "native", "unicorn"
PEERS = (QEMU, NATIVE)  # emu's time is set against theirs

COREMARK = "bench_coremark"
KERNELS = "bench_kernels"
# (part, name in the table, program, arguments before the iterations, iterations): some 200 to 600 million instructions.
WORK = (
    ("guests", "bench_int", "bench_int", (), 12000),
    ("guests", "bench_mem", "bench_mem", (), 20),
    ("guests", "bench_branch", "bench_branch", (), 800),
    ("guests", "bench_fp", "bench_fp", (), 3000),
    ("coremark", COREMARK, COREMARK, (), 3000),
    ("kernels", "sieve", KERNELS, ("sieve",), 16),
    ("kernels", "sha", KERNELS, ("sha",), 120),
    ("kernels", "matrix", KERNELS, ("matrix",), 48),
    ("kernels", "sort", KERNELS, ("sort",), 10),
    ("kernels", "hash", KERNELS, ("hash",), 18),
    ("kernels", "lz", KERNELS, ("lz",), 16),
    ("kernels", "string", KERNELS, ("string",), 60),
    ("kernels", "nbody", KERNELS, ("nbody",), 24),
)


def boot(stack, cpus, translator="on"):
    """A booted machine with its translator on or off; None when this emu has no translator to turn off."""
    if "translator" in inspect.signature(Machine).parameters:
        return stack.enter_context(Booted(cpus, translator=translator))
    return stack.enter_context(Booted(cpus)) if translator == "on" else None


def contenders(stack, folder):
    """{name: function of (program, *arguments) -> GuestRun} of those that there are, emu first, on one CPU each."""
    found = {}
    for name, translator in ((EMU, "on"), (UNTRANSLATED, "off")):
        if machine := boot(stack, 1, translator):
            found[name] = machine.run
    if installed(QEMU):
        found[QEMU] = lambda *program: run_peer(QEMU, *program)
    if command := compiler():
        native = Native(folder, command)
        found[NATIVE] = lambda guest, *arguments: run_command([native.program(guest), *arguments])
    if importlib.util.find_spec("unicorn"):
        from unicorn_guest import run_unicorn

        found[UNICORN] = run_unicorn
    return found


def measure(bench, found, part, label, program, iterations):
    """One row: everybody runs `program` in turns; `found` is {name: function of (program, *arguments)}."""
    turns = {}
    for name, run in found.items():
        turns[name, "work"] = lambda run=run: run(*program)
        turns[name, "hello"] = lambda run=run: run("hello")
    results = interleave(bench.rounds, turns)
    checksum = same_output(label, {name: results[name, "work"] for name in found})
    instructions = results[EMU, "work"][0].instructions - results[EMU, "hello"][0].instructions
    row = bench.row(part=part, guest=label, iterations=iterations, instructions=instructions, checksum=checksum)
    net = {}
    for name in found:
        hello_s = spread([run.wall_s for run in results[name, "hello"]])["median"]
        net[name] = [max(run.wall_s - hello_s, 1e-9) for run in results[name, "work"]]
        net_s = spread(net[name])
        row[name] = {"net_s": net_s, "hello_s": hello_s, "mips": instructions / net_s["median"] / 1e6}
    for name in (EMU, UNTRANSLATED):
        if name in found:
            row[name]["mips_busy"] = spread([run.instructions / run.busy_s / 1e6 for run in results[name, "work"]])
            row[name]["time_against"] = {peer: ratio(net[name], net[peer]) for peer in net if peer != name}
    for name in (*PEERS, *([UNICORN] if part == "guests" else [])):
        row.setdefault(name, NOT_INSTALLED)
    return row


def same_output(label, results):
    """What everybody printed, given {name: runs}; an error if they disagree.

    bench_fp has fused multiply-adds, which native code may not have: there only its energy in decimal is compared.
    """
    outputs = {}
    for name, runs in results.items():
        for run in runs:
            text = run.output.strip()
            outputs.setdefault(text.rsplit(" ", 1)[0] if label == "bench_fp" and name == NATIVE else text, name)
    emulated = [text for text, name in outputs.items() if name != NATIVE]
    if len(emulated) != 1 or not all(emulated[0].startswith(text) for text in outputs):
        raise click.ClickException(f"{label}: they disagree: {outputs}")
    return emulated[0]


def ratio(mine, theirs):
    """How many times as long I take: of the medians, with the range of the rounds."""
    middle = spread(mine)["median"] / spread(theirs)["median"]
    each = [a / b for a, b in zip(mine, theirs, strict=True)]
    return {**spread(each), "median": middle, "min": min(middle, *each), "max": max(middle, *each)}
