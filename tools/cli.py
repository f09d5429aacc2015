"""The `emu` command: one subcommand a file."""

import click

from .compare import compare
from .doctor import doctor
from .policies import policies
from .run import run
from .streams import standard_streams
from .trace import trace


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="emu")
def emu():
    """A symmetric multiprocessor made of OS processes."""


for command in (run, compare, policies, trace, doctor):
    emu.add_command(command)


def main():
    """The installed command."""
    with standard_streams():
        emu(prog_name="emu")


if __name__ == "__main__":
    main()
