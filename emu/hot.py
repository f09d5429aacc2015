"""Hot code: compiled by Numba, run without the interpreter lock.

`@hot` marks a function of the kernel that is compiled wherever it is called.
`@entry(n)` marks one that cold Python calls with n 64-bit integers.
`@callback(n)` marks one that hot code calls through its address.

Entries and callbacks are compiled when they are first used or by cpu_worker/warm.py,
and cached on disk in a folder whose name says everything that can change their
machine code (cache.py): Numba itself does not notice a changed constant, intrinsic
or helper in another module.  Only integers cross the border between cold and hot: a
structured array as argument costs microseconds to type.

Rejected: numba.config.CACHE_DIR left set for good (it would move the cache of
the user's own Numba code).
"""

from contextlib import contextmanager

import numba
from numba import cfunc, int64, njit, types
from numba.extending import intrinsic

from .cache import CHECK, entry_directory  # noqa: F401  (CHECK: for hot code)

_entries = []


@contextmanager
def _cached(function):
    saved = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(entry_directory(function.__code__.co_filename))
    try:
        yield
    finally:
        numba.config.CACHE_DIR = saved


def hot(function):
    """Compile with the code that calls it; no cache entry of its own."""
    return njit(nogil=True, error_model="numpy")(function)


@intrinsic
def never_inline(typingctx):
    """In a hot function: keep it one function, called. For what is long or rarely taken.

    LLVM would copy it into every caller, which costs compile time and instruction cache.
    """

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


class Entry:
    """A cached compiled function of n integers, callable from cold Python."""

    def __init__(self, function, arity):
        self.name = f"{function.__module__}.{function.__qualname__}"
        self._arity = arity
        self.function = function
        with _cached(function):
            self._dispatcher = njit(nogil=True, error_model="numpy", cache=True)(function)
        self._compiled = None
        _entries.append(self)

    def __call__(self, *args):
        if self._compiled is None:
            self.compile()
        return self._compiled(*args)

    def compile(self):
        with _cached(self.function):
            self._dispatcher.compile((int64,) * self._arity)
        self._dispatcher.disable_compile()
        self._compiled = self._dispatcher


class Callback:
    """A cached compiled function of n words, callable from hot code by address.

    Words are integers unless `first` says that the first is a reference to a record.
    """

    def __init__(self, function, arity, first=int64):
        self.name = f"{function.__module__}.{function.__qualname__}"
        self.arity = arity
        self.function = function
        self._signature = int64(first, *(int64,) * (arity - 1))
        self._compiled = None
        _entries.append(self)

    def compile(self):
        with _cached(self.function):
            compiler = cfunc(self._signature, cache=True, nopython=True, error_model="numpy")
            self._compiled = compiler(self.function)

    @property
    def address(self):
        """Address in this process; another process has its own."""
        if self._compiled is None:
            self.compile()
        return self._compiled.address


def entry(arity):
    return lambda function: Entry(function, arity)


def callback(arity):
    return lambda function: Callback(function, arity)


def registered():
    """The entries and callbacks of the modules imported so far, in order."""
    return list(_entries)
