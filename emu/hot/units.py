"""Units: the entries of one source file, compiled together into one object file.

What several of them call, and that is not shared with other files (compiler.py), is optimised and generated once, not
once for each.
All of a machine's entries are compiled so (machine/warmup.py), and those of the tests before a long run.  An entry that
is used before its unit is compiled is compiled alone, with an object file of its own, so nobody waits for code that
he does not need.  The names in a unit's object file differ from those, since a process may have loaded both.
"""

import hashlib

from . import object_files
from .later import compiler

_units = {}  # (folder, symbol) -> Unit


def unit_of(entries):
    """The Unit of all entries of a source file that are known so far."""
    made = Unit(entries)
    return _units.setdefault(made.place, made)


class Unit:
    """Entries of one source file."""

    def __init__(self, entries):
        self.entries = tuple(entries)
        self.name = self.entries[0].function.__module__
        self.symbol = hashlib.sha256("\0".join(each.symbol for each in self.entries).encode()).hexdigest()[:20]
        self.place = (self.entries[0].place[0], self.symbol)

    def symbol_of(self, entry):
        """An entry's name in the object file."""
        return f"{self.symbol}.{entry.symbol}"

    def load(self):
        """Make its entries known to this process, if their code is in the cache, undamaged; whether it is."""
        return object_files.load(self.place)

    @property
    def is_stored(self):
        """Whether its machine code and all that this needs is in the cache, undamaged."""
        return object_files.needed([self.place]) is not None

    def lowered(self):
        """The first half of its compilation: the parts (compiler.Part) that it consists of, and those that it needs."""
        return compiler.lowered([(each, self.symbol_of(each)) for each in self.entries], self.place)
