"""`emu run PROGRAM [ARG…]`: run a RISC-V program on a machine of CPU processes.

The guest's standard streams are the command's, and so is its exit status (128 + n
for a fatal signal n).  The summary goes to standard error, or as JSON to a file.
With --workload FILE the guest is a workload (workload.py) and its table the output.
Errors are one line and status 2; a machine that failed is status 70 (EX_SOFTWARE); signals: ending.py.
"""

import contextlib
import json
import sys

import click

from emu.errors import BAD_INPUT
from emu.machine.policy_text import pair, policy_and_parameters
from emu.tables import print_lines, print_table

from . import ending
from .options import ProgramCommand, check_writable


@click.command(cls=ProgramCommand, context_settings={"allow_interspersed_args": False})
@click.option("--cpus", metavar="N", help="CPU processes (EMU_CPUS, else the host's cores).")
@click.option("--topology", metavar="PxCxS", help="Packages, cores of each, SMT siblings of each: 2x2x2 has 8 CPUs.")
@click.option("--translator", metavar="MODE", help="Hot guest code: on (default), off, sync: CPUs wait for it.")
@click.option("--blocking-cpus", metavar="N", help="The last N CPUs run threads that declare a blocking operation (0).")
@click.option(
    "--policy",
    default="inko",
    show_default=True,
    metavar="POLICY[:K=N…]",
    help="A name of `emu policies`, or a policy file's path; with parameters, eevdf:slice_ns=1000000.",
)
@click.option("--param", "parameters", multiple=True, metavar="K=N", help="The same as :K=N after the policy.")
@click.option("--seed", metavar="S", help="Seed of every random choice (EMU_SEED, else a fresh one).")
@click.option("--memory", default="512M", show_default=True, metavar="SIZE", help="Guest memory.")
@click.option("--env", "environment", multiple=True, metavar="K=V", help="A variable for the guest.")
@click.option("--mount", "mounts", multiple=True, metavar="HOST:GUEST[:rw]", help="A host directory for the guest.")
@click.option("--fs", "file_server", metavar="SERVER", help="The guest's files are those of a file server: fs0.")
@click.option("--max-threads", metavar="N", help="Threads that a task may have at a time (4096).")
@click.option("--limit", "limits", multiple=True, metavar="NAME=N", help="A limit, max_threads_per_proc=10000.")
@click.option("--patience", "patience_s", metavar="S", help="Not to pick a thread for so long is a fault (30).")
@click.option("--track-allocations", is_flag=True, help="Say what of the kernel's memory was not freed, by tag.")
@click.option("--threads", is_flag=True, help="A table of threads too: times, run delay, slices, migrations.")
@click.option("--json", "json_file", metavar="FILE", help="Write the summary there, as JSON.")
@click.option("--trace", metavar="FILE", help="Record every scheduling event there (emu trace FILE reads it).")
@click.option("--trace-limit", metavar="SIZE", help="The trace ends there, the run goes on (4G).")
@click.option("--trace-wait", is_flag=True, help="CPUs wait where the recorder is slow; else it drops events.")
@click.option("--profile", is_flag=True, help="Print which functions retired how many instructions.")
@click.option("--profile-file", metavar="FILE", help="And write it there, as folded stacks (flame graphs, emu disasm).")
@click.option("--snapshot-on-failure", metavar="FILE", help="A machine that fails leaves a snapshot there (emu debug).")
@click.option("--gdb", metavar="[HOST:]PORT", help="Stop at the entry, and wait for gdb there (0: a free port).")
@click.option("--quiet", is_flag=True, help="No summary (the progress of compiling, once, is shown).")
@click.option("--workload", metavar="FILE", help="Run the threads that this JSON file describes, not a PROGRAM.")
@click.argument("program", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    cpus, policy, environment, json_file, workload, program, arguments, track_allocations, file_server, profile_file,
    threads, gdb, **options,
):  # fmt: skip
    """Run PROGRAM (a static RISC-V 64-bit Linux ELF, or the name of one of emu's guests).

    What follows PROGRAM is passed to it, also what looks like an option of emu.
    """
    quiet, mounts = options.pop("quiet"), options["mounts"]  # the machine shows the progress of a cold start even then
    for name in ("max_threads", "patience_s", "trace_limit", "blocking_cpus", "translator"):
        if options[name] is None:
            del options[name]
    with errors_in_one_line():
        policy, parameters = policy_and_parameters("--policy", policy)
        options["parameters"] = parameters + [pair("--param", text) for text in options["parameters"]]
        options["limits"] = [pair("--limit", text) for text in options["limits"]]
        options["profile"] = options["profile"] or profile_file is not None
        failed = options["snapshot_on_failure"]
        for name, file in (("--json", json_file), ("--profile-file", profile_file), ("--snapshot-on-failure", failed)):
            if file is not None:
                check_writable(name, file)
        waiting = _wait_for_gdb(gdb, workload, options)
        start_early()
        if failed is None:
            from emu.machine.last_snapshot import default_file

            options["snapshot_on_failure"] = default_file()
        extra = {}
        if workload:
            from .workload import run_and_print

            _refuse_with_workload({"a PROGRAM": program, "--env": environment, "--mount": mounts, "--fs": file_server})
            status, report, extra = run_and_print(workload, cpus, policy, options)
        else:
            _require(program)
            variables = dict(pair("--env", text) for text in environment)
            status, report = _run(cpus, policy, options, program, arguments, variables, file_server, waiting)
        status = ending.status(status)
        if json_file:
            write_json(json_file, {**report.to_dict(), **extra, "exit_status": status})
    if not quiet and not json_file:
        print_summary(report)
    if threads:
        print_threads(report)
    if track_allocations:
        _print_leaks(report)
    if report.profile:
        print_profile(report.profile)
    if profile_file is not None:
        with errors_in_one_line():
            report.profile.write(profile_file)
    sys.exit(status)


def _print_leaks(report):
    """What was allocated and not freed, by tag (rust-12); files that remain are none, and are said."""
    leaks, (files, pages) = report.leaks, report.files_left
    if files:
        print(f"{files} files remained, with {pages} pages of data: freed with the machine", file=sys.stderr)
    for tag, (count, size_bytes) in leaks.items():
        print(f"leaked: {count} × {tag}, {size_bytes:,} bytes", file=sys.stderr)
    if not leaks:
        print("nothing leaked: all kernel allocations were freed", file=sys.stderr)


def _refuse_with_workload(given):
    from emu import MachineError

    for name, value in given.items():
        if value:
            raise MachineError(f"--workload and {name} together, expected one of them")


def _require(program):
    from emu import MachineError

    if not program:
        raise MachineError("nothing to run, expected a PROGRAM or --workload FILE")


@contextlib.contextmanager
def errors_in_one_line():
    """Errors that the user can mend end the command with one line and a status."""
    try:
        yield
    except Exception as error:
        from emu import MachineError  # late: what it brings along takes a while to import

        if not isinstance(error, MachineError):
            raise
        print(f"emu: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


def start_early():
    """Let the forkserver warm up while this process imports the rest: half the start-up time."""
    from emu.hot.cache import is_warm
    from emu.machine.children import start_forkserver

    if is_warm():
        start_forkserver()


def _wait_for_gdb(gdb, workload, options):
    """A socket on which gdb is waited for, or None. The machine then has no translator: see docs/gdb.md."""
    if gdb is None:
        return None
    from emu import MachineError
    from emu.debug.gdb.server import listen

    if workload:
        raise MachineError("--workload and --gdb together, expected one of them")
    if options.get("translator", "off") != "off":
        raise MachineError("--gdb: breakpoints need --translator off, which is what it is with --gdb")
    options["translator"] = "off"
    return listen(gdb)


def _run(cpus, policy, options, program, arguments, variables, file_server, waiting):
    """(exit status, report) of one program on one machine."""
    from emu import Machine
    from emu.machine.loader import read_program

    machine = Machine(cpus, policy, **options)
    for each in filter(None, (program, file_server)):
        read_program(each)  # a bad program is refused before anything starts
    with machine, ending.gently(), contextlib.ExitStack() as stack:
        server = machine.start_file_server(file_server) if file_server else None
        if waiting:
            from emu.debug.gdb.server import GdbServer

            debugger = stack.enter_context(GdbServer(machine, waiting))
            machine.pause()
        job = machine.spawn(program, *arguments, env=variables, file_server=server)
        if waiting:
            debugger.debug(job)
        report = machine.run()
    return job.exit_status, report


def write_json(path, content):
    """Write a command's figures; one line and status 2 when that is not possible."""
    try:
        with open(path, "w") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
    except OSError as error:
        print(f"emu: --json {path}: cannot be written: {error.strerror}", file=sys.stderr)
        sys.exit(BAD_INPUT)


def print_summary(report):
    """The tables and sentences of a report, to standard error."""
    from emu.machine.report_tables import CPU_COLUMNS, cpu_rows, sentences

    print(file=sys.stderr)
    print_table(CPU_COLUMNS, cpu_rows(report), stderr=True)
    print_lines([*sentences(report), *(report.waits if report.interrupted else ())], stderr=True)


def print_threads(report):
    """The table of threads, to standard error."""
    from emu.machine.report_tables import THREAD_COLUMNS, thread_rows, thread_sentences

    print(file=sys.stderr)
    print_table(THREAD_COLUMNS, thread_rows(report), stderr=True)
    print_lines(thread_sentences(report), stderr=True)


def print_profile(profile):
    """The table of a profile, to standard error."""
    from emu.machine.report_tables import PROFILE_COLUMNS, profile_rows, profile_sentence

    print(file=sys.stderr)
    if profile.functions:
        print_table(PROFILE_COLUMNS, profile_rows(profile), stderr=True)
    print_lines([profile_sentence(profile)], stderr=True)
