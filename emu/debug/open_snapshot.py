"""An Inspector of a snapshot file: what every command of the debugger shows of a machine that is gone."""

from ..machine.snapshot import read_snapshot
from .inspector import Inspector


def open_snapshot(path):
    """The Inspector of a file. SnapshotError."""
    header, records, memory = read_snapshot(path)
    return Inspector.of_buffers(records, memory, header, live=False)
