"""The `emu` command: one subcommand a file."""

import sys

import click

from emu import __version__

from .compare import compare
from .doctor import doctor
from .options import Emu
from .policies import policies
from .run import run
from .streams import standard_streams
from .trace import trace


@click.group(cls=Emu, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def emu():
    """A symmetric multiprocessor made of OS processes."""


for command in (run, compare, policies, trace, doctor):
    emu.add_command(command)


def main(*subcommand):
    """The installed command, and with a subcommand the script in tools/ of its name."""
    with standard_streams():
        emu([*subcommand, *sys.argv[1:]], prog_name="emu")
