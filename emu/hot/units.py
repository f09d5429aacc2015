"""Units: the entries of one source file, compiled together into one object file.

What several of them call is optimised and generated once, not once for each, which halves the time for a file of many.
All of a machine's entries are compiled so (machine/warmup.py), and those of the tests before a long run.  An entry that
is used before its unit is compiled is compiled alone, with an object file of its own, so nobody waits for code that
he does not need.  The names in a unit's object file differ from those, since a process may have loaded both.
"""

import functools
import hashlib

import llvmlite.binding as llvm

from .cache import load, store
from .later import compiler

_units = {}  # object file -> Unit


@functools.cache
def _engine():
    """This process's loader of object files."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine(jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)


def load_object(code):
    """Make the symbols of an object file known to this process."""
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()


def address_of(symbol):
    return _engine().get_function_address(symbol)


def unit_of(entries):
    """The Unit of all entries of a source file that are known so far."""
    made = Unit(entries)
    return _units.setdefault(made.path, made)


class Unit:
    """Entries of one source file."""

    def __init__(self, entries):
        self.entries = tuple(entries)
        self.name, self.source = self.entries[0].function.__module__, self.entries[0].source
        self.symbol = hashlib.sha256("\0".join(each.symbol for each in self.entries).encode()).hexdigest()[:20]
        self.path = self.entries[0].path.parent / f"{self.symbol}.o"
        self._is_loaded = False

    def symbol_of(self, entry):
        """An entry's name in the object file."""
        return f"{self.symbol}.{entry.symbol}"

    def load(self):
        """Make its entries known to this process, if they are in the cache, undamaged; whether they are."""
        if not self._is_loaded and (code := load(self.path, self.symbol)) is not None:
            load_object(code)
            self._is_loaded = True
        return self._is_loaded

    @property
    def is_stored(self):
        """Whether its machine code is in the cache, undamaged."""
        return load(self.path, self.symbol) is not None

    def lowered(self):
        """The first half of its compilation; a function that does the second, and puts the code into the cache.

        That one raises OSError when the cache cannot be written.
        """
        generate = compiler.lowered([(each, self.symbol_of(each)) for each in self.entries])
        return lambda: store(self.path, self.symbol, generate())
