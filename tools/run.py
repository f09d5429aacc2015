"""`emu run PROGRAM [ARG…]`: run a RISC-V program on a machine of CPU processes.

The guest's standard streams are the command's, and so is its exit status (128 + n
for a fatal signal n).  The summary goes to standard error, or as JSON to a file.
Errors are one line and status 2; a machine that failed is status 70 (EX_SOFTWARE).
"""

import json
import signal
import sys

import click
from rich.console import Console
from rich.table import Table

BAD_INPUT, MACHINE_FAILED, INTERRUPTED = 2, 70, 130


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--cpus", metavar="N", help="CPU processes (EMU_CPUS, else the host's cores).")
@click.option("--policy", default="inko", show_default=True, help="random, inko, or a policy file's path.")
@click.option("--seed", metavar="S", help="Seed of every random choice (EMU_SEED, else a fresh one).")
@click.option("--memory", default="512M", show_default=True, metavar="SIZE", help="Guest memory.")
@click.option("--env", "environment", multiple=True, metavar="K=V", help="A variable for the guest.")
@click.option("--mount", "mounts", multiple=True, metavar="HOST:GUEST[:rw]", help="A host directory for the guest.")
@click.option("--json", "json_file", metavar="FILE", help="Write the summary there, as JSON.")
@click.option("--quiet", is_flag=True, help="No summary.")
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(cpus, policy, seed, memory, environment, mounts, json_file, quiet, program, arguments):
    """Run PROGRAM (a static RISC-V 64-bit Linux ELF, or the name of one of emu's guests)."""
    try:
        status, report = _checked(cpus, policy, seed, memory, environment, mounts, quiet, program, arguments)
        if json_file:
            _write_json(json_file, report, status)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if not quiet and not json_file:
        print_summary(report)
    sys.exit(status)


def _checked(cpus, policy, seed, memory, environment, mounts, quiet, program, arguments):
    """(exit status, report); errors that the user can mend end the command with one line."""
    _start_early()
    from emu import MachineError

    try:
        variables = dict(_variable(text) for text in environment)
        options = {"seed": seed, "memory": memory, "mounts": mounts, "quiet": quiet}
        return _run(cpus, policy, options, program, arguments, variables)
    except MachineError as error:
        failed = str(error).startswith("the machine failed")
        print(f"emu: {error}", file=sys.stderr)
        sys.exit(MACHINE_FAILED if failed else BAD_INPUT)


def _start_early():
    """Let the forkserver warm up while this process imports the rest: half the start-up time."""
    from emu.cache import is_warm
    from emu.machine.children import start_forkserver

    if is_warm():
        start_forkserver()


def _run(cpus, policy, options, program, arguments, variables):
    """(exit status, report) of one program on one machine."""
    from emu import Machine
    from emu.machine.loader import read_program

    signal.signal(signal.SIGTERM, _terminate)
    machine = Machine(cpus, policy, **options)
    read_program(program)  # a bad program is refused before anything starts
    with machine:
        job = machine.spawn(program, *arguments, env=variables)
        report = machine.run()
    return (INTERRUPTED if report.interrupted else job.exit_status), report


def _terminate(number, frame):
    raise KeyboardInterrupt


def _variable(text):
    from emu import MachineError

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise MachineError(f"--env {text!r}: expected NAME=VALUE")
    return name, value


def _write_json(path, report, status):
    try:
        with open(path, "w") as file:
            json.dump({**report.as_dict(), "exit_status": status}, file, indent=1)
            file.write("\n")
    except OSError as error:
        print(f"emu: --json {path}: cannot be written: {error.strerror}", file=sys.stderr)
        sys.exit(BAD_INPUT)


def print_summary(report):
    """The tables of a report, to standard error."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.width = 132  # a log file has no width of its own
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = (
        "CPU", "process", "busy", "switches", "steals", "migrated in", "out",
        "IPIs by bit", "by ZeroMQ", "instructions", "MIPS",
    )  # fmt: skip
    for column in columns:
        table.add_column(column, justify="right")
    for c in report.cpus:
        table.add_row(
            str(c.cpu), str(c.process), f"{c.busy_share:.0%}", f"{c.switches:,}", f"{c.steals:,}",
            f"{c.migrations_in:,}", f"{c.migrations_out:,}", f"{c.ipis_bit:,}", f"{c.ipis_message:,}",
            f"{c.instructions:,}", f"{c.mips:.0f}",
        )  # fmt: skip
    console.print()
    console.print(table)
    console.print(
        f"{report.wall_s:.2f} s, policy {report.policy}, seed {report.seed}; "
        f"threads {report.threads_created} created, {report.threads_exited} exited; "
        f"{report.migrations} migrations, {report.page_faults} page faults, "
        f"{report.instructions:,} instructions"
    )
    if report.unknown_calls:
        names = ", ".join(f"{name} ×{count}" for name, count in sorted(report.unknown_calls.items()))
        console.print(f"unknown system calls (answered ENOSYS): {names}")
    if report.interrupted:
        console.print("interrupted: the guest was killed")


if __name__ == "__main__":
    run(prog_name="run.py")
