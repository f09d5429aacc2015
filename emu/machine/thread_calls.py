"""What a machine's user asks of its threads: which there are, who waits for what, stop, go on."""

import time

from ..errors import MachineError
from ..kernel.task.suspend import suspended
from ..limits import SUPERVISOR
from ..shm.clock import read_clock
from . import waits
from .arguments import handle_of
from .jobs import Job
from .ownership import in_use
from .symbols import symbols_of
from .threads import ThreadInfo, living_threads


class ThreadCalls:
    """The part of Machine that is about threads."""

    @in_use
    def threads(self, job: Job | None = None) -> list[ThreadInfo]:
        """The living threads, of one job or all: a list of ThreadInfo."""
        found = living_threads(self.window, None if job is None else self._own(job).number)
        self._send_kicks()
        return found

    @in_use
    def waits(self) -> list[str]:
        """Who waits for what: the lines of a table, one for each living thread (waits.py)."""
        m, now_ns = self.window.machine, read_clock(self.window.address)
        found = waits.waits(m, now_ns, time.monotonic_ns(), self._symbol)
        return waits.table(found) if found else []

    def _symbol(self, job, pc):
        """The name of a place in the program of a job, by its record, "" without."""
        program = self._jobs.program_of(job)
        if program is None:
            return ""
        if program not in self._symbols:
            self._symbols[program] = symbols_of(program)
        return self._symbols[program].at(pc)

    @in_use
    def suspend(self, thread: ThreadInfo | int, wait: bool = True) -> bool:
        """Stop a thread (a ThreadInfo or its handle) at its next safe point (cz-5); False when it was stopped already.

        With `wait` returns when it has stopped, has left, or was resumed by somebody else meanwhile (cz-18).
        MachineError for a thread that has left.
        """
        handle = handle_of(thread)
        self._need_running("suspend")
        asked = self._ask("suspend", handle, SUPERVISOR + 1 if wait else 0)
        if asked < 0:
            raise MachineError(f"thread {handle:#x} has left")
        if wait:
            self._wait_until(lambda: self._suspension(handle) != 0)
        return bool(asked)

    @in_use
    def resume(self, thread: ThreadInfo | int) -> bool:
        """Let a suspended thread go on; False when it was not suspended."""
        handle = handle_of(thread)
        asked = self._ask("resume", handle)
        if asked < 0:
            raise MachineError(f"thread {handle:#x} has left")
        return bool(asked)

    def _suspension(self, handle):
        """0 while a suspend has not taken effect yet."""
        state = suspended(self.window.address, SUPERVISOR, handle)
        self._send_kicks()
        return state
