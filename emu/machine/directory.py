"""The private directory of a machine's sockets, and sweeping those of dead machines.

A directory belongs to the supervisor whose process id and start time are in its
name; when that process is gone, so is the machine, and anyone may remove it.
"""

import os
import shutil
import tempfile
from pathlib import Path

import psutil

PREFIX = "emu-"


def _root():
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"{PREFIX}{os.getuid()}"


def make_directory():
    """A fresh directory (mode 0700) for this process's machine."""
    root = _root()
    root.mkdir(mode=0o700, exist_ok=True)
    if root.stat().st_uid != os.getuid():
        raise PermissionError(f"{root} belongs to somebody else")
    sweep()
    started = int(psutil.Process().create_time())
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-{started}-", dir=root))


def remove_directory(directory):
    shutil.rmtree(directory, ignore_errors=True)


def stale_directories():
    """Directories whose supervisor is gone."""
    root = _root()
    return [p for p in root.iterdir() if not _alive(p.name)] if root.is_dir() else []


def sweep():
    """Remove what dead machines left; how many directories."""
    stale = stale_directories()
    for path in stale:
        remove_directory(path)
    return len(stale)


def _alive(name):
    try:
        pid, started, _ = name.split("-", 2)
        return abs(psutil.Process(int(pid)).create_time() - int(started)) < 2
    except (ValueError, psutil.Error):
        return False
