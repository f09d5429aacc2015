"""`emu report FILE [FILE] -o PAGE`: a trace, or two side by side, as one HTML page that opens from the disk.

A trace that is torn, has no end or is newer than this emu is shown as far as it goes, and the status is 1; what is not
as it should be is on the page and on standard error.  Status 2 is bad input or a page that cannot be written, in one
line; then no page is left.
"""

import sys

import click

from emu.errors import BAD_INPUT

DAMAGED = 1


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE [FILE]")
@click.option("-o", "--output", default="report.html", show_default=True, metavar="PAGE", help="The page's file.")
@click.option("--quiet", is_flag=True, help="No progress, no line about the page.")
def report(files, output, quiet):
    """Show what a trace FILE says, or compare two, in one HTML page."""
    import os

    from tqdm import tqdm

    from emu.errors import TraceError
    from emu.trace.report.page import write_report

    try:
        if len(files) > 2:
            raise TraceError(f"{len(files)} traces: give one, or two to compare")
        with tqdm(total=0, disable=quiet or None, leave=False, unit="step") as bar:

            def step(what, steps):
                bar.total += steps
                bar.set_description(what)
                bar.update()

            traces = write_report(files, output, step)
    except TraceError as error:
        print(f"emu: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    for trace in traces:
        for note in trace.notes():
            print(f"emu: {trace.path}: {note}", file=sys.stderr)
    if not quiet:
        print(f"{output}: {os.path.getsize(output) / 1e6:.1f} MB")
    sys.exit(DAMAGED if any(trace.is_damaged for trace in traces) else 0)
