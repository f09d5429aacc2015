"""Waiting for several files at once: what ppoll, pselect6 and epoll_pwait share.

The server can wait for one host descriptor, or for other calls, and until a deadline.  Where a set needs more than
that (two host streams, a stream and a pipe), it waits MIXED_NS at most and asks the files again, and so on.
"""

from ...abi.files import POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT
from ..errors import Blocked, LinuxError

MIXED_NS = 10_000_000


def poll_files(call, wanted, timeout_ns):
    """What is ready of [(fd, events)], in the same order; all zeros when the time is over (None: no end).

    Raises Blocked while nothing is ready; `call.memo` keeps the deadline from the first try to the next.
    """
    ready = [_ready(call.task.files, fd, events) for fd, events in wanted]
    if any(ready) or timeout_ns == 0:
        return ready
    await_files(call, [(call.task.files.get(fd), events) for fd, events in wanted if fd >= 0], timeout_ns)
    return ready


def await_files(call, files, timeout_ns):
    """Blocked, until one of [(OpenFile, events)] may have become ready; returns when the time is over (None: no end).

    `call.memo` keeps the deadline from the first try to the next.
    """
    now = call.machine.monotonic_ns()
    if call.memo is None:
        call.memo = (call.resume_deadline_ns or (None if timeout_ns is None else now + timeout_ns),)
    (deadline,) = call.memo
    if deadline is not None and now >= deadline:
        return
    streams = [(file, events) for file, events in files if file.host_descriptor is not None]
    if not streams:
        raise Blocked(None, deadline_ns=deadline, on=_AnyOf([file.node for file, _ in files]), restarts=False)
    (file, events), *others = streams
    if not others and len(files) == 1 and (events & (POLLIN | POLLOUT)) in (POLLIN, POLLOUT):
        raise Blocked(file.host_descriptor, bool(events & POLLOUT), deadline, restarts=False)
    soon = now + MIXED_NS
    raise Blocked(None, deadline_ns=soon if deadline is None else min(soon, deadline), restarts=False)


class _AnyOf:
    """Changes when one of these inodes changes; inodes for which nobody ever waits do not count."""

    def __init__(self, nodes):
        self._nodes = [node for node in nodes if hasattr(node, "changes")]

    @property
    def changes(self):
        return sum(node.changes for node in self._nodes)


def _ready(files, fd, events):
    if fd < 0:
        return 0
    try:
        return files.get(fd).poll() & (events | POLLERR | POLLHUP)
    except LinuxError:
        return POLLNVAL
