"""`interpret`: run guest instructions of one thread on one CPU.

    reason = interpret(machine_address, cpu, thread, budget)

It is a hot callback: `interpret.address` goes into CPU.interpret, and hot code calls
that.  The thread's registers are used where they lie.  On return pc, the counters
of retired instructions (thread and CPU) and CPU.reason are up to date, and

EXIT_BUDGET      at least `budget` instructions retired (checked at jumps backward, indirect ones
                 and those into another page, so it may overrun by the rest of a page; a budget
                 of 1 ends at the next jump that is taken,
                 and of 0 (ONE) ends after one instruction, also where a breakpoint is)
EXIT_INTERRUPT   CPU.pending is not 0; at least one block was executed
EXIT_ECALL       pc is that of the ecall, which is counted; the kernel adds 4
EXIT_TRAP        CPU.cause and CPU.trap_value are set; pc and registers are as
                 before the instruction, which is not counted

`CPU.fault` must hold the address of a callback(4) `fault(machine, cpu, va, ACCESS_*)`
that returns the host address of the byte (for ACCESS_FETCH: of the decoded words
of its page), or 0 with cause and trap_value set.  It may fill the TLB.

CAUSE_DEBUG is the cause where a debugger has put a breakpoint.  How it runs: threaded.py.
"""

from ...hot import callback
from ...shm.exits import EXIT_TRAP, ONE
from ...shm.layout import machine_at
from ...shm.memory import address_of
from .code import ILLEGAL
from .fetch import find_code, raise_illegal, word_at
from .threaded import execute


@callback(4)
def interpret(machine, cpu, thread, budget):
    m = machine_at(machine)
    own = m.cpus[cpu]
    state = m.threads[thread]
    reason = EXIT_TRAP
    code = find_code(machine, cpu, state.pc)
    if code != 0:
        word = word_at(machine, cpu, state.pc, code) if budget == ONE else 0
        if budget != ONE or word != 0:
            x = address_of(state)
            reason = execute(machine, cpu, thread, max(budget, 1), x, address_of(own), code, state.pc, word)
        if reason == ILLEGAL:
            raise_illegal(machine, cpu, state.pc)
            reason = EXIT_TRAP
    own.reason = reason
    return reason
