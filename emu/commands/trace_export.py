"""`emu trace export FILE -o OUT.pftrace`: a trace for Perfetto's user interface, and for all that reads its files."""

import sys

import click

from .run import errors_in_one_line

DAMAGED = 1  # the status when the trace is not whole


@click.command("export")
@click.argument("file")
@click.option("-o", "--output", required=True, metavar="OUT.pftrace", help="Where to write it.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def export_trace(file, output, quiet):
    """Write a trace FILE for Perfetto (perfetto.dev): tracks of CPUs, states of threads, who wakes whom, and why.

    Status 1 when the trace is not whole (what there is of it is written), 2 when nothing could be written.
    """
    with errors_in_one_line():
        trace = read_for_export(file)
        from emu.trace.output import whole_file
        from emu.trace.perfetto.export import export

        with whole_file(output) as written:
            export(trace, written, progress=not quiet)
    sys.exit(DAMAGED if tell_notes(trace) else 0)


def read_for_export(file):
    """A Trace; MachineError when there is none, or the packages to export it are missing."""
    from emu.trace.file import read_trace
    from emu.trace.perfetto.export import need_perfetto

    need_perfetto()
    return read_trace(file)


def tell_notes(trace):
    """Say what is not as it should be with a trace; whether something of it is missing."""
    for note in trace.notes():
        print(f"emu: {note}", file=sys.stderr)
    return trace.is_damaged or not trace.complete
