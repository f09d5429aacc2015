"""A task under a debugger, as any debugger sees it: its threads, memory and registers; stop, go on, step.

Everything here is called in the supervisor's process, by whoever attends to a machine that waits (machine/watching.py).
What reads or changes a thread may be called only while `held`: then no CPU executes a guest, and the system server has
done what it was asked, but for calls that wait.  Threads are known by their tids.

What a thread does next is an Action.  Threads without one are held where they are; if such a thread is in a system
call, that ends before.  kernel/task/debugging.py has the other half.
"""

import enum
from typing import NamedTuple

import numpy as np

from ...abi.signals import SIGBUS, SIGILL, SIGKILL, SIGSEGV, SIGTRAP
from ...abi.words import WORD, signed
from ...cpu_worker.breakpoints import mark_breakpoint
from ...errors import MachineError
from ...kernel import pausing
from ...kernel.task.debugging import (
    STOP_BREAK,
    STOP_SIGNAL,
    STOP_STEP,
    STOP_TRAP,
    STOP_WATCH,
    mark_debugged,
    wake_held,
)
from ...kernel.thread.handles import HANDLE, tid
from ...kernel.thread.states import (
    BLOCKED,
    DEAD,
    DEBUG_ALONE,
    DEBUG_HELD,
    DEBUG_PASS,
    DEBUG_STEP,
    NEW,
    SLEEP_STOP,
    TASK_ALIVE,
    WHERE,
)
from ...limits import MAX_BREAKPOINTS, MAX_CPUS, MAX_WATCHPOINTS, SUPERVISOR
from ...machine.symbols import printable
from ...machine.threads import name_of
from ...shm.exits import CAUSE_BREAKPOINT, CAUSE_ILLEGAL, CAUSE_MISALIGNED_AMO, CAUSE_MISALIGNED_FETCH

PATIENCE = 1000  # looks whether the system server has done what it was asked
MAX_PEEK_BYTES = 1 << 16
_SIGNALS = {  # of traps; all others are SIGSEGV
    CAUSE_MISALIGNED_FETCH: SIGBUS, CAUSE_MISALIGNED_AMO: SIGBUS, CAUSE_ILLEGAL: SIGILL, CAUSE_BREAKPOINT: SIGTRAP,
}  # fmt: skip


class Kind(enum.Enum):
    BREAK, STEP, SIGNAL, WATCH = range(4)


class Stop(NamedTuple):
    """Why a thread has stopped. `signal`: the one that it would take; `address`: what was watched."""

    tid: int
    kind: Kind
    signal: int = SIGTRAP
    address: int = 0


class Action(NamedTuple):
    """What a thread does next: take a signal (0: none), and step through [low, high), or go on."""

    signal: int = 0
    steps: bool = False
    low: int = 0
    high: int = 0


class Target:
    """The first task of a job. The machine is paused when it is made, and stays so until `go_on` or `leave`."""

    def __init__(self, machine, job):
        self._machine, self._job = machine, job
        self._record = machine.window.machine
        self._base = machine.window.address
        self._task = int(self._record["jobs"][HANDLE.get(job._handle, "index")]["task"])
        self.index = HANDLE.get(self._task, "index")
        self.breakpoints = {}  # address -> how often it was asked for
        self.watchpoints = []  # (address, size, WATCH_*)
        self.held = False
        self._status = 0
        if not mark_debugged(self._base, SUPERVISOR, self.index, 1):
            raise MachineError("the program has ended before it could be debugged")
        self.stop()
        self.pid = int(self._record["tasks"][self.index]["pid"])

    # --- stop and go on -----------------------------------------------------------------------

    def stop(self):
        """Pause the machine; returns when nothing that is asked here changes any more by itself."""
        if not self.held:
            self._machine._pause()
            self.held = True
        for _ in range(PATIENCE):
            if self._machine._ask("at_rest"):
                return

    @property
    def has_stopped(self):
        """Whether a thread has stopped by itself since `go_on`: `stop`, then look at `stops`."""
        return bool(int(self._record["paused"]) & pausing.PAUSE_STOPPED)

    def stops(self):
        """The Stops of the threads that have stopped by themselves."""
        return [self._stop_of(i) for i in self._indices() if self._record["threads"][i]["debug_stop"]]

    def _stop_of(self, i):
        t = self._record["threads"][i]
        why, value, number = int(t["debug_stop"]), int(t["debug_value"]), tid(self._base, i)
        if why == STOP_WATCH:
            return Stop(number, Kind.WATCH, address=value & WORD)
        if why == STOP_SIGNAL:
            return Stop(number, Kind.SIGNAL, signal=(value & -value).bit_length())
        if why == STOP_TRAP:
            return Stop(number, Kind.SIGNAL, signal=_SIGNALS.get(value, SIGSEGV))
        return Stop(number, Kind.STEP if why == STOP_STEP else Kind.BREAK)

    def go_on(self, actions):
        """Let threads go on: {tid: Action}. False: nothing goes on, since a stop of one of them is not told yet."""
        chosen = {i: actions[number] for i in self._indices() if (number := tid(self._base, i)) in actions}
        threads = self._record["threads"]
        if any(int(threads[i]["debug_stop"]) in (STOP_WATCH, STOP_STEP) for i in chosen):
            return False
        alone = DEBUG_ALONE if len(chosen) < len(self._indices()) else 0
        for i in self._indices():
            t, action = threads[i], chosen.get(i)
            if action is None:
                t["debug"] = DEBUG_HELD
                continue
            t["debug"] = alone | (DEBUG_STEP if action.steps else 0) | self._settle_signal(i, t, action.signal)
            t["step_from"], t["step_to"] = signed(action.low), signed(action.high)
            t["debug_stop"] = 0
        self._let_go(chosen)
        return True

    def _settle_signal(self, i, t, number):
        """What becomes of the signal for which a thread has stopped, and of the one that its debugger gives it."""
        why = int(t["debug_stop"])
        offered = self._stop_of(i).signal if why in (STOP_TRAP, STOP_SIGNAL) else 0
        if offered and offered == number:
            return DEBUG_PASS
        if why == STOP_SIGNAL:
            self._machine._ask("take_signal", i, offered)
        if number:
            self._machine._ask("post_signal", i, number)
            return DEBUG_PASS
        return 0

    def _let_go(self, chosen):
        self._write_points()
        threads = self._record["threads"]
        if any(WHERE.get(int(threads[i]["where"]), "state") == BLOCKED
               and int(threads[i]["sleep_reason"]) == SLEEP_STOP for i in chosen):  # fmt: skip
            wake_held(self._base, SUPERVISOR, self.index)
            self._machine._send_kicks()
        self._machine._mail.wake(pausing.go_on(self._base, SUPERVISOR, pausing.PAUSE_STOPPED))
        self.held = False
        self._machine._go_on()

    def take_told(self, number):
        """A Stop of this thread has been told: it does not count again."""
        t = self._record["threads"][self._index_of(number)]
        if int(t["debug_stop"]) in (STOP_WATCH, STOP_STEP, STOP_BREAK):
            t["debug_stop"] = 0

    def resume_after_nothing(self):
        """A pause without a Stop is over: whoever had stopped has left."""
        self._let_go(())

    def leave(self):
        """The debugger leaves: breakpoints go, all threads go on, and the task is like any other."""
        if not self.held:
            self.stop()
        for address in self.breakpoints:
            mark_breakpoint(self._base, SUPERVISOR, self.index, signed(address), 0)
        self.breakpoints, self.watchpoints = {}, []
        self._record["passed_signals"] = 0
        if not self.ended:
            for i in self._indices():
                self._record["threads"][i]["debug"] = self._record["threads"][i]["debug_stop"] = 0
            mark_debugged(self._base, SUPERVISOR, self.index, 0)
        self._let_go(self._indices())

    def kill(self):
        """End the task as by SIGKILL, once it goes on."""
        self._machine._ask("kill", SIGKILL, self._job._handle)

    # --- what there is ------------------------------------------------------------------------

    @property
    def ended(self):
        """Whether the task has ended."""
        k = self._record["tasks"][self.index]
        same = int(k["generation"]) == HANDLE.get(self._task, "generation") and int(k["state"]) == TASK_ALIVE
        if same and int(k["exiting"]):
            self._status = int(k["exiting"]) - 1
        return not same or (int(k["exiting"]) != 0 and not self._indices())

    @property
    def wait_status(self):
        """As from wait(2), of a task that has ended."""
        status = self._job.wait_status
        return self._status if status is None else status

    @property
    def program(self):
        return self._job.program

    def _indices(self):
        threads = self._record["threads"][: int(self._record["fresh_thread"])]
        state = WHERE.get(threads["where"], "state")
        mine = (state > NEW) & (state != DEAD) & (threads["task"] == self.index)
        return [int(i) for i in np.flatnonzero(mine)]

    def threads(self):
        """The tids of its living threads, the first one first."""
        return [tid(self._base, i) for i in self._indices()]

    def _index_of(self, number):
        for i in self._indices():
            if tid(self._base, i) == number:
                return i
        raise KeyError(number)

    def record(self, number):
        """The record of a thread. KeyError when there is none."""
        return self._record["threads"][self._index_of(number)]

    def describe(self, number):
        """(its CPU, or -1; its name; what it does), for people."""
        i = self._index_of(number)
        t = self._record["threads"][i]
        cpu = int(t["last_cpu"])
        if WHERE.get(int(t["where"]), "state") == BLOCKED:
            doing = "sleeps"
        else:
            doing = "runs" if i in self._record["cpus"]["current"][:MAX_CPUS] else "waits for a CPU"
        return cpu, printable(name_of(t)), doing

    # --- memory, registers ----------------------------------------------------------------------

    def peek(self, address, count):
        """Bytes of memory, fewer where not all may be read."""
        if self.ended or not 0 <= address <= WORD:
            return b""
        return self._machine._ask("peek", self.index, address, min(count, MAX_PEEK_BYTES))

    def poke(self, address, data):
        """Store into memory where the task itself may store; whether all was stored."""
        return not self.ended and 0 <= address <= WORD and self._machine._ask("poke", self.index, address, data)

    def set_pc(self, number, value):
        """A thread goes on elsewhere; a system call that it would make again it makes no more."""
        t = self.record(number)
        t["pc"] = signed(value) & -2
        if WHERE.get(int(t["where"]), "state") != BLOCKED:
            t["restart"] = 0

    # --- breakpoints and watchpoints --------------------------------------------------------------

    def add_breakpoint(self, address):
        """Whether a breakpoint could be set."""
        if address not in self.breakpoints:
            if len(self.breakpoints) == MAX_BREAKPOINTS or not self.peek(address, 2):  # which brings the page
                return False
            if not mark_breakpoint(self._base, SUPERVISOR, self.index, signed(address), 1):
                return False
        self.breakpoints[address] = self.breakpoints.get(address, 0) + 1
        return True

    def remove_breakpoint(self, address):
        count = self.breakpoints.pop(address, 0)
        if count > 1:
            self.breakpoints[address] = count - 1
        elif count:
            mark_breakpoint(self._base, SUPERVISOR, self.index, signed(address), 0)

    def add_watchpoint(self, address, size, kinds):
        """Whether a watchpoint could be set. kinds: WATCH_READ and WATCH_WRITE."""
        if len(self.watchpoints) == MAX_WATCHPOINTS or size <= 0 or not 0 <= address <= address + size <= WORD:
            return False
        self.watchpoints.append((address, size, kinds))
        return True

    def remove_watchpoint(self, address, size, kinds):
        if (address, size, kinds) in self.watchpoints:
            self.watchpoints.remove((address, size, kinds))

    def pass_signals(self, numbers):
        """These signals are delivered, and stop nothing."""
        self._record["passed_signals"] = signed(sum(1 << (number - 1) for number in set(numbers)))

    def _write_points(self):
        """Give the kernel the breakpoints and watchpoints; a page that was mapped anew gets its breakpoints again."""
        m = self._record
        m["breakpoints"][: len(self.breakpoints)] = [signed(address) for address in self.breakpoints]
        m["nr_breakpoints"] = len(self.breakpoints)
        for address in self.breakpoints:
            mark_breakpoint(self._base, SUPERVISOR, self.index, signed(address), 1)
        words = [word for point in self.watchpoints for word in point]
        m["watchpoints"][: len(words)] = [signed(word) for word in words]
        m["nr_watchpoints"] = len(self.watchpoints)
