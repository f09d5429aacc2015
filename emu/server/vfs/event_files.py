"""Event counters and epoll sets as the system server sees them, for fstat, poll beside its own files, /proc/PID/fd.

Both are the kernel's (kernel/files/event_counter.py, epoll.py); CPUs read, write and wait for them.
"""

from ...kernel.files.descriptions import FILE_EPOLL
from .inode import Inode, Stat
from .pipe import RecordEnd


class EventNode(Inode):
    """What stands for the inode of a counter or a set; Linux has one and the same for all of them."""

    def __init__(self, files, record):
        self.filesystem = files.pipes
        self._record = record
        self._made_ns = self.filesystem.clock()

    @property
    def changes(self):
        """Grows when it changes, and when the record is used again for another."""
        return int(self._record["changes"])

    def stat(self):
        times = (self._made_ns,) * 3
        return Stat(self.filesystem.device, 1, 0o600, 1, 0, 0, 0, 0, 4096, 0, *times)


class EventEnd(RecordEnd):
    def path(self):
        is_set = self._record["kind"] == FILE_EPOLL
        return f"anon_inode:[{'eventpoll' if is_set else 'eventfd'}]"


def event_node(files, description):
    """The EventNode of a description's record."""
    records = "epoll_sets" if description["kind"] == FILE_EPOLL else "event_counters"
    return EventNode(files, files.window.machine[records][int(description["object"])])
