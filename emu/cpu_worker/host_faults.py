"""Host faults of translated code: a page that the CPU's window lacks, or that may not be accessed in this way.

Translated code accesses guest memory without asking whether it is mapped (isa/translator/accesses.py).  Where it is
not, the host sends SIGSEGV, and `on_fault` runs, as any hot code would at that place: translated code holds no lock.
It maps the page (mmu.show), and the access is made again.  Where that cannot be, the code goes on at the way out that
the region has for this access (REGION.fixups), and the interpreter executes the instruction.

A fault of anything else is a fault of emu's own, and ends the process as if this were not here.

`install` is called once in a CPU's process.  The handler finds its CPU in a page of this process at a fixed address.
"""

import ctypes
import mmap
import platform
import signal

from ..hot import callback, hot
from ..limits import ARENA_BYTES, ARENA_OFFSET, SPACE_FIRST, SPACE_STRIDE, SPACES, USER_TOP, WINDOW_BYTES, WINDOW_FIRST
from ..shm.exits import ACCESS_READ, ACCESS_WRITE
from ..shm.layout import machine_at
from ..shm.memory import call_4, get, host_signal, load_s32, put
from ..shm.segment import map_private

WHO = WINDOW_FIRST - mmap.PAGESIZE  # where a process says which CPU it is
_FAULT_ADDRESS = 16  # in siginfo_t
_GENERAL_REGISTERS = 40  # in ucontext_t of x86-64
_RIP, _ERROR = _GENERAL_REGISTERS + 16 * 8, _GENERAL_REGISTERS + 19 * 8
_WRITES = 2  # in the error code of a page fault
_GUARD = 1 << 16  # beside a window: offsets of instructions are smaller


@hot
def _fixup(m, at):
    """Where the region that contains a host address goes on when its access there fails; 0: it is no access."""
    low, high = 0, m.nr_regions - 1
    while low < high:  # regions lie in the order of their numbers
        middle = (low + high + 1) >> 1
        if m.regions[middle].place <= at:
            low = middle
        else:
            high = middle - 1
    region = m.regions[low]
    first, count = region.fixups, region.nr_fixups
    low, high = 0, count - 1
    while low <= high:
        middle = (low + high) >> 1
        entry = first + 8 * middle
        site = entry + load_s32(entry)
        if site == at:
            return entry + 4 + load_s32(entry + 4)
        if site < at:
            low = middle + 1
        else:
            high = middle - 1
    return 0


@callback(3)
def on_fault(number, info, context):
    at = get(context + _RIP)
    base = at & -WINDOW_BYTES
    if WINDOW_FIRST <= base < SPACE_FIRST and ARENA_OFFSET <= at - base < ARENA_OFFSET + ARENA_BYTES:
        m = machine_at(base)
        cpu = get(WHO)
        va = get(info + _FAULT_ADDRESS) - m.cpus[cpu].space
        access = ACCESS_WRITE if get(context + _ERROR) & _WRITES else ACCESS_READ
        if 0 <= va < USER_TOP and call_4(m.cpus[cpu].show, base, cpu, va, access) != 0:
            return 0
        way_out = _fixup(m, at)
        if way_out != 0:
            put(context + _RIP, way_out)
            return 0
    host_signal(number, 0)  # the default: the access is made again, and ends the process
    return 0


class _Action(ctypes.Structure):
    """struct sigaction of the host's C library on x86-64."""

    _fields_ = [
        ("handler", ctypes.c_void_p), ("mask", ctypes.c_ubyte * 128), ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    ]  # fmt: skip


_SA_SIGINFO = 4


def install(cpu):
    """Handle the host faults of translated code in this process, which is this CPU's."""
    map_private(WHO, mmap.PAGESIZE)
    ctypes.c_int64.from_address(WHO).value = cpu
    action = _Action(handler=on_fault.address, flags=_SA_SIGINFO)
    if ctypes.CDLL(None, use_errno=True).sigaction(signal.SIGSEGV, ctypes.byref(action), None) != 0:
        raise OSError(ctypes.get_errno(), "sigaction")


assert platform.machine() != "x86_64" or SPACE_STRIDE > USER_TOP + _GUARD
assert SPACE_FIRST + SPACES * SPACE_STRIDE <= 1 << 46, "above it lie the host's heap and libraries"
