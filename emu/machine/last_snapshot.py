"""The snapshot that a machine leaves when it fails, as a program leaves a core dump.

`keep_snapshot` writes it before the CPUs are told to stop, so that locks, queues and stacks are as they were when
the failure was found.  It never makes things worse: it is bounded, nothing is left where it does not fit, and whatever
goes wrong is one line, for the failure itself has still to be said.

`emu run` names a file in `default_folder()` unless it is told otherwise, and the last KEPT of them stay; a Machine
in a user's program writes one only where `snapshot_on_failure` says so.
"""

import contextlib
import os
import tempfile
from pathlib import Path

from ..errors import MachineError, say
from .snapshot import write_snapshot

LIMIT_BYTES = 256 << 20
KEPT = 3
SUFFIX = ".snapshot"


def default_file():
    """Where `emu run` puts a snapshot: in EMU_SNAPSHOTS, else in a folder of temporary files; None: nowhere.

    An empty EMU_SNAPSHOTS wants none.
    """
    folder = os.environ.get("EMU_SNAPSHOTS")
    if folder == "":
        return None
    return Path(folder or Path(tempfile.gettempdir()) / f"emu-snapshots-{os.getuid()}") / f"{os.getpid()}{SUFFIX}"


def keep_snapshot(path, header, descriptors, failure):
    """Write it, and say in one line where it is, or why there is none."""
    path = Path(path)
    try:
        if path.parent.name.startswith("emu-snapshots-"):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            if path.parent.lstat().st_uid != os.getuid():
                raise MachineError(f"snapshot {path}: the folder belongs to somebody else")
            _remove_old(path.parent)
        size = write_snapshot(path, {**header, "failure": failure}, descriptors, LIMIT_BYTES)
        say(f"emu: a snapshot of the machine is in {path} ({size / (1 << 20):.1f} MiB): emu debug {path}")
    except (MachineError, OSError, MemoryError) as error:
        say(f"emu: no snapshot of the machine: {error}")


def _remove_old(folder):
    """Make room: with the one to come KEPT are left."""
    with contextlib.suppress(OSError):
        old = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.lstat().st_mtime)
        for path in old[: max(len(old) - KEPT + 1, 0)]:
            path.unlink(missing_ok=True)
