"""The section of a benchmark in RESULTS.md: `--results` replaces it by this run's tables, the machine and the date.

A section begins with its heading, "## name: question", and ends before the next heading of that rank. All other
sections stay as they are, so figures of several machines and days stand beside each other, each with its own.
"""

import re
from pathlib import Path

RESULTS_PAGE = Path(__file__).resolve().parent / "RESULTS.md"


def cell(value):
    return str(value).replace("|", "\\|").replace("\n", " ")


def table_lines(title, columns, rows):
    """A table in Markdown."""
    lines = [f"**{title}**", ""] if title else []
    lines.append("| " + " | ".join(map(cell, columns)) + " |")
    lines.append("| " + " | ".join(["---"] + ["---:"] * (len(columns) - 1)) + " |")
    return [*lines, *("| " + " | ".join(map(cell, row)) + " |" for row in rows), ""]


def machine_line(host):
    """The computer of a run, in a sentence."""
    kernel = ".".join(host["kernel"].split(".")[:2])
    return (
        f"{host['time'][:10]}, {host['cpu']}, {host['cores']} cores, Linux {kernel}, host load "
        f"{host['load_1min']:.1f} at the start; Python {host['python']}, numba {host['numba']}"
    )


def section(bench):
    """A run's section of the page, as text; `bench` is a common.Benchmark that has run."""
    options = ", ".join(f"{name} {value}" for name, value in bench.options.items() if value not in (None, False, ""))
    lines = [f"## {bench.name}: {bench.question}", "", f"{machine_line(bench.host)}; {options}.", ""]
    for table in bench.tables:
        lines += table_lines(*table)
    for note in bench.notes:
        lines += [note, ""]
    return "\n".join(lines).rstrip() + "\n"


def replace_section(page, name, text):
    """The page with the section of that name replaced, or added at its end."""
    found = re.search(rf"^## {re.escape(name)}: .*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if not found:
        return page.rstrip() + "\n\n" + text
    rest = page[found.end() :]
    return page[: found.start()] + text + ("\n" + rest if rest else "")


def write_section(bench, page=RESULTS_PAGE):
    page.write_text(replace_section(page.read_text(), bench.name, section(bench)))
