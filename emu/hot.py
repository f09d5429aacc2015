"""Hot code: compiled by Numba, run without the interpreter lock.

`@hot` marks a function of the kernel that is compiled wherever it is called.
`@entry(n)` marks one that cold Python calls with n 64-bit integers.
`@callback(n)` marks one that hot code calls through its address.

Entries and callbacks are compiled when they are first used or by `warm`, and
cached on disk.  Numba's cache does not notice a changed constant, intrinsic or
helper in another module, so the cache directory is a digest of everything that
can change the machine code: the sources that hold hot code, the versions of the tool
chain, the host CPU and the build flags.  Only integers cross the border between
cold and hot: a structured array as argument costs microseconds to type.

Rejected: numba.config.CACHE_DIR left set for good (it would move the cache of
the user's own Numba code).
"""

import fcntl
import hashlib
import os
import platform
import shutil
from contextlib import contextmanager
from pathlib import Path

import llvmlite
import numba
import numpy
from llvmlite import binding as llvm
from numba import cfunc, int64, njit, types
from numba.extending import intrinsic

SOURCE_ROOT = Path(__file__).parent
COLD = ("machine", "kernel/vfs")  # no hot code below (a test sees to it): no part of the cache key
CHECK = os.environ.get("EMU_CHECK") == "1"  # checking build: lock order, state assertions


def _digest():
    """Hash of everything that can change compiled code."""
    h = hashlib.sha256()
    for path in sorted(SOURCE_ROOT.rglob("*.py")):
        name = path.relative_to(SOURCE_ROOT).as_posix()
        if not name.startswith(COLD):
            h.update(name.encode() + b"\0" + path.read_bytes())
    for part in (
        platform.python_version(),
        numpy.__version__,
        numba.__version__,
        llvmlite.__version__,
        llvm.get_host_cpu_name(),
        str(sorted(llvm.get_host_cpu_features().items())),
        f"check={CHECK}",
    ):
        h.update(part.encode() + b"\0")
    return h.hexdigest()[:20]


def cache_root():
    """Directory that holds one folder per digest; EMU_CACHE_DIR overrides it."""
    override = os.environ.get("EMU_CACHE_DIR")
    if override:
        return Path(override)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emu"


CACHE_DIR = cache_root() / _digest()
MARKER = CACHE_DIR / "complete"
GENERATED_DIR = CACHE_DIR / "generated"
_entries = []


@contextmanager
def _cache_here():
    saved = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(CACHE_DIR)
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
        with _cache_here():
            self._dispatcher = njit(nogil=True, error_model="numpy", cache=True)(function)
        self._compiled = None
        _entries.append(self)

    def __call__(self, *args):
        if self._compiled is None:
            self.compile()
        return self._compiled(*args)

    def compile(self):
        with _cache_here():
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
        self._function = function
        self._signature = int64(first, *(int64,) * (arity - 1))
        self._compiled = None
        _entries.append(self)

    def compile(self):
        with _cache_here():
            compiler = cfunc(self._signature, cache=True, nopython=True, error_model="numpy")
            self._compiled = compiler(self._function)

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


def is_warm():
    """True when every entry of this digest has been compiled and cached."""
    return MARKER.exists()


def registered():
    """The entries and callbacks of the modules imported so far, in order."""
    return list(_entries)


@contextmanager
def cache_lock():
    """Held by the one process that compiles; others wait and then find a warm cache."""
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    with open(CACHE_DIR / "lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def mark_warm():
    """Record that the cache is complete, and drop the folders of older digests."""
    MARKER.touch()
    keep = sorted(
        (p for p in CACHE_DIR.parent.iterdir() if p.is_dir() and p != CACHE_DIR),
        key=lambda p: p.stat().st_mtime,
    )
    for old in keep[:-4]:
        shutil.rmtree(old, ignore_errors=True)
