"""The `emu` command: one subcommand a file."""

import click

from .compare import compare
from .doctor import doctor
from .policies import policies
from .run import run
from .trace import trace


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="emu")
def main():
    """A symmetric multiprocessor made of OS processes."""


for command in (run, compare, policies, trace, doctor):
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="emu")
