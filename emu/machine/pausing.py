"""Pause and go on: no CPU executes a guest between the two (kernel/pausing.py has the protocol).

`with machine.paused():`, or `pause` and `go_on`.  Pauses nest: the machine goes on with the last `go_on`.  Time-outs of
sleeping guests run on, and so does the system server: a read that waits for the terminal may end.  The watchdog, the
deadline of `run` and what threads are charged with do not count the pause.

Inside the machine, functions that are called while the supervisor waits (`_attend_to`) use `_pause` and `_go_on`.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from ..errors import MachineError
from ..kernel import pausing
from ..limits import SUPERVISOR
from .ownership import in_use


class Pausing:
    """The part of Machine that pauses it."""

    window: Any
    _mail: Any
    _wait_until: Any
    _failed: Any
    _check: Any

    def __init__(self) -> None:
        super().__init__()
        self._pauses = 0
        self._lets_go = False  # guests are being ended: no pause lasts
        self._paused_at_s = 0.0
        self._paused_s = 0.0  # how long the machine has been paused, all pauses that are over together

    @in_use
    def pause(self) -> None:
        """Stop all CPUs; returns when none of them executes a guest. MachineError when the machine fails."""
        self._pause()

    @in_use
    def go_on(self) -> None:
        """The end of a `pause`; with that of the last one the guests go on."""
        if self._pauses == 0:
            raise MachineError("the machine is not paused")
        self._go_on()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """A context in which the machine is paused."""
        self.pause()
        try:
            yield
        finally:
            self.go_on()

    def _pause(self):
        if self._pauses == 0:
            self._paused_at_s = time.monotonic()
        self._pauses += 1
        try:
            self._mail.wake(pausing.ask_to_pause(self.window.address, SUPERVISOR, pausing.PAUSE_ASKED))
            self._wait_until(lambda: pausing.is_paused(self.window.address))
        except BaseException:
            self._go_on()
            raise

    def _go_on(self):
        """Take one pause back."""
        self._pauses -= 1
        if self._pauses == 0:
            self._paused_s += time.monotonic() - self._paused_at_s
            if not self._failed():
                self._mail.wake(pausing.go_on(self.window.address, SUPERVISOR, pausing.PAUSE_ASKED))

    def _go_on_for_good(self):
        """Take all pauses back, and let nobody pause again: the guests are about to be ended, and each ends itself."""
        self._attendants, self._lets_go = (), True
        while self._pauses:
            self._go_on()
        self._let_go()

    def _let_go(self):
        """Take back whatever pause there is, also one of a thread that has stopped for its debugger."""
        if self.window.machine["paused"] and not self._failed():
            everything = pausing.PAUSE_ASKED | pausing.PAUSE_STOPPED
            self._mail.wake(pausing.go_on(self.window.address, SUPERVISOR, everything))

    def _running_s(self):
        """The time in seconds, as it passes for guests that may execute: it stands still in a pause."""
        return (self._paused_at_s if self._pauses else time.monotonic()) - self._paused_s

    def _need_running(self, name):
        if self._pauses:
            raise MachineError(f"{name}: the machine is paused: call go_on first")
