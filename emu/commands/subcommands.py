"""All subcommands of `emu`, one a file."""

import click

from emu import __version__

from .compare import compare
from .debug import debug
from .disasm import disasm
from .doctor import doctor
from .options import Emu
from .policies import policies
from .ps import ps
from .report import report
from .run import run
from .stats import stats
from .sweep import sweep
from .top import top
from .trace import trace


@click.group(cls=Emu, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def emu():
    """A symmetric multiprocessor made of OS processes."""


for command in (run, compare, sweep, policies, trace, report, disasm, ps, stats, top, debug, doctor):
    emu.add_command(command)
