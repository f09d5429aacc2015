"""Waiting for several files at once: what ppoll, pselect6 and epoll_pwait share.

The server can wait for one host descriptor, or for other calls, and until a deadline.  Where a set needs more than
that (two host streams, a stream and a pipe), it waits MIXED_NS at most and asks the files again, and so on.
"""

from ...abi.files import POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT
from ..errors import Blocked, LinuxError, Watch

MIXED_NS = 10_000_000
INVALID = object()


def poll_files(call, wanted, timeout_ns):
    """What is ready of [(fd, events)], in the same order; all zeros when the time is over (None: no end).

    Raises Blocked while nothing is ready; `call.memo` keeps the deadline from the first try to the next.
    """
    files = [(_file(call.task.files, fd), events) for fd, events in wanted]
    watch = Watch(*(file.node for file, _ in files if file not in (None, INVALID)))
    ready = [_ready(file, events) for file, events in files]
    if any(ready) or timeout_ns == 0:
        return ready
    await_files(call, [(file, events) for file, events in files if file is not None], watch, timeout_ns)
    return ready


def await_files(call, files, watch, timeout_ns):
    """Blocked, until one of [(OpenFile, events)] may have become ready; returns when the time is over (None: no end).

    `watch` was made before they were asked.  `call.memo` keeps the deadline from the first try to the next.
    """
    now = call.machine.monotonic_ns()
    if call.memo is None:
        call.memo = (call.resume_deadline_ns or (None if timeout_ns is None else now + timeout_ns),)
    (deadline,) = call.memo
    if deadline is not None and now >= deadline:
        return
    streams = [(file, events) for file, events in files if file.host_descriptor is not None]
    if not streams:
        raise Blocked(None, deadline_ns=deadline, on=watch, restarts=False)
    (file, events), *others = streams
    if not others and len(files) == 1 and (events & (POLLIN | POLLOUT)) in (POLLIN, POLLOUT):
        raise Blocked(file.host_descriptor, bool(events & POLLOUT), deadline, restarts=False)
    soon = now + MIXED_NS
    raise Blocked(None, deadline_ns=soon if deadline is None else min(soon, deadline), restarts=False)


def _file(files, fd):
    """The open file of a descriptor; None for a negative one, which is passed over, and INVALID for one not open."""
    if fd < 0:
        return None
    try:
        return files.get(fd)
    except LinuxError:
        return INVALID


def _ready(file, events):
    if file is None:
        return 0
    return POLLNVAL if file is INVALID else file.poll() & (events | POLLERR | POLLHUP)
