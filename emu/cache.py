"""The compile cache: where it is, what its name stands for, whether it is complete.

Needs no Numba, so that a command can look before it imports anything heavy.
"""

import fcntl
import hashlib
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
KEEP = 4  # caches of other versions that are not removed


def _digest():
    """Hash of everything that can change compiled code."""
    h = hashlib.sha256()
    for path in sorted(SOURCE_ROOT.rglob("*.py")):
        name = path.relative_to(SOURCE_ROOT).as_posix()
        if not name.startswith(COLD):
            h.update(name.encode() + b"\0" + path.read_bytes())
    for part in (
        str(SOURCE_ROOT),  # Numba finds its entries by the path of the source
        platform.python_version(),
        version("numpy"),
        version("numba"),
        version("llvmlite"),
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


def is_warm():
    """True when every entry of this digest has been compiled and cached."""
    return MARKER.exists()


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
    older = sorted(
        (p for p in CACHE_DIR.parent.iterdir() if p.is_dir() and p != CACHE_DIR),
        key=lambda p: p.stat().st_mtime,
    )
    for path in older[:-KEEP]:
        shutil.rmtree(path, ignore_errors=True)
