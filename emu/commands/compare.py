"""`emu compare --workload FILE` or `emu compare PROGRAM [ARG…]`: the same work, several policies and numbers of CPUs.

How runs are interleaved, what a failure does and when there is a speed-up: emu/workload/compare.py.  The status is 1
when a run failed, with a line for each; the figures of all others are printed.
"""

import sys

import click

from emu.tables import print_lines, print_table

from .options import ProgramCommand, check_writable, numbers
from .run import errors_in_one_line, start_early, write_json

FAILED = 1


def of_a_comparison(command):
    """The options that `compare` and `sweep` share."""
    options = (
        click.option("--workload", metavar="FILE", help="A workload, a JSON file, in place of a PROGRAM."),
        click.option("--cpus", metavar="N[,N…]", help="CPU processes (EMU_CPUS, else the host's cores); or several."),
        click.option("--seed", metavar="S", help="Seed of every random choice (EMU_SEED, else a fresh one)."),
        click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="So many, from --seed on."),
        click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Runs with each seed."),
        click.option("--limit", type=click.FloatRange(0.1), default=120, show_default=True, help="Seconds for a run."),
        click.option("--json", "json_file", metavar="FILE", help="Write all figures of all runs there, as JSON."),
        click.argument("program", required=False),
        click.argument("arguments", nargs=-1, type=click.UNPROCESSED),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(cls=ProgramCommand, context_settings={"allow_interspersed_args": False})
@click.option("--policies", "names", metavar="A[:K=N…],B,…", help="Built-in or files, with parameters (default: all).")
@of_a_comparison
def compare(names, **given):
    """Run a workload, or a PROGRAM, under several policies and compare what was seen.

    Makespan: from the first thread's creation to the last leader's end; of a program, to its end. Work: milliseconds
    of nominal CPU time (500,000 instructions each) in completed run phases. Latency: from the moment at which a
    thread could go on (its sleep over, signalled, its barrier complete, the thread it joins at its end) to the
    moment at which it did. Fairness: Jain's index (Σx)²/(n·Σx²) over the threads of a same name, x being the CPU
    time received per wall time alive: 1 when all got the same, 1/n when one got all; of several names, the worst.
    Switches, migrations and steals are the whole machine's. All figures are medians of the runs.

    With several numbers of CPUs: speed-up over the fewest, and efficiency, the speed-up per added CPU. A machine with
    more CPUs than the host has cores has none, for it would be the host's.
    """
    with errors_in_one_line():
        found = run_comparison(names.split(",") if names else None, **given)
    end(found)


def run_comparison(policies, workload, cpus, seed, seeds, rounds, limit, json_file, program, arguments):
    """The Comparison, which is also written to the JSON file."""
    from emu.errors import MachineError

    if json_file:
        check_writable("--json", json_file)
    if workload and program:
        raise MachineError("--workload and a PROGRAM together, expected one of them")
    if not workload and not program:
        raise MachineError("nothing to run, expected a PROGRAM or --workload FILE")
    several = numbers("--cpus", cpus) if cpus else None
    start_early()
    from emu.workload.compare import compare

    found = compare(
        program, *arguments, workload=workload, policies=policies, cpus=several, seed=seed, seeds=seeds, rounds=rounds,
        limit_s=limit, progress=True,
    )  # fmt: skip
    if json_file:
        write_json(json_file, found.to_dict())
    return found


def end(found):
    """Print the table, what has to be known to read it, and the failures; exit."""
    columns, rows = found.table()
    print_table(columns, rows, keys=2 if "CPUs" in columns else 1)
    print_lines(found.notes())
    sys.stdout.flush()
    for line in found.failures:
        print(f"emu: {line}", file=sys.stderr)
    sys.exit(FAILED if found.failures else 0)
