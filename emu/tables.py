"""Tables for people: as text that fits the width there is, and as HTML for a notebook.

The width is COLUMNS where it is set, else the terminal's, else WIDE for a file or a pipe.  A table of figures that is
wider goes on below in a second block, which begins with the same names again; nothing is cut off.  Words wrap.
Colours: rich's own rules, so NO_COLOR holds.
"""

import html
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

WIDE = 160
GAP = 2  # between two columns
WIDEST_NUMBER = 24  # what is longer is text

Rows = Sequence[Sequence[str]]


def console(stderr=False):
    """A console of rich's, as wide as it should be."""
    from rich.console import Console  # late: it takes a while to import

    found = Console(stderr=stderr, highlight=False)
    if not found.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        found.width = WIDE
    return found


def print_table(columns: Sequence[str], rows: Rows, stderr: bool = False, keys: int = 1) -> None:
    """Rows of text, with a heading. The first column is a name, the others are figures, or all are words.

    The first `keys` columns say of what a row is: each block has them.
    """
    from rich.table import Table
    from rich.text import Text

    out = console(stderr)
    words = _words(columns, rows)
    for chosen in _blocks(columns, rows, out.width, keys) if not any(words) else [range(len(columns))]:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for k in chosen:
            table.add_column(columns[k], justify="left" if k == 0 or any(words) else "right", overflow="fold")
        for row in rows:
            table.add_row(*(Text(row[k]) for k in chosen))  # Text: brackets are no markup
        out.print(table)


def print_lines(lines: Sequence[str], stderr: bool = False) -> None:
    """Sentences, one below the other; they wrap where there is a width, and are a line each in a file."""
    out = console(stderr)
    for line in lines:
        out.print(line, markup=False, soft_wrap=out.width == WIDE)


def _words(columns, rows):
    """Whether each column but the first has text that may wrap."""
    return [k > 0 and any(len(row[k]) > WIDEST_NUMBER for row in rows) for k in range(len(columns))]


def _blocks(columns, rows, width, keys):
    """Lists of column numbers, each beginning with the key columns, that fit a width."""
    from rich.cells import cell_len

    widths = [max(cell_len(each) for each in (name, *(row[k] for row in rows))) for k, name in enumerate(columns)]
    first = list(range(keys))
    blocks, used = [[*first]], sum(widths[:keys]) + GAP * (keys - 1)
    for k in range(keys, len(columns)):
        if used + GAP + widths[k] > width and len(blocks[-1]) > keys:
            blocks.append([*first])
            used = sum(widths[:keys]) + GAP * (keys - 1)
        blocks[-1].append(k)
        used += GAP + widths[k]
    return blocks


def html_table(columns: Sequence[str], rows: Rows, caption: str = "") -> str:
    """The same as a table of HTML. Colours and fonts are the page's."""
    words = _words(columns, rows)

    def cell(tag, k, content):
        side = "left" if k == 0 or words[k] else "right"
        return f'<{tag} style="text-align:{side}">{html.escape(content)}</{tag}>'

    head = "".join(cell("th", k, name) for k, name in enumerate(columns))
    body = "".join(f"<tr>{''.join(cell('td', k, each) for k, each in enumerate(row))}</tr>" for row in rows)
    title = f'<caption style="text-align:left">{html.escape(caption)}</caption>' if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_lines(lines: Sequence[str]) -> str:
    """Sentences below a table."""
    return "".join(f"<div>{html.escape(line)}</div>" for line in lines)


def duration(ns: float | None) -> str:
    """A time for people: three digits and a unit; "" for none."""
    if ns is None:
        return ""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            value = ns / size
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"
    return f"{ns:.0f} ns"


def share(value: float | None) -> str:
    """A share from 0 to 1; "" for none."""
    return "" if value is None else f"{value:.3f}"


def as_json(value: Any) -> Any:
    """The same of what JSON knows: text as keys, lists for tuples, Python's numbers, null for one that is none."""
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
