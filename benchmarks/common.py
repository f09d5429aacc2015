"""What the benchmarks share: interleaved runs, medians, the host in words, tables and JSON.

A figure is the median of runs that alternate with those it is compared with (A B C
A B C …), so that a host that speeds up or slows down does so for all; minimum and
maximum stand beside it.  A ratio is made of medians of the same run, never of
figures from two days.  A peer that is not installed has a row that says so.
"""

import json
import os
import platform
import shutil
import statistics
import time
from importlib import metadata
from pathlib import Path

import click
import psutil
from results_page import write_section
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
NOT_INSTALLED = "not installed"
QEMU = "qemu-riscv64"


def benchmark(name, rounds, quick_rounds=2):
    """Decorate a click command with --rounds, --quick, --json and --results; it receives a Benchmark first."""

    def decorate(function):
        def command(given_rounds, quick, json_file, results, **options):
            chosen = given_rounds or (quick_rounds if quick else rounds)
            bench = Benchmark(name, function.__doc__.split("\n")[0], chosen, quick, options)
            bench.console.print(f"[bold]{bench.question}[/bold]")
            function(bench, **options)
            bench.write_json(Path(json_file) if json_file else RESULTS / f"{name}.json")
            if results:
                write_section(bench)

        command.__doc__ = function.__doc__
        command.__click_params__ = getattr(function, "__click_params__", [])
        for option in (
            click.option("--json", "json_file", metavar="FILE", help="Where the figures go as JSON."),
            click.option("--results", is_flag=True, help="Also replace this benchmark's section of RESULTS.md."),
            click.option("--quick", is_flag=True, help="Few runs and small sizes: does it work?"),
            click.option("--rounds", "given_rounds", type=click.IntRange(1), help=f"Runs of each (default {rounds})."),
        ):
            command = option(command)
        return click.command(name)(command)

    return decorate


class Benchmark:
    """One run of one benchmark: its rows, and where they go."""

    def __init__(self, name, question, rounds, quick, options):
        self.name, self.question, self.rounds, self.quick = name, question, rounds, quick
        self.options = {"rounds": rounds, "quick": quick, **options}
        self.host = describe_host()
        self.rows = []
        self.notes = []
        self.tables = []  # (title, columns, rows), as printed
        self.console = Console(width=None if Console().is_terminal else 132, highlight=False)

    def row(self, **fields):
        """Add a row; it is plain data."""
        self.rows.append(fields)
        return fields

    def note(self, text):
        """A sentence under the table, also kept in the JSON."""
        self.notes.append(text)

    def table(self, title, columns, rows):
        """Print rows of text, under a title if there is one."""
        rows = list(rows)
        self.tables.append((title, columns, rows))
        table = Table(header_style="bold", box=None, pad_edge=False)
        for n, column in enumerate(columns):
            table.add_column(column, justify="left" if n == 0 else "right")
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        self.console.print(f"\n{title}" if title else "")
        self.console.print(table)

    def write_json(self, path):
        for note in self.notes:
            self.console.print(note)
        h = self.host
        self.console.print(
            f"{h['cpu']}, {h['cores']} cores, load {h['load_1min']:.1f} at the start; "
            f"Python {h['python']}, numba {h['numba']}; figures are medians of {self.rounds} interleaved runs"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "benchmark": self.name, "question": self.question, "options": self.options,
            "host": self.host, "rows": self.rows, "notes": self.notes,
        }  # fmt: skip
        path.write_text(json.dumps(content, indent=1) + "\n")


def describe_host():
    """The computer and the versions that a figure depends on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "cpu": model,
        "cores": len(psutil.Process().cpu_affinity()),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "load_1min": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("numpy", "numba", "llvmlite", "pyzmq")},
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def interleave(rounds, contenders, warm_up=True):
    """Run each of {name: function} `rounds` times in turns; {name: [results]}.

    With `warm_up` each runs once before, which does not count.
    """
    if warm_up:
        for function in contenders.values():
            function()
    results = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, function in contenders.items():
            results[name].append(function())
    return results


def spread(values):
    """{"median", "min", "max", "runs"} of numbers."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": len(values)}


def percentile(values, share):
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def with_range(figures, scale=1.0, digits=1):
    """ "median (min–max)" of a spread."""
    low, middle, high = (f"{figures[k] * scale:,.{digits}f}" for k in ("min", "median", "max"))
    return f"{middle} ({low}–{high})"


def installed(program):
    """Path of a program, None when it is not installed."""
    return shutil.which(program)
