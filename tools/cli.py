"""The `emu` command: one subcommand a file."""

import click

from .doctor import doctor
from .run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="emu")
def main():
    """A symmetric multiprocessor made of OS processes."""


main.add_command(run)
main.add_command(doctor)


if __name__ == "__main__":
    main(prog_name="emu")
