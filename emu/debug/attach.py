"""Attaching to a running machine from another process of the same user, without its help.

    for found in running():  found.pid, found.facts
    inspector = attach(pid)

The supervisor's directory (machine/directory.py) says which of its descriptors are the segments (description.py);
/proc/PID/fd opens them for whoever may trace the process, and they are mapped to be read only, anywhere.  The machine
pays nothing for it, need not answer, and may end meanwhile: its memory stays until the last mapping is gone.

Rejected: a socket on which the supervisor sends its figures.  It would take the supervisor's time, fail when it hangs,
which is when one wants to look, and there are 2 GiB of records to choose from.  Only what memory does not show, and
what changes the machine, goes through a socket (machine/control.py).
"""

import contextlib
import mmap
import os
from typing import NamedTuple

from ..errors import MachineError
from ..machine.description import layout_digest, read_description, read_programs
from ..machine.directory import living_directories
from ..machine.snapshot import SEGMENT_BYTES
from .inspector import Inspector


class AttachError(MachineError):
    """A machine that cannot be looked at: one line."""


class Running(NamedTuple):
    """A machine that runs."""

    pid: int  # of its supervisor
    directory: os.PathLike
    facts: dict  # what it tells (machine/description.py)


def running():
    """The machines of this user that have booted, oldest first."""
    found = [Running(pid, path, read_description(path)) for pid, path in living_directories()]
    return sorted((r for r in found if r.facts), key=lambda r: r.facts["made_ns"])


def attach(pid=None):
    """The Inspector of the machine of a supervisor; without a pid, of the only machine. AttachError."""
    found = find(pid)
    return attach_to(found)


def find(pid=None):
    """The Running machine of a supervisor, of several the newest; without a pid, the only machine. AttachError."""
    machines = running()
    mine = [r for r in machines if pid in (None, r.pid)]
    if pid is None and len(machines) > 1:
        pids = ", ".join(dict.fromkeys(str(r.pid) for r in machines))  # a process may have several
        raise AttachError(f"{len(machines)} machines are running: say which one, by its process id ({pids}; emu ps)")
    if mine:
        return mine[-1]
    if pid is None:
        raise AttachError("no machine is running (of this user; see emu ps)")
    owner = _owner(pid)
    if owner is None:
        raise AttachError(f"process {pid}: there is none")
    if owner != os.getuid():
        raise AttachError(f"process {pid}: belongs to user {owner}, and only that one may look at its machine")
    raise AttachError(f"process {pid}: is no supervisor of a machine (see emu ps)")


def _owner(pid):
    with contextlib.suppress(OSError, ValueError, OverflowError):
        return os.stat(f"/proc/{pid}").st_uid
    return None


def attach_to(found):
    """The Inspector of a Running machine. AttachError."""
    facts = found.facts
    if facts.get("layout") != layout_digest():
        raise AttachError(f"process {found.pid}: its emu is another version, whose records are laid out differently")
    mapped, descriptors = [], []
    try:
        for number, size in zip(facts["descriptors"], (SEGMENT_BYTES, facts["memory_bytes"]), strict=True):
            descriptors.append(os.open(f"/proc/{found.pid}/fd/{number}", os.O_RDONLY | os.O_CLOEXEC))
            if os.fstat(descriptors[-1]).st_size != size:
                raise FileNotFoundError
            mapped.append(mmap.mmap(descriptors[-1], size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ))
    except OSError as error:
        for descriptor in descriptors:
            os.close(descriptor)
        ended = isinstance(error, FileNotFoundError)
        reason = "its machine has just ended" if ended else f"cannot be looked at: {error.strerror}"
        raise AttachError(f"process {found.pid}: {reason}") from None
    inspector = Inspector.of_buffers(*mapped, facts, True, lambda: read_programs(found.directory))
    inspector.keep(descriptors)
    inspector.directory = found.directory
    if int(inspector.machine["made_ns"]) != facts["made_ns"]:
        raise AttachError(f"process {found.pid}: its machine has just ended")
    return inspector
