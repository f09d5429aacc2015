"""`emu trace open FILE`: a trace in Perfetto's user interface, in the browser, without internet."""

import signal
import sys
import webbrowser

import click

from .run import errors_in_one_line
from .trace_export import read_for_export, tell_notes


@click.command("open")
@click.argument("file")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Of 127.0.0.1 (any that is free).")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def open_trace(file, port, no_browser, quiet):
    """Show a trace FILE in Perfetto's user interface, served on this host until Ctrl-C."""
    with errors_in_one_line():
        from emu.trace.output import nameless_file
        from emu.trace.perfetto.export import export
        from emu.trace.perfetto.view import View, interface_folder

        interface_folder()  # before the work, if it is missing
        trace = read_for_export(file)
        with nameless_file() as exported:
            export(trace, exported, progress=not quiet)
            exported.flush()
            tell_notes(trace)
            del trace
            with View(exported.fileno(), port) as view:
                print(view.address, flush=True)
                print("emu: served until Ctrl-C", file=sys.stderr, flush=True)
                if not no_browser:
                    webbrowser.open(view.address)
                while True:
                    signal.pause()  # ending.py ends the process
