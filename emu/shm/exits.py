"""What the interpreter and the kernel say to each other: exit reasons, trap causes, accesses.

Trap causes are the numbers of the RISC-V privileged specification (mcause).
"""

# Why the interpreter returned (CPU.reason).
EXIT_BUDGET = 1  # the instruction budget is used up
EXIT_INTERRUPT = 2  # a bit of the interrupt word is set
EXIT_ECALL = 3  # pc is that of the ecall, which counts as retired
EXIT_TRAP = 4  # CPU.cause and CPU.trap_value say what; pc is that of the faulting instruction

CAUSE_MISALIGNED_FETCH = 0
CAUSE_FETCH_ACCESS = 1
CAUSE_ILLEGAL = 2
CAUSE_BREAKPOINT = 3
CAUSE_LOAD_ACCESS = 5
CAUSE_MISALIGNED_AMO = 6
CAUSE_STORE_ACCESS = 7
CAUSE_FETCH_PAGE = 12
CAUSE_LOAD_PAGE = 13
CAUSE_STORE_PAGE = 15

# Causes that the specification does not have.
CAUSE_NO_MEMORY = -1  # guest memory is used up: the task is killed
CAUSE_PAST_END = -2  # a page past the end of the mapped file: a bus error
CAUSE_PAGER_LEFT = -4  # nobody answers a fault any more (kernel/ipc/pager.py); likewise
CAUSE_PAGER_SILENT = -5  # its pager has not answered
CAUSE_PAGER_LIES = -6  # its pager has said that the page is there
CAUSE_DEBUG = -7  # a debugger's breakpoint, perhaps another task's that has this code in common
CAUSE_AGAIN = -3  # no trap: translations were taken away meanwhile, so the instruction begins anew

ONE = 0  # as a budget: exactly one instruction, also where a breakpoint is

# Kinds of access, the last argument of the fault handler.
ACCESS_READ = 0
ACCESS_WRITE = 1
ACCESS_FETCH = 2
# Of which atomic an access is: CPU.atomic while its address is looked up, and above ACCESS_SHIFT in an argument.
NO_ATOMIC, READ_MODIFY_WRITE, RESERVES, CONDITIONAL = range(4)
ACCESS_SHIFT = 8
NO_ACCESS = -1
