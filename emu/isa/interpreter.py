"""`interpret`: run guest instructions of one thread on one CPU.

    reason = interpret(machine_address, cpu, thread, budget)

It is a hot callback: `interpret.address` goes into CPU.interpret, and hot code calls
that.  The thread's registers are used where they lie.  On return pc, the counters
of retired instructions (thread and CPU) and CPU.reason are up to date, and

EXIT_BUDGET      at least `budget` instructions retired (checked when control
                 transfers, so it may overrun by the rest of a block or page)
EXIT_INTERRUPT   CPU.pending is not 0; at least one block was executed
EXIT_ECALL       pc is that of the ecall, which is counted; the kernel adds 4
EXIT_TRAP        CPU.cause and CPU.trap_value are set; pc and registers are as
                 before the instruction, which is not counted

`CPU.fault` must hold the address of a callback(4) `fault(machine, cpu, va, ACCESS_*)`
that returns the host address of the byte (for ACCESS_FETCH: of the decoded words
of its page), or 0 with cause and trap_value set.  It may fill the TLB.

The code is generated (generate.py) and compiled once per digest of the sources.
"""

import importlib.util
import sys

from .. import hot
from . import generate


def _generated():
    """The generated module, under a stable name as Numba's cache needs."""
    if generate.MODULE not in sys.modules:
        spec = importlib.util.spec_from_file_location(generate.MODULE, generate.write())
        module = importlib.util.module_from_spec(spec)
        sys.modules[generate.MODULE] = module
        spec.loader.exec_module(module)
    return sys.modules[generate.MODULE]


interpret = hot.callback(4)(_generated().interpret)
