"""`emu run --workload FILE`: threads described in JSON instead of a program.

A table of the threads, one row for each declared name, is the command's output; the
machine's summary follows on standard error, as for every run.
"""

import sys

from emu.tables import print_table

from . import ending


def run_and_print(file, cpus, policy, options):
    """(exit status, report, further figures for JSON); prints the table of threads."""
    from emu.workload.read import read_workload
    from emu.workload.run import run_gently

    run = run_gently(read_workload(file), cpus, policy, ending.gently, **options)
    if run.result is None:  # interrupted
        return 0, run.report, {}
    print_threads(run.result)
    return 0, run.report, {"workload": run.result.to_dict()}


def print_threads(result):
    """The table of threads, to standard output, and the warnings, to standard error."""
    from emu.workload.result import COLUMNS

    print_table(COLUMNS, result.rows())
    print(result.line())
    sys.stdout.flush()
    for warning in result.warnings:
        print(f"emu: {warning}", file=sys.stderr)
