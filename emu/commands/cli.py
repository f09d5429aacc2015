"""The `emu` command's entry: it takes over the signals before it imports anything heavy."""

import os
import sys

from emu.errors import refused
from emu.machine.blas import ONE_BLAS_THREAD
from emu.machine.standard import take_closed_standard_descriptors

from . import ending

HOST_REFUSES = 70  # EX_SOFTWARE, as of a machine that failed


def main(*subcommand):
    """The installed command, and with a subcommand the script in tools/ of its name."""
    take_closed_standard_descriptors()
    os.environ.setdefault(*ONE_BLAS_THREAD)  # before numpy is imported
    ending.install()
    ending.run(lambda: _execute(subcommand))


def _execute(subcommand):
    try:
        from .streams import standard_streams
        from .subcommands import emu

        with standard_streams():
            emu([*subcommand, *sys.argv[1:]], prog_name="emu")
    except (OSError, MemoryError, ImportError) as error:  # of the host, wherever it was short of something
        print(f"emu: the machine failed: {refused(error)}", file=sys.stderr)
        sys.exit(HOST_REFUSES)
