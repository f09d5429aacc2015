"""What became of a schedule: how it ended, by which thread, after which switches, with which output."""

import contextlib
import functools
import signal
from dataclasses import dataclass, field

EXITED, KILLED, DEADLOCK, LIVELOCK, FAILED, BROKEN = "exited", "killed", "deadlock", "livelock", "assert", "machine"
CUT_SHORT = "cut short"  # by its strategy


@dataclass(frozen=True)
class Outcome:
    """What became of one schedule; two with the same digest did the same."""

    kind: str
    value: int  # exit status, signal, or address of the failed assertion's text
    thread: int
    steps: int
    digest: int
    preemptions: int
    detail: str = ""
    output: bytes = b""
    recorded: object = field(default=(), compare=False, repr=False)  # its switches, as the world recorded them

    @functools.cached_property
    def switches(self):
        """(step, thread, events, to, forced) of each switch. Few schedules are asked, so most pay for a copy only."""
        return tuple(self.recorded.tolist())

    @property
    def words(self):
        """What became of it, in words."""
        if self.kind == EXITED:
            return f"exit status {self.value}"
        if self.kind == KILLED:
            return f"killed by {_signal_name(self.value)}" + (f": {self.detail}" if self.detail else "")
        if self.kind == FAILED:
            return f"assertion failed: {self.detail}"
        return f"{self.kind}: {self.detail}"

    def is_like(self, other):
        """Whether both ended in the same way."""
        return (self.kind, self.value) == (other.kind, other.value)


def _signal_name(number):
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def how_it_ended(status):
    """(kind, value, detail) of a wait status."""
    return (KILLED, status & 0x7F, "") if status & 0x7F else (EXITED, status >> 8, "")
