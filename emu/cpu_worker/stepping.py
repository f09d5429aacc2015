"""How a CPU runs a thread that a debugger steers (kernel/task/debugging.py): breakpoints, single steps, watchpoints.

Where only breakpoints are set the interpreter runs at its usual speed, and leaves where the word of one is in the place
of an instruction (breakpoints.py).  A step, or a watchpoint, has this CPU execute one instruction after another, and
look at each before: which memory does it read or write?  That is far slower than usual, and exact: a
store to what is watched stops the thread that has made it, right behind the instruction.

What the kernel stores for a thread (read, for example) is not watched, as with a processor's own watchpoints.
"""

import numpy as np

from ..hot import hot, never_inline
from ..isa.interpreter.fetch import find_code, word_at
from ..isa.table import ROWS
from ..isa.words import OP_MASK, immediate, rs1_number
from ..kernel.ipc.pager import has_pager
from ..kernel.task.debugging import (
    STOP_BREAK,
    STOP_STEP,
    STOP_WATCH,
    WATCH_READ,
    WATCH_WRITE,
    is_breakpoint,
    stop_for_debugger,
    stops_for_trap,
)
from ..kernel.thread.states import DEBUG_STEP, DEBUG_STEPPED
from ..shm.atomics import load_relaxed
from ..shm.exits import CAUSE_DEBUG, EXIT_BUDGET, EXIT_ECALL, EXIT_INTERRUPT, EXIT_TRAP, ONE
from ..shm.memory import address_of, call_4

KIND_BITS = 2
BLOCK_BYTES = 64  # of cbo.zero


def _access_of(row):
    """What an instruction does to memory, from the verbs of its body: its WATCH_*, and above them the bytes."""
    code = row.function.__code__
    verbs = set(code.co_names)
    words = [constant for constant in code.co_consts if constant in (32, 64)]
    if "zero_block" in verbs:
        return WATCH_WRITE | BLOCK_BYTES << KIND_BITS
    if verbs & {"amo", "load_reserved", "store_conditional"}:
        kinds = WATCH_READ if "load_reserved" in verbs else WATCH_WRITE if "store_conditional" in verbs else 3
        return kinds | words[0] // 8 << KIND_BITS
    for verb in verbs:
        name, _, bits = verb.rpartition("_")
        if name in ("load", "store"):
            kind = WATCH_READ if name == "load" else WATCH_WRITE
            return kind | int(bits.lstrip("su")) // 8 << KIND_BITS
    return 0


_ACCESSES = np.zeros(OP_MASK + 1, dtype=np.int64)
for _row in ROWS:
    _ACCESSES[_row.op] = _access_of(_row)


@hot
def _watched(m, me, i):
    """The watched address that thread i's next instruction is about to access, else -1."""
    t = m.threads[i]
    machine = address_of(m)
    code = find_code(machine, me, t.pc)
    word = word_at(machine, me, t.pc, code) if code != 0 else 0
    access = _ACCESSES[word & OP_MASK]
    if access == 0:
        return -1
    size = access >> KIND_BITS
    low = t.x[rs1_number(word)] + immediate(word)
    if size == BLOCK_BYTES:
        low &= -BLOCK_BYTES
    for n in range(m.nr_watchpoints):
        address = m.watchpoints[3 * n]
        if m.watchpoints[3 * n + 2] & access & 3 and low < address + m.watchpoints[3 * n + 1] and address < low + size:
            return address
    return -1


@hot
def _stays(t):
    """Whether a thread is still in the code that it is to step through."""
    return t.step_from <= t.pc < t.step_to


@hot
def run_debugged(m, me, i, budget):
    """Run a thread as its debugger wants; an exit's reason, as from the interpreter, for what is left to do."""
    never_inline()
    c = m.cpus[me]
    t = m.threads[i]
    if t.debug & DEBUG_STEPPED:
        t.debug &= ~DEBUG_STEPPED
        if not _stays(t):
            stop_for_debugger(m, me, i, STOP_STEP, 0)
            return EXIT_INTERRUPT
    if t.debug & DEBUG_STEP or m.nr_watchpoints != 0:
        reason = _run_stepwise(m, me, i, budget)
    else:
        reason = call_4(c.interpret, address_of(m), me, i, budget)
        if reason == EXIT_TRAP and c.cause == CAUSE_DEBUG:
            if is_breakpoint(m, t.pc):
                stop_for_debugger(m, me, i, STOP_BREAK, 0)
                return EXIT_INTERRUPT
            reason = call_4(c.interpret, address_of(m), me, i, ONE)  # it has just been taken away
    if reason == EXIT_TRAP and not has_pager(m, t) and stops_for_trap(m, me, i, c.cause, c.trap_value):
        return EXIT_INTERRUPT
    return reason


@hot
def _run_stepwise(m, me, i, budget):
    """Execute instruction after instruction, as long as nothing is to be reported and the budget lasts."""
    c = m.cpus[me]
    t = m.threads[i]
    steps = t.debug & DEBUG_STEP != 0
    begins = steps  # a step leaves the breakpoint on which it begins
    left = budget
    while left > 0 and load_relaxed(c, "pending") == 0:
        if not begins and is_breakpoint(m, t.pc):
            stop_for_debugger(m, me, i, STOP_BREAK, 0)
            return EXIT_INTERRUPT
        begins = False
        watched = _watched(m, me, i) if m.nr_watchpoints != 0 else -1
        reason = call_4(c.interpret, address_of(m), me, i, ONE)
        if reason == EXIT_ECALL and steps:
            t.debug |= DEBUG_STEPPED
        if reason == EXIT_ECALL or reason == EXIT_TRAP:
            return reason
        if watched != -1:
            stop_for_debugger(m, me, i, STOP_WATCH, watched)
            return EXIT_INTERRUPT
        if steps and not _stays(t):
            stop_for_debugger(m, me, i, STOP_STEP, 0)
            return EXIT_INTERRUPT
        left -= 1
    return EXIT_BUDGET
