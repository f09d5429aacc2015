"""The compile cache: where it is, what the names of its folders mean, whether it is complete.

The code of one source file lives in a folder named after everything that can change it: the
source of that module and of all that this one imports, in emu or beside itself, directly or not,
the versions of the compilers, the processor.  So after an edit, what imports the edited file is
compiled anew, and nothing else.  Where the sources lie is no part of it: checkouts and installed copies share.
Each file carries a checksum (checked_file.py); a file that fails it counts as missing and is made anew.
This module needs no Numba, so a command can look at the cache before it imports anything heavy.
"""

import ast
import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import os
import platform
import shutil
import stat
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from llvmlite import binding as llvm

from . import checked_file

SOURCE_ROOT = Path(__file__).resolve().parents[1]
COLD = (  # these hold no hot code (a test sees to it), so they are no part of a folder's name
    "actor",
    "commands",
    "debug/",
    "errors.py",
    "explore/",
    "guest.py",
    "guests",
    "live/",
    "machine",
    "program/",
    "server",
    "tables.py",
    "testing",
    "trace",
    "workload",
)
CHECK = os.environ.get("EMU_CHECK") == "1"  # checking build: lock order, state assertions
ABOVE = 4  # imports of a policy or a test are looked for in so many folders: its own, and three above
KEEP = 16  # so many caches of other versions are kept: those used last
STALE_S = 3600  # a file that was not finished for so long was left by a process that was killed


def cache_root():
    """Directory of all caches: EMU_CACHE_DIR, else the user's cache directory, else (no home) one below TMPDIR."""
    override = os.environ.get("EMU_CACHE_DIR")
    if override:
        return Path(override)
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(xdg):  # others are to be ignored, says the specification
        return Path(xdg) / "emu"
    own = Path(os.path.expanduser("~"), ".cache", "emu")  # "~" itself for a user without a home
    if own.is_absolute() and (own.is_dir() or any(os.access(p, os.W_OK | os.X_OK) for p in own.parents[:2])):
        return own
    return _fallback()


def _fallback():
    return Path(tempfile.gettempdir()) / f"emu-cache-{os.getuid()}"


@functools.cache
def _check_owner():
    """PermissionError for another user's directory: below TMPDIR anybody can make one, and its code is executed."""
    root = cache_root()
    if root == _fallback():
        root.mkdir(mode=0o700, exist_ok=True)
        found = root.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise PermissionError(errno.EPERM, "belongs to somebody else", str(root))


@functools.cache
def _environment():
    """What the machine code depends on beside the sources: versions, processor, kind of build."""
    return "\0".join(
        (
            platform.python_version(),
            version("numpy"),
            version("numba"),
            version("llvmlite"),
            llvm.get_host_cpu_name(),
            str(sorted(llvm.get_host_cpu_features().items())),
            f"check={CHECK}",
            f"level={os.environ.get('NUMBA_OPT', '')}",
        )
    ).encode()


# The text that was executed, of each hot file outside emu: a policy may be edited and loaded again in one process.
_executed = {}


def note_source(filename):
    """A hot function of this file is being made. True for a file outside emu, whose present content then counts."""
    path = _resolved_outside(filename)
    if path is None:
        return False
    _executed[path] = path.read_bytes()
    return True


@functools.cache
def _resolved_outside(filename):
    path = _resolved(filename)
    return path if path is not None and not _is_inside(path) else None


@functools.cache
def _resolved(filename):
    return Path(filename).resolve() if os.path.isfile(filename) else None


def _content(path):
    return _executed[path] if path in _executed else path.read_bytes()


@functools.cache
def _is_inside(path):
    return path.is_relative_to(SOURCE_ROOT)


def _name(path):
    """What stands for a source file in the cache; it does not depend on where emu or the user's folder lies."""
    return f"emu/{path.relative_to(SOURCE_ROOT).as_posix()}" if _is_inside(path) else path.name


def _digest(*paths):
    """A hash of the environment and of these sources, in this order."""
    hashes = (_hash_of(path, None if _is_inside(path) else _content(path)) for path in paths)
    return hashlib.sha256(_environment() + b"".join(hashes)).hexdigest()[:20]


@functools.cache
def _hash_of(path, content):
    """Of a source file's name and content; of one of emu (None) as it is, which no process sees change."""
    text = path.read_bytes() if content is None else content
    return hashlib.sha256(os.fsencode(f"{_name(path)}\0") + text).digest()


def _in_order(paths):
    return sorted(paths, key=lambda path: (_name(path), b"" if _is_inside(path) else _content(path)))


def _file_of(parts, folders):
    """The source file of a dotted module name, in emu or in one of these folders; None when there is none."""
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
    """`_imports` of a file outside emu with this content; of one of emu (None), which no process sees change."""
    inside = content is None
    noted = _noted_imports().get(_name(path)) if inside else None
    if noted and noted[0] == _hash_of(path, None).hex():
        return {SOURCE_ROOT.parent / name for name in noted[1]}
    found = set()
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


def entry_folder(path):
    """The name of the folder for the compiled code of one source file, as it was executed."""
    path = Path(path).resolve()
    return _folder_of(path, tuple((p, _content(p)) for p in sorted(_reached(path, _is_inside))))


def folder_of_files(*paths):
    """The name of the folder for what is made of these files of emu and all that they import."""
    return _digest(*_in_order(set().union(*map(_reached, paths)) | _reached(SOURCE_ROOT / "hot" / "guest_code.py")))


def _reached(path, beyond=lambda path: False):
    """A file and all that it imports, directly or not; the imports of a file for which `beyond` holds are left out."""
    reached, new = set(), {path}
    while new := {p for p in new - reached if not beyond(p)}:
        reached |= new
        new = set().union(*(_imports(p) for p in new))
    return reached


@functools.cache
def _folder_of(path, outside):
    """The folder's name of a source file. `outside`: (file, content) of each file outside emu that it reaches."""
    known = None if outside else _known_folders().get(_name(path))
    reached = () if known else _reached(path) | _reached(SOURCE_ROOT / "hot" / "compiler.py")
    return known or _digest(path, *_in_order(reached))


def object_file(folder, symbol):
    """The path of the object file of this symbol."""
    return f"{CACHE_DIR.parent}/code/{folder}/{symbol}.o"  # not pathlib's: each command looks at a thousand of them


@functools.cache
def _sources():
    return list(SOURCE_ROOT.rglob("*.py"))


def _hot_sources():
    return [path for path in _sources() if not path.relative_to(SOURCE_ROOT).as_posix().startswith(COLD)]


def _digest_of_hot_sources():
    """A hash of the environment and of all hot sources, in the order of their paths.

    Each command waits for this in two processes, so it uses no pathlib, which would take most of the time.
    """
    whole, top = hashlib.sha256(_environment()), f"{SOURCE_ROOT}{os.sep}"
    for folder, folders, names in os.walk(SOURCE_ROOT):
        folders.sort()
        for path in sorted(os.path.join(folder, name) for name in names if name.endswith(".py")):
            name = path.removeprefix(top)
            if not name.startswith(COLD):
                with open(path, "rb") as file:
                    content = file.read()
                whole.update(os.fsencode(f"{name}\0{len(content)}\0") + content)
    return whole.hexdigest()[:20]


CACHE_DIR = cache_root() / _digest_of_hot_sources()
MARKER = CACHE_DIR / "complete"
_MARKER_NAME = "complete"
_was_warm = False
_NOT_WRITTEN = "the compile cache cannot be written: "


def load(path, symbol):
    """The machine code stored under this symbol; None when it is missing or damaged."""
    try:
        _check_owner()
    except OSError:
        return None
    return checked_file.read(path, symbol)


def store(path, symbol, code, durable=True):
    """Keep machine code, past a power cut if it is to be `durable`. OSError when it cannot be written."""
    _check_owner()
    checked_file.write(Path(path), symbol, code, durable)


def is_warm():
    """True when all code of these sources has been compiled and cached, and is whole; one look serves a process."""
    global _was_warm
    _was_warm = _was_warm or (bool(objects()) and not damaged())
    return _was_warm


def objects():
    """The (folder, symbol) of all object files, where the cache is complete."""
    return _marked(MARKER).get("objects", [])


def damaged():
    """Of a cache that was complete, the object files that are missing or damaged now."""
    return [[folder, symbol] for folder, symbol in objects() if load(object_file(folder, symbol), symbol) is None]


@functools.cache
def _known_folders():
    """{source file: its folder's name} as a complete cache has it noted: to work it out, all sources must be read."""
    return _marked(MARKER).get("folders", {})


@functools.cache
def _noted_imports():
    """{source file: [hash, what it imports]} of all of emu, as noted in a complete cache: to parse all takes long."""
    noted = _marked(MARKER).get("imports", {})
    return noted if noted.keys() == {_name(path) for path in _sources()} else {}  # a new file may be what others import


def _marked(marker):
    """What a marker file says; {} when there is none, or it is damaged or an older emu's."""
    content = load(marker, _MARKER_NAME)
    return json.loads(content) if content else {}


def not_written(error):
    """The line for the person whose cache cannot be written, of an OSError."""
    where = error.filename or cache_root()
    return f"{_NOT_WRITTEN}{where}: {error.strerror}; set EMU_CACHE_DIR to another directory"


def says_not_written(line):
    return line.startswith(_NOT_WRITTEN)


@contextlib.contextmanager
def cache_lock():
    """A lock that the one process that compiles holds; others say that they wait, and then find a complete cache."""
    _check_owner()
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    with open(CACHE_DIR / "lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("emu: another emu is compiling the kernel (once): waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def mark_used():
    """Note that this cache has been used: `mark_warm` keeps the caches that were used last."""
    with contextlib.suppress(OSError):
        os.utime(MARKER)


def mark_warm(files):
    """Record that the cache is complete and where these files are, (folder, symbol); drop what older sources left."""
    folders = {_name(path): entry_folder(path) for path in _hot_sources()}
    imports = {_name(p): [_hash_of(p, None).hex(), sorted(map(_name, _imports(p)))] for p in _sources()}
    content = {"folders": folders, "imports": imports, "objects": list(files)}
    store(MARKER, _MARKER_NAME, json.dumps(content).encode())
    with contextlib.suppress(OSError):  # another process may be removing the same
        _drop_old(CACHE_DIR.parent)


def _drop_old(root):
    versions = sorted(root.glob("*/complete"), key=lambda p: p.stat().st_mtime)
    dropped, kept = versions[: -KEEP - 1], versions[-KEEP - 1 :]
    for path in (*root.glob("*/*.new"), *root.glob("code/*/*.new")):
        if time.time() - path.stat().st_mtime > STALE_S:
            path.unlink()
    if not dropped:
        return
    for marker in dropped:
        shutil.rmtree(marker.parent, ignore_errors=True)
    needed = {folder for marker in kept for folder, _ in _marked(marker).get("objects", [])}
    oldest = kept[0].stat().st_mtime
    for path in (root / "code").iterdir():  # what is newer may be a user's, or is being compiled
        if path.name not in needed and path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)
