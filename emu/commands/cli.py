"""The `emu` command's entry: it takes over the signals before it imports anything heavy."""

import sys

from emu.machine.standard import take_closed_standard_descriptors

from . import ending


def main(*subcommand):
    """The installed command, and with a subcommand the script in tools/ of its name."""
    take_closed_standard_descriptors()
    ending.install()
    ending.run(lambda: _execute(subcommand))


def _execute(subcommand):
    from .streams import standard_streams
    from .subcommands import emu

    with standard_streams():
        emu([*subcommand, *sys.argv[1:]], prog_name="emu")
