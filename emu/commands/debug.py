"""`emu debug [PID | SNAPSHOT]`: look into a machine that runs, or into the snapshot of one (a debugger, as BSD's DDB).

Commands come from -c (several, in order), from a pipe, or from a prompt with a history and completion.  Answers go to
standard output.  A command that was typed wrongly is one line on standard error; with -c or from a pipe the status is
then 2.
"""

import contextlib
import os
import re
import sys

import click

from emu.errors import BAD_INPUT

from . import ending

PROMPT = "(emu) "
HISTORY_LINES = 1000


@click.command()
@click.argument("target", required=False)
@click.option("-c", "--command", "commands", multiple=True, metavar="COMMAND", help="Execute this and end; repeatable.")
def debug(target, commands):
    """Look into the machine of process PID, the only one that runs, or a SNAPSHOT file. `help` lists the commands."""
    from emu.debug.debugger import Debugger

    from .run import errors_in_one_line

    with errors_in_one_line():
        inspector, control = _open(target)
    debugger = Debugger(inspector, control)
    with ending.at_last(debugger.leave_at_once):
        try:
            if commands:
                status = _execute_all(debugger, commands)
            elif sys.stdin is not None and sys.stdin.isatty():
                status = _interact(debugger)
            else:
                status = _execute_all(debugger, sys.stdin or ())
        finally:
            with contextlib.suppress(Exception):  # the machine may be gone
                debugger.leave()
    sys.exit(status)


def _open(target):
    """(Inspector, Control or None) of what was named."""
    from emu.debug.attach import attach_to, find
    from emu.debug.text import CommandError
    from emu.machine.control import Control

    if target is None or re.fullmatch("[0-9]{1,20}", target) and not os.path.exists(target):
        found = find(None if target is None else int(target))
        return attach_to(found), Control(found.directory)
    if not os.path.exists(target):
        raise CommandError(f"{target}: neither a process id (emu ps) nor a file")
    from emu.debug.open_snapshot import open_snapshot

    return open_snapshot(target), None


def _execute_all(debugger, lines):
    status = 0
    for line in lines:
        status = _execute(debugger, line) or status
        if debugger.done:
            break
    return status


def _execute(debugger, line):
    """Execute one command; 0, or the status of what was wrong."""
    from emu.errors import MachineError

    try:
        for text in debugger.execute(line):
            print(text)
        sys.stdout.flush()
        return 0
    except MachineError as error:
        sys.stdout.flush()
        print(f"emu: {error}", file=sys.stderr, flush=True)
        return BAD_INPUT


def _interact(debugger):
    """A prompt, until quit or the end of input. Mistakes cost nothing."""
    _with_readline(debugger)
    print("\n".join(debugger.execute("show machine")), "type help for the commands", sep="\n")
    while not debugger.done:
        try:
            line = input(PROMPT)
        except EOFError:
            print()
            break
        _execute(debugger, line)
    return 0


def _with_readline(debugger):
    """History and completion, where Python has readline."""
    try:
        import readline
    except ImportError:
        return
    found = []

    def complete(text, state):
        if state == 0:
            found[:] = debugger.complete(readline.get_line_buffer())
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims("")
    readline.parse_and_bind("tab: complete")
    readline.set_history_length(HISTORY_LINES)
