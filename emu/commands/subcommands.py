"""All subcommands of `emu`: each is the function of its own name in a file of that name."""

from collections.abc import Mapping
from importlib import import_module

import click

from emu import __version__

from .options import Emu

NAMES = (
    "run",
    "explore",
    "replay",
    "teach",
    "compare",
    "sweep",
    "policies",
    "trace",
    "report",
    "disasm",
    "ps",
    "stats",
    "top",
    "debug",
    "doctor",
)


class _Subcommands(Mapping):
    """By name, imported when they are asked for: to import all of them takes longer than most of a short run."""

    def __getitem__(self, name):
        if name not in NAMES:
            raise KeyError(name)
        return getattr(import_module(f".{name}", __package__), name)

    def __iter__(self):
        return iter(NAMES)

    def __len__(self):
        return len(NAMES)


@click.group(cls=Emu, commands=_Subcommands(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def emu():
    """A symmetric multiprocessor made of OS processes."""
