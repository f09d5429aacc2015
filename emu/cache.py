"""The compile cache: where it is, what its names stand for, whether it is complete.

The code of one entry lives in a folder named after everything that can change it: the
source of its module and of all that this one imports, in emu or beside itself, directly or not,
the versions of the compilers, the processor.  So an edit compiles anew what it reaches
and nothing else.  Needs no Numba, so that a command can look before it imports
anything heavy.
"""

import ast
import fcntl
import functools
import hashlib
import json
import os
import platform
import shutil
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from llvmlite import binding as llvm

SOURCE_ROOT = Path(__file__).parent
COLD = ("machine", "kernel/vfs")  # no hot code below (a test sees to it): no part of the cache key
CHECK = os.environ.get("EMU_CHECK") == "1"  # checking build: lock order, state assertions
ABOVE = 4  # folders in which a policy's or a test's imports are looked for: its own, and three above
KEEP = 4  # caches of other versions that are not removed


def cache_root():
    """Directory of all caches; EMU_CACHE_DIR overrides it."""
    override = os.environ.get("EMU_CACHE_DIR")
    if override:
        return Path(override)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emu"


@functools.cache
def _environment():
    """What beside the sources decides about machine code."""
    return "\0".join(
        (
            str(SOURCE_ROOT),  # Numba finds its entries by the path of the source
            platform.python_version(),
            version("numpy"),
            version("numba"),
            version("llvmlite"),
            llvm.get_host_cpu_name(),
            str(sorted(llvm.get_host_cpu_features().items())),
            f"check={CHECK}",
        )
    ).encode()


# Of hot code outside emu, what was executed: a policy may be edited and loaded again while the process lives.
_executed = {}


def note_source(filename):
    """A hot function of this file is being made. True for a file outside emu, whose present content then counts."""
    if filename.startswith(f"{SOURCE_ROOT}{os.sep}") or not os.path.isfile(filename):
        return False
    path = Path(filename).resolve()
    _executed[path] = path.read_bytes()
    return True


def _content(path):
    return _executed[path] if path in _executed else path.read_bytes()


def _is_inside(path):
    return path.is_relative_to(SOURCE_ROOT)


def _digest(paths):
    h = hashlib.sha256(_environment())
    for path in sorted(paths):
        h.update(str(path).encode() + b"\0" + _content(path))
    return h.hexdigest()[:20]


def _file_of(parts, folders):
    """The source of a dotted name: in emu, or in one of these folders; None when there is none."""
    for folder in (SOURCE_ROOT.parent,) if parts[:1] == ["emu"] else folders if parts else ():
        path = folder.joinpath(*parts)
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _imports(path):
    """The files that a source file imports: those of emu, and of a file outside also those beside it and above."""
    return _imports_of(path, None if _is_inside(path) else _content(path))


@functools.cache
def _imports_of(path, content):
    """Of a file outside emu with this content; of one of emu (None), which stays as it is while a process lives."""
    found = set()
    inside = content is None
    package = ["emu", *path.parent.relative_to(SOURCE_ROOT).parts] if inside else []
    folders = () if inside else path.parents[:ABOVE]
    for node in ast.walk(ast.parse(path.read_bytes() if inside else content)):
        if isinstance(node, ast.Import):
            found |= {_file_of(alias.name.split("."), folders) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            found.add(_file_of(base, folders))
            found |= {_file_of([*base, alias.name], folders) for alias in node.names}
    return found - {None, SOURCE_ROOT / "__init__.py"}


def entry_directory(path):
    """The folder for the compiled code of one source file, as it was executed."""
    path = Path(path).resolve()
    return _directory_of(path, tuple((p, _content(p)) for p in sorted(_reached(path, _is_inside))))


def _reached(path, beyond=lambda path: False):
    """A file and all that it imports, directly or not, but what lies beyond."""
    reached, new = set(), {path}
    while new := {p for p in new - reached if not beyond(p)}:
        reached |= new
        new = set().union(*(_imports(p) for p in new))
    return reached


@functools.cache
def _directory_of(path, outside):
    """`outside`: (file, content) of all outside emu that is reached; none for a file of emu."""
    known = None if outside else _known_folders().get(str(path))
    if known:
        return cache_root() / "code" / known
    return cache_root() / "code" / _digest(_reached(path) | _reached(SOURCE_ROOT / "compiler.py"))


def _hot_sources():
    for path in SOURCE_ROOT.rglob("*.py"):
        if not path.relative_to(SOURCE_ROOT).as_posix().startswith(COLD):
            yield path


CACHE_DIR = cache_root() / _digest(_hot_sources())
MARKER = CACHE_DIR / "complete"


def is_warm():
    """True when every entry of these sources has been compiled and cached."""
    return MARKER.exists()


@functools.cache
def _known_folders():
    """Of a complete cache, {source file: its folder's name}: to find these means to read all sources."""
    return _folders(MARKER)


def _folders(marker):
    try:
        return json.loads(marker.read_text())
    except (OSError, ValueError):  # none, or an older emu's
        return {}


@contextmanager
def cache_lock():
    """Held by the one process that compiles; others wait and then find a warm cache."""
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    with open(CACHE_DIR / "lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def mark_warm(sources):
    """Record that the cache is complete and where the code of each source file is; drop what older sources left."""
    folders = {str(Path(path).resolve()): entry_directory(path).name for path in sources}
    new = MARKER.with_suffix(".new")
    new.write_text(json.dumps(folders))
    new.rename(MARKER)
    root = CACHE_DIR.parent
    versions = sorted(root.glob("*/complete"), key=lambda p: p.stat().st_mtime)
    dropped, kept = versions[: -KEEP - 1], versions[-KEEP - 1 :]
    if not dropped:
        return
    for marker in dropped:
        shutil.rmtree(marker.parent, ignore_errors=True)
    needed = {name for marker in kept for name in _folders(marker).values()}
    oldest = kept[0].stat().st_mtime
    for path in (root / "code").iterdir():  # what is newer may be a user's, or is being compiled
        if path.name not in needed and path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)
