"""The private directory of a machine's sockets, and sweeping those of dead machines.

A directory belongs to the supervisor whose process id and start time are in its
name; when that process is gone, so is the machine, and anyone may remove the directory.

Directories are made below a root of this user, in the first place that will do: XDG_RUNTIME_DIR, TMPDIR, then /tmp and
/dev/shm.  A place will not do when it is missing, is not writable, has a name that is not UTF-8 (ZeroMQ's names are),
or is so long that a socket's path would not fit into a socket address.
"""

import errno
import os
import shutil
import tempfile
from pathlib import Path

import psutil

from ..limits import MAX_ACTORS

PREFIX = "emu-"
PATH_BYTES = 107  # sun_path of unix(7) without the zero at its end
# Below a root: the machine's directory, then the longest name of a socket (actor/mail.py).
NAME_BYTES = len(f"/4194304-1700000000-abcdefgh/wake-{MAX_ACTORS - 1}-4194304")

_roots = set()  # in which this process has made directories, or is about to


def _places():
    """Where roots may be, in order of preference, each once."""
    given = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp", "/dev/shm")
    return [Path(place) for place in dict.fromkeys(given) if place and os.path.isabs(place)]


def _root_in(place):
    return place / f"{PREFIX}{os.getuid()}"


def _will_do(place):
    try:
        str(place).encode()
    except UnicodeEncodeError:
        return False
    fits = len(os.fsencode(_root_in(place))) + NAME_BYTES <= PATH_BYTES
    return fits and place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def _root():
    """The root that this process uses. OSError when there is none."""
    for place in _places():
        if _will_do(place):
            return _root_in(place)
    raise FileNotFoundError(errno.ENOENT, "no writable directory for sockets; set XDG_RUNTIME_DIR or TMPDIR to one")


def make_directory():
    """A fresh directory (mode 0700) for this process's machine. OSError."""
    root = _root()
    _roots.add(root)
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()
    if found.st_uid != os.getuid() or not root.is_dir():
        raise PermissionError(errno.EPERM, "belongs to somebody else", str(root))
    sweep()
    try:
        started = int(psutil.Process().create_time())
    except psutil.Error:
        raise FileNotFoundError(errno.ENOENT, "nothing is mounted there, and emu needs it", "/proc") from None
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-{started}-", dir=root))


def remove_directory(directory):
    shutil.rmtree(directory, ignore_errors=True)


def remove_ours():
    """Remove the directories of all machines of this process, which is about to end.

    A signal's handler calls it at any moment, so it asks nobody where they are: tempfile has a lock, which the
    interrupted thread may hold.
    """
    for root in tuple(_roots):
        for path in root.glob(f"{os.getpid()}-*") if root.is_dir() else ():
            remove_directory(path)


def stale_directories():
    """Directories whose supervisor is gone, wherever it put them."""
    found = []
    for place in _places():
        try:
            found += [p for p in _root_in(place).iterdir() if not _alive(p.name)]
        except OSError:  # none there
            continue
    return found


def living_directories():
    """[(process id of the supervisor, directory)] of this user's machines, wherever they put them."""
    found = []
    for place in _places():
        try:
            root = _root_in(place)
            if root.lstat().st_uid == os.getuid():
                found += [(int(p.name.split("-")[0]), p) for p in sorted(root.iterdir()) if _alive(p.name)]
        except OSError:  # none there
            continue
    return found


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
