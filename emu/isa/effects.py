"""The verbs of instruction bodies: what an instruction does beyond computing a value.

A body is `return EXPRESSION` (the value goes to rd or fd), or one of these verbs,
or a verb and then the value.  Its parameters name what it needs: `a`, `b`, `c`
(values of the first, second and third source register), the immediate by its
field's name, `pc`, `next` (pc of the instruction behind), `rm` (the rounding mode in
force, 0 to 4).  Expressions may use the operators of Python, arithmetic.py and
soft/floats.py; everything is a signed 64-bit integer.

Besides these, `load_*` and `store_*` of shm/memory.py are verbs whose address is
a guest's.  The bodies are never called; lower.py reads them.
"""


def branch(condition, offset):
    """Go to pc + offset if the condition holds."""


def jump(offset):
    """Go to pc + offset."""


def jump_to(target):
    """Go to an absolute address."""


def amo(operation, bits, address, value):
    """Atomic read-modify-write by memory.AMO_32 or AMO_64; the old value."""


def load_reserved(bits, address):
    """Load, and remember address and value for store_conditional."""


def store_conditional(bits, address, value):
    """Store if the reserved word still has its value; 0 when it did, 1 when not."""


def csr_write(csr, value):
    """Swap a control and status register with the value."""


def csr_set(csr, value):
    """Set bits; writes nothing when the register operand is x0 or the immediate 0."""


def csr_clear(csr, value):
    """Clear bits; writes nothing when the register operand is x0 or the immediate 0."""


def order_memory(imm):
    """FENCE with its predecessor and successor sets."""


def order_fetches():
    """FENCE.I: ends the block, and does nothing else, since shm/decoded.py keeps the cache coherent."""


def manage_block(address):
    """Clean, flush or invalidate a block of the cache: only checks that the address is accessible."""


def zero_block(address):
    """Zero the 64 bytes at an address that is a multiple of 64."""


def environment_call():
    """Leave with EXIT_ECALL; the instruction counts as retired."""


def breakpoint_trap():
    """Leave with a breakpoint trap."""
