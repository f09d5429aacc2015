"""Traps that end a task, in one line for the person: pc, instruction, registers."""

from ..abi.signals import SIGBUS, SIGILL, SIGKILL, SIGSEGV, SIGTRAP
from ..abi.words import WORD
from ..isa.disassemble import disassemble, length
from ..isa.registers import X_NAMES
from ..kernel.vm.address_space import covers
from ..shm.exits import (
    CAUSE_BREAKPOINT,
    CAUSE_FETCH_ACCESS,
    CAUSE_FETCH_PAGE,
    CAUSE_ILLEGAL,
    CAUSE_LOAD_ACCESS,
    CAUSE_LOAD_PAGE,
    CAUSE_MISALIGNED_AMO,
    CAUSE_MISALIGNED_FETCH,
    CAUSE_NO_MEMORY,
    CAUSE_PAGER_LEFT,
    CAUSE_PAGER_LIES,
    CAUSE_PAGER_SILENT,
    CAUSE_PAST_END,
    CAUSE_STORE_ACCESS,
    CAUSE_STORE_PAGE,
)
from .errors import LinuxError

SEGV_MAPERR, SEGV_ACCERR = 1, 2
BUS_ADRERR = 2
NO_MEMORY_LEFT = "guest memory is used up, give it more with --memory"
# cause: (signal, si_code, words)
_MEANING = {
    CAUSE_MISALIGNED_FETCH: (SIGBUS, 1, "misaligned jump"),
    CAUSE_FETCH_ACCESS: (SIGSEGV, SEGV_MAPERR, "jump to memory that is not there"),
    CAUSE_ILLEGAL: (SIGILL, 1, "illegal instruction"),
    CAUSE_BREAKPOINT: (SIGTRAP, 1, "breakpoint"),
    CAUSE_LOAD_ACCESS: (SIGSEGV, SEGV_MAPERR, "load from memory that is not there"),
    CAUSE_MISALIGNED_AMO: (SIGBUS, 1, "misaligned atomic access"),
    CAUSE_STORE_ACCESS: (SIGSEGV, SEGV_MAPERR, "store to memory that is not there"),
    CAUSE_FETCH_PAGE: (SIGSEGV, SEGV_MAPERR, "jump to memory that is not executable"),
    CAUSE_LOAD_PAGE: (SIGSEGV, SEGV_MAPERR, "load from memory that is not readable"),
    CAUSE_STORE_PAGE: (SIGSEGV, SEGV_MAPERR, "store to memory that is not writable"),
    CAUSE_PAST_END: (SIGBUS, BUS_ADRERR, "access past the end of a mapped file"),
    CAUSE_NO_MEMORY: (SIGKILL, 0, NO_MEMORY_LEFT),
    CAUSE_PAGER_LEFT: (SIGKILL, 0, "a page fault whose pager has left"),
    CAUSE_PAGER_SILENT: (SIGKILL, 0, "a page fault that its pager has not answered"),
    CAUSE_PAGER_LIES: (SIGKILL, 0, "a page fault that its pager says it has mended, and has not"),
}
_SIGNAL_NAMES = {4: "SIGILL", 5: "SIGTRAP", 7: "SIGBUS", 9: "SIGKILL", 11: "SIGSEGV"}
_NAMES = X_NAMES[1:32]


def _instruction(memory, pc):
    try:
        bits = int.from_bytes(memory.read(pc, 2), "little")
        if length(bits) == 4:
            bits |= int.from_bytes(memory.read(pc + 2, 2), "little") << 16
        return disassemble(bits, pc)
    except LinuxError:
        return "(not readable)"


def report_trap(server, i, thread):
    """(signal, si_code, si_addr, one line) for the trap of a thread."""
    number, code, words = _MEANING[int(thread["cause"])]
    if number == SIGSEGV and covers(server.base, server.me, int(thread["task"]), int(thread["trap_value"])):
        code = SEGV_ACCERR
    pc = int(thread["pc"]) & WORD
    registers = " ".join(f"{n}={int(v) & WORD:x}" for n, v in zip(_NAMES, thread["x"][1:32]))
    line = (
        f"{_SIGNAL_NAMES[number]}: {words}"
        f" (address {int(thread['trap_value']) & WORD:#x}) at pc={pc:#x}:"
        f" {_instruction(server.memory(thread), pc)}; {registers}"
    )
    address = pc if number in (SIGILL, SIGTRAP) else int(thread["trap_value"]) & WORD
    return number, code, address, line
