"""All subcommands of `emu`, one a file."""

import click

from emu import __version__

from .compare import compare
from .disasm import disasm
from .doctor import doctor
from .options import Emu
from .policies import policies
from .report import report
from .run import run
from .sweep import sweep
from .trace import trace


@click.group(cls=Emu, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def emu():
    """A symmetric multiprocessor made of OS processes."""


for command in (run, compare, sweep, policies, trace, report, disasm, doctor):
    emu.add_command(command)
