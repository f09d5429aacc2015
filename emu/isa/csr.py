"""Control and status registers of user mode: floating-point state and counters.

The time base is 10 MHz of the machine's steady clock (shm/clock.py); cycle counts retired
instructions, like instret.
"""

from ..hot import hot
from ..shm.clock import steady_ns
from ..shm.layout import machine_at
from ..shm.memory import address_of
from .registers import CSR_CYCLE, CSR_FCSR, CSR_FFLAGS, CSR_FRM, CSR_INSTRET, CSR_TIME
from .words import immediate, rs1_number, set_x

CSR_WRITE, CSR_SET, CSR_CLEAR = 0, 1, 2
NS_PER_TICK = 100


@hot
def _read(m, thread_record, csr, instret):
    """The value, -1 if there is no such register."""
    if csr == CSR_FFLAGS:
        return thread_record.fcsr & 31
    if csr == CSR_FRM:
        return (thread_record.fcsr >> 5) & 7
    if csr == CSR_FCSR:
        return thread_record.fcsr & 255
    if csr == CSR_TIME:
        return steady_ns(m) // NS_PER_TICK
    if csr in (CSR_CYCLE, CSR_INSTRET):
        return instret
    return -1


@hot
def _write(thread_record, csr, value):
    if csr == CSR_FFLAGS:
        thread_record.fcsr = thread_record.fcsr & 0xE0 | value & 31
    elif csr == CSR_FRM:
        thread_record.fcsr = thread_record.fcsr & 31 | (value & 7) << 5
    else:
        thread_record.fcsr = value & 255


@hot
def access_csr(machine, thread, word, operand, mode, instret):
    """Carry out a decoded CSR instruction; 1, or 0 when it is illegal.

    `instret` is what the counter reads, the instructions retired before this one.
    """
    m = machine_at(machine)
    t = m.threads[thread]
    csr = immediate(word)
    old = _read(m, t, csr, instret)
    if old < 0:
        return 0
    if mode == CSR_WRITE or rs1_number(word) != 0:
        if csr >= CSR_CYCLE:  # the counters are read-only
            return 0
        if mode == CSR_SET:
            operand = old | operand
        elif mode == CSR_CLEAR:
            operand = old & ~operand
        _write(t, csr, operand)
    set_x(address_of(t), word, old)
    return 1
