"""Hot code: compiled by Numba, run without the interpreter lock.

`@hot` marks a function of the kernel that is compiled wherever it is called.
`@entry(n)` marks one that cold Python calls with n 64-bit integers.
`@callback(n)` marks one that hot code calls through its address.
`@intrinsic` marks one that makes LLVM code (Numba's decorator of that name).

Entries and callbacks are compiled when they are first used, or before, those of a source file together (units.py).
Their machine code is an object file in a folder whose name says everything that can change it (cache.py), and is loaded
from there by LLVM alone: Numba, slow to import, is only imported to compile.  So nothing here or in hot modules may
import it: `types` stands for numba.types and looks names up when code is made.
Where the cache cannot be written, code is compiled into memory.  Only integers cross the border between cold and hot.

Rejected: Numba's own cache.  It does not notice a changed constant, intrinsic or helper of another
module, and it takes 10 ms to load a function, where this takes a third of one.
"""

import ctypes
import functools

from . import object_files
from .cache import CHECK, entry_folder, note_source  # noqa: F401  (CHECK: for hot code)
from .later import compiler, types
from .units import unit_of

_entries = []
_of_files = {}  # (source file, its folder where that may change) -> [entry], of functions at a module's top


class Hot:
    """A function that is compiled with the code that calls it; it has no machine code of its own."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function
        note_source(function.__code__.co_filename)

    @functools.cached_property
    def dispatcher(self):
        """Numba's object for it."""
        return compiler.Dispatcher(self.function)

    @property
    def _numba_type_(self):
        return self.dispatcher._numba_type_


class Intrinsic:
    """A function that, where hot code calls it, makes the LLVM code of that call."""

    def __init__(self, function, options):
        functools.update_wrapper(self, function)
        self._function, self._options = function, options

    @functools.cached_property
    def _numba_type_(self):
        self._made, numba_type = compiler.intrinsic_type(self._function, self._options)
        return numba_type


hot = Hot


def intrinsic(function=None, **options):
    """Decorator of an intrinsic, with Numba's options or without."""
    if function is None:
        return lambda function: Intrinsic(function, options)
    return Intrinsic(function, options)


@intrinsic
def never_inline(typingctx):
    """Called in a hot function: that function is not inlined. For functions that are long or rarely called.

    LLVM would copy it into every caller, which costs compile time and instruction cache. One of emu's own is compiled
    once, into an object file of its own, for all that call it.
    """

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        builder.function.is_never_inlined = True  # compiler.py looks for it
        return context.get_dummy_value()

    return types.void(), codegen


# --- machine code -------------------------------------------------------------------------------------


class Compiled:
    """A cached compiled function of n words.

    Words are integers unless `first`, a RecordType, says that the first is the address of a record.
    """

    for_python = False
    not_stored = None  # the OSError that kept compiled code from being written: it is in memory only

    def __init__(self, function, arity, first=None):
        self.name = f"{function.__module__}.{function.__qualname__}"
        self.arity = arity
        self.function = function
        self.first = first
        if function.__closure__:  # what a closure holds is no part of the folder's name
            raise TypeError(f"{self.name} uses variables of the function around it: make them globals")
        outside = note_source(function.__code__.co_filename)
        if outside:
            self._folder = entry_folder(function.__code__.co_filename)  # now, because the file may change later
        _entries.append(self)
        self._file = self.source, self._folder if outside else None
        if "<locals>" not in function.__qualname__:
            _of_files.setdefault(self._file, []).append(self)

    @property
    def unit(self):
        """The Unit of its source file's entries; None for a function that another one made."""
        together = {each.symbol: each for each in _of_files.get(self._file, ())}
        return unit_of(together.values()) if self.symbol in together else None

    @functools.cached_property
    def _loaded(self):
        """Its symbol in this process, once that has its machine code."""
        unit = self.unit
        if unit is not None and unit.load():
            return unit.symbol_of(self)
        if not object_files.load(self.place) and not object_files.load(self.place, self._made()):
            raise RuntimeError(f"{self.name}: somebody removes files of the compile cache while they are made")
        return self.symbol

    @functools.cached_property
    def address(self):
        """Address in this process, loaded or compiled now; another process has its own."""
        return object_files.address_of(self._loaded)

    def compile(self):
        """Compile it and load the machine code."""
        return self.address

    @property
    def is_compiled(self):
        return "address" in self.__dict__

    @property
    def is_stored(self):
        """Whether its machine code is in the cache, undamaged."""
        unit = self.unit
        return (unit is not None and unit.is_stored) or object_files.needed([self.place]) is not None

    def store(self):
        """Put its machine code into the cache, alone. OSError when it cannot be written."""
        if not self.is_stored:
            self._made()
            if self.not_stored:
                raise self.not_stored

    @property
    def source(self):
        """The file that it is written in."""
        return self.function.__code__.co_filename

    @functools.cached_property
    def _folder(self):
        return entry_folder(self.source)

    @functools.cached_property
    def symbol(self):
        """Its name in the object file. Not by its module, which may be __main__ here and not in another process."""
        return f"{self._folder}.{self.function.__qualname__}.{self.function.__code__.co_firstlineno}"

    @property
    def place(self):
        """Its object file in the cache, where it is compiled alone: (folder, symbol)."""
        return self._folder, self.symbol

    def _made(self):
        """Compile it alone, with what it needs, into the cache; {place: content} of what was compiled."""
        made = {}
        for part in compiler.lowered([(self, self.symbol)], self.place):
            if not part.is_stored:
                made[part.place] = part.generate()
                try:
                    object_files.store(part.place, made[part.place])
                except OSError as error:  # emu works without a cache
                    self.not_stored = error
        return made


class Callback(Compiled):
    """Callable from hot code by address."""


class _MethodDefinition(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = [
        ("name", ctypes.c_char_p), ("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    ]  # fmt: skip


_METH_FASTCALL = 0x80
_new_function = ctypes.pythonapi.PyCFunction_NewEx
_new_function.restype = ctypes.py_object
_new_function.argtypes = (ctypes.POINTER(_MethodDefinition), ctypes.c_void_p, ctypes.c_void_p)


class Entry(Compiled):
    """Callable from cold Python."""

    for_python = True

    @functools.cached_property
    def _call(self):
        address = object_files.address_of(f"{self._loaded}.python")
        self._definition = _MethodDefinition(self.name.encode(), address, _METH_FASTCALL, None)
        return _new_function(self._definition, None, None)

    def __call__(self, *words):
        return self._call(*words)


def entry(arity):
    return lambda function: Entry(function, arity)


def callback(arity):
    return lambda function: Callback(function, arity)


def registered():
    """The entries and callbacks of the modules imported so far, in order."""
    return list(_entries)


def units(entries):
    """The units of these entries, each once, in order; without those that other functions have made."""
    return list(dict.fromkeys(unit for each in entries if (unit := each.unit) is not None))
