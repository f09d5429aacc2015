"""How a served call ends without a result.

`LinuxError(ENOENT)` ends the call with -ENOENT.  `Blocked` ends only this try: the guest thread sleeps on, and the
server makes the whole call again when what it waits for may have come.
"""

from ..abi.errno import NAMES


class LinuxError(Exception):
    """The call fails with this error number."""

    def __init__(self, errno):
        super().__init__(errno)
        self.errno = errno

    def __str__(self):
        return NAMES.get(self.errno, f"error {self.errno}")


class NoResult(Exception):
    """The call is over, and its thread goes on, or leaves, with the registers as they are."""


class Blocked(Exception):
    """The call cannot be finished now; the server makes it again, with the same Call object, later.

    descriptor   host descriptor to wait for, or None: whenever another call may have changed something
    writing      wait until the descriptor takes data rather than until it has some
    deadline_ns  make the call again no later than this (monotonic), or None
    on           with descriptor None: wait until this object has changed (its `changes` counts), not just anything;
                 where it may change while the call is made, a Watch
    restarts     a signal whose handler has SA_RESTART does not end it; False: signal(7)'s calls that never restart
    done         bytes moved already: the call's result when it is interrupted; 0: it has done nothing yet
    """

    interruptible = True  # by signals, kill and suspend

    def __init__(self, descriptor, writing=False, deadline_ns=None, on=None, restarts=True, done=0):
        super().__init__(descriptor)
        self.descriptor = descriptor
        self.writing = writing
        self.deadline_ns = deadline_ns
        self.on = on
        self.restarts = restarts
        self.done = done


class Watch:
    """Objects whose `changes` are counted before a call looks at them, so that none that comes after is missed.

    Objects without such a count are those for which nobody ever waits.
    """

    def __init__(self, *nodes):
        self._nodes = [node for node in nodes if hasattr(node, "changes")]
        self.seen = self.changes

    @property
    def changes(self):
        return sum(node.changes for node in self._nodes)


class OthersFirst(Blocked):
    """The call goes on as soon as others have been served, so that no call holds the server for long."""

    interruptible = False  # it does not wait for anything

    def __init__(self):
        super().__init__(None, deadline_ns=0)
