"""A schedule told step by step: who did what, in which line of the source, with what value, and where it gave way.

The schedule is played once more, in the mode in which cold code has a look before each event (world/events.py).  The
line is that of the innermost function on the thread's stack whose source is here, so what a C library does is told as
the call in the program that asked for it.
"""

import re
from dataclasses import dataclass

from ..abi import futex
from ..abi.syscall_numbers import NUMBERS
from ..debug.inspector import Inspector
from ..debug.show_waits import waits as show_waits
from ..debug.text import call_name
from ..debug.unwind import OUTERMOST, unwind
from ..world.layout import CALL, CLOCK, READ, TELL, WRITE
from ..world.strategies import planned
from .source import Source

DRAIN, TIME = 16, 32  # as the kind of a Step: a store of the thread reaches memory; time goes to the next deadline
SYSCALL = "syscall"  # a library's function that makes the call that it is told to make
FUTEX = NUMBERS["futex"]
OPERATIONS = {
    getattr(futex, name): name
    for name in (
        "WAIT",
        "WAKE",
        "REQUEUE",
        "CMP_REQUEUE",
        "WAKE_OP",
        "WAIT_BITSET",
        "WAKE_BITSET",
        "LOCK_PI",
        "UNLOCK_PI",
    )
}
WORDS = {
    READ: "reads {what} = {value}", WRITE: "writes {what} (was {value})", DRAIN: "memory gets {what} = {value}",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One event. `line` is the source.Line of the program's own code, None where it has none on the stack.

    `called` is the function of a library in which it happens, "" where it is the program's own line that does it.
    """

    number: int
    thread: int
    name: str
    kind: int
    what: str  # the variable, or the call with its arguments
    value: int
    called: str
    line: object
    pc: int


class Telling:
    """Plays a plan in a World and keeps what happens: `steps`, `outcome`, `waits` (of a deadlock, in lines)."""

    def __init__(self, world, number, plan):
        self._world, self.steps, self._drains = world, [], 0
        self._source = Source(world.image["path"])
        self._inspector = _inspector(world)
        world.tell = self._step
        try:
            self.outcome = world.run(number, planned, TELL, plan=plan)
        finally:
            world.tell = None
        self._inspector.title = self.name
        self.waits = [self._named(line.replace(", for 0.000 s", "")) for line in show_waits(self._inspector)]
        self._tell_time()

    def _step(self, i):
        world = self._world
        self._tell_drains()
        t, own = world.machine["threads"][i], world.record["threads"][i]
        kind, at, pc = int(own["kind"]), int(own["at"]), int(t["pc"])
        value = int(world.record["value"])
        called, line = self._place(i)
        if kind == CALL:
            what = self._call(at, t["x"])
            called = "" if called == SYSCALL else called
        else:
            what, value = self._seen(at, value)
        self.steps.append(Step(int(world.record["step"]), i, self.name(i), kind, what, value, called, line, pc))

    def _tell_drains(self):
        """Stores that have left their thread's buffer since the last step."""
        weak = self._world.weak
        for drained in weak["drains"][self._drains : int(weak["nr_drains"])]:
            i, at = int(drained["thread"]), int(drained["at"])
            if not self._source.variable_at(at).is_own:  # libraries store a lot
                continue
            what, value = self._seen(at, int(drained["value"]))
            self.steps.append(Step(int(drained["step"]), i, self.name(i), DRAIN, what, value, "", None, 0))
        self._drains = min(int(weak["nr_drains"]), len(weak["drains"]))

    def _tell_time(self):
        """Where time went to the next deadline, although threads could run."""
        for step, *_, to, _ in self.outcome.switches:
            if to == CLOCK:
                self.steps.append(Step(step, -1, "time", TIME, "goes on", 0, "", None, 0))
        self.steps.sort(key=lambda step: step.number)

    def _call(self, number, x):
        """A system call with its arguments, and the name of what a futex call waits for or wakes."""
        first, *others = (int(x[10 + k]) for k in range(3))
        if number != FUTEX:
            return f"{call_name(number)}({', '.join(map(_number, (first, *others)))})"
        operation = OPERATIONS.get(others[0] & ~(futex.PRIVATE | futex.REALTIME), _number(others[0]))
        return f"futex({self._source.variable_at(first).name}, {operation}, {_number(others[1])})"

    def _named(self, line):
        """A line about who waits, with the variable in place of a futex's address."""
        return re.sub(r"futex (0x[0-9a-f]+)", lambda m: f"futex {self._source.variable_at(int(m[1], 16)).name}", line)

    def _seen(self, at, word):
        """(what lies at an address, its value), by the aligned 8 bytes around it."""
        variable = self._source.variable_at(at)
        value = (word & (1 << 64) - 1) >> 8 * (at & 7)
        if 0 < variable.size < 8:
            value &= (1 << 8 * variable.size) - 1
        return variable.name, value

    def _place(self, i):
        """(function called from there, Line) of the innermost frame that is in the program's own source."""
        called = []
        for frame in unwind(self._inspector, i):
            line = self._source.line_at(frame.pc if frame.how == "pc" else frame.pc - 1)
            if line:
                return called[-1] if called else "", line
            called.append(frame.place.partition("+")[0])
        named = [name for name in called if name and name not in OUTERMOST]
        return named[-1] if named else "clone", None

    def name(self, i):
        """What a thread is called: "main", or by the order of births."""
        own = self._world.record["threads"][i]
        return "main" if own["parent"] < 0 else f"thread {int(own['born']) - 1}"


def _number(value):
    return str(value) if -(1 << 16) < value < 1 << 16 else f"{value & (1 << 64) - 1:#x}"


def _inspector(world):
    frames = int(world.machine["nr_frames"])
    header = {
        "process": 0, "address": world.base, "cpus": 1, "policy": "explore", "seed": world.seed,
        "programs": {0: world.image["path"]}, "taken_ns": 0,
    }  # fmt: skip
    return Inspector(world.machine, world.window.memory(0, frames), header, False)
