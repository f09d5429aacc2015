"""`emu run --workload FILE`: threads described in JSON instead of a program.

A table of the threads, one row for each declared name, is the command's output; the
machine's summary follows on standard error, as for every run.
"""

import sys

from rich.console import Console
from rich.table import Table

from . import ending

COLUMNS = (
    "thread", "count", "iterations", "work ms", "CPU ms", "waits",
    "latency p50", "p99", "max", "fairness",
)  # fmt: skip
WIDEST_NUMBER = 24  # what is longer is text


def run_and_print(file, cpus, policy, options):
    """(exit status, report, further figures for JSON); prints the table of threads."""
    from emu.workload.read import read_workload
    from emu.workload.run import run_workload

    workload = read_workload(file)
    result, report = run_workload(workload, cpus, policy, while_running=ending.gently, **options)
    if result is None:  # interrupted
        return 0, report, {}
    print_threads(result)
    return 0, report, {"workload": result.as_dict()}


def print_threads(result):
    """The table of threads, to standard output, and the warnings, to standard error."""
    rows = [_row(group.name, len(group.threads), group) for group in result.groups if group.threads]
    print_table(COLUMNS, rows)
    print(
        f"makespan {duration(result.makespan_ns)}, {result.work_ms:,.1f} ms of work, "
        f"{result.throughput:,.0f} ms of it a second"
    )
    sys.stdout.flush()
    for warning in result.warnings:
        print(f"emu: {warning}", file=sys.stderr)


def print_table(columns, rows):
    """Rows of text to standard output; the first column is a name."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 132
    table = Table(box=None, pad_edge=False, header_style="bold")
    for n, column in enumerate(columns):
        words = any(len(row[n]) > WIDEST_NUMBER for row in rows)
        table.add_column(column, justify="left" if n == 0 or words else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _row(name, count, group):
    latency = group.latency()
    return (
        name, str(count), f"{group.total('iterations'):,}",
        f"{group.work_ms:,.1f}", f"{group.total('cpu_ns') / 1e6:,.1f}",
        f"{group.total('waits'):,}", duration(latency.percentile(0.5)), duration(latency.percentile(0.99)),
        duration(latency.max_ns if latency.count else None), share(group.fairness),
    )  # fmt: skip


def duration(ns):
    """A time for people: three digits and a unit; "" for none."""
    if ns is None:
        return ""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            value = ns / size
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"
    return f"{ns:.0f} ns"


def share(value):
    """A share from 0 to 1; "" for none."""
    return "" if value is None else f"{value:.3f}"
