"""`emu top [PID]`: the CPUs, threads and locks of a machine while it runs, with htop's keys.

Where standard output is no terminal, or with --once, the figures are printed once, as a plain table.  A machine that
ends while it is watched ends the command with one line and status 0.
"""

import os
import sys

import click

from . import ending

COLUMNS = ("tid", "task", "name", "s", "cpu", "cpu%", "delay", "sw/s", "migr", "time")
MOST_LINES = 1000  # of a plain table


@click.command()
@click.argument("pid", required=False, type=click.IntRange(1))
@click.option(
    "--delay", default=1.5, show_default=True, type=click.FloatRange(0.1, 3600), metavar="S", help="Interval."
)
@click.option("--sort", default="cpu%", show_default=True, type=click.Choice(COLUMNS, case_sensitive=False))
@click.option("--filter", "name_filter", default="", metavar="TEXT", help="Only threads with this in their name.")
@click.option("--once", is_flag=True, help="Print the figures of one interval, as a table.")
def top(pid, delay, sort, name_filter, once):
    """Watch the machine of process PID, or the only one that runs. `h` shows the keys."""
    from emu.debug.attach import attach
    from emu.live.parts import COLUMNS as NAMES
    from emu.live.view import View

    from .run import errors_in_one_line

    with errors_in_one_line():
        inspector = attach(pid)
    by = next(name for name in NAMES if name.lower() == sort.lower())
    view = View(inspector, by, name_filter)
    if once or not (sys.stdout.isatty() and sys.stdin is not None and sys.stdin.isatty()):
        ended = _print_once(view, inspector, min(delay, 0.5))
    else:
        ended = _watch(view, inspector, delay)
    if ended:
        print(f"emu: the machine of process {inspector.pid} has ended", file=sys.stderr)


def _print_once(view, inspector, delay):
    from emu.live.watch import intervals

    for rates in intervals(inspector, delay):
        view.update(rates)
        height = rates.after.nr_threads + inspector.nr_cpus() + 12
        for text, style in view.lines(1 << 10, min(height, MOST_LINES)):
            if style != "keys" and text:
                print(text.rstrip())
        return False
    return True


def _watch(view, inspector, delay):
    import curses

    from emu.errors import BAD_INPUT
    from emu.live.screen import watch

    try:
        with ending.gently():
            return watch(view, inspector, delay, lambda: ending.arrived)
    except curses.error as error:
        term = os.environ.get("TERM", "")
        print(f"emu: top: no screen for a terminal of kind {term!r} ({error}); see --once", file=sys.stderr)
        sys.exit(BAD_INPUT)
