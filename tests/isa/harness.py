"""A bare machine for tests: one CPU, one thread, guest pages mapped flat onto frames.

The fault handler maps the page at guest address BASE + n * 4096 to frame n, with
the permissions in the frame's `link` (bit 0 read, 1 write, 2 execute).  Frames that
were fetched from are not cached for writing, as the kernel does.
"""

import ctypes
from dataclasses import dataclass

import numpy as np

from emu.hot import callback
from emu.isa.interpreter.accesses import TLB_INDEX_MASK, TLB_INDEX_SHIFT
from emu.isa.interpreter.interpret import interpret
from emu.limits import DECODED_OFFSET, DECODED_PAGE_BYTES, PAGE_SIZE
from emu.shm.exits import (
    ACCESS_FETCH,
    ACCESS_WRITE,
    CAUSE_FETCH_PAGE,
    CAUSE_LOAD_PAGE,
    CAUSE_STORE_PAGE,
)
from emu.shm.layout import decoded_address, frame_address, machine_at
from emu.shm.layout.memory import FRAME_CODE, FRAME_WRITTEN
from emu.shm.segment import Window

BASE = 0x10000
FRAMES = 64
READ, WRITE, EXECUTE = 1, 2, 4
ALL = READ | WRITE | EXECUTE
MEMORY_BYTES = 4 << 20


@callback(4)
def flat_fault(machine, cpu, va, access):
    """Translate through the flat map, fill the TLB; 0 and the cause when not permitted."""
    m = machine_at(machine)
    c = m.cpus[cpu]
    frame = (va - BASE) >> 12
    if access == ACCESS_FETCH:
        need, cause = EXECUTE, CAUSE_FETCH_PAGE
    elif access == ACCESS_WRITE:
        need, cause = WRITE, CAUSE_STORE_PAGE
    else:
        need, cause = READ, CAUSE_LOAD_PAGE
    if va < BASE or frame >= FRAMES or m.frames[frame].link & need == 0:
        c.cause = cause
        c.trap_value = va
        return 0
    page = va & -PAGE_SIZE
    slot = ((va >> TLB_INDEX_SHIFT) & TLB_INDEX_MASK) >> 3
    host = frame_address(m, frame) + (va & (PAGE_SIZE - 1))
    if access == ACCESS_FETCH:
        m.frames[frame].word |= FRAME_CODE
        for k in range(0, 512, 2):
            c.write_tlb[k] = -1
        c.fetch_tlb[slot] = page
        c.fetch_tlb[slot + 1] = decoded_address(m, frame)
        return decoded_address(m, frame)
    if access == ACCESS_WRITE:
        if m.frames[frame].word & FRAME_CODE == 0:
            m.frames[frame].word |= FRAME_WRITTEN
            c.write_tlb[slot] = page
            c.write_tlb[slot + 1] = host - va
    else:
        c.read_tlb[slot] = page
        c.read_tlb[slot + 1] = host - va
    return host


@dataclass
class Outcome:
    reason: int
    pc: int
    x: list
    f: list
    fcsr: int
    retired: int
    cause: int
    trap_value: int


class Bare:
    """The machine. `load`, set `x` and `f`, `run`, look at the outcome and at `memory`."""

    def __init__(self):
        self.window = Window.create(MEMORY_BYTES)
        self.m = self.window.machine
        self.thread = self.m["threads"][0]
        self.cpu = self.m["cpus"][0]
        self.cpu["fault"] = flat_fault.address
        self.memory = self.window.memory(0, FRAMES)
        self.x = self.thread["x"]
        self.f = self.thread["f"]
        interpret.compile()  # before anything is measured
        self._interpret = _as_function(interpret.address)
        self.reset()

    def reset(self):
        """Zero memory and registers, all permissions, empty TLB, nothing decoded."""
        self.memory[:] = 0
        self.m["frames"]["word"][:FRAMES] = 0
        self.m["frames"]["link"][:FRAMES] = ALL
        self.thread["x"] = 0
        self.thread["f"] = 0
        self.thread["fcsr"] = 0
        self.thread["pc"] = BASE
        self.cpu["pending"] = 0
        self.cpu["reservation"] = 0
        self.forget()

    def forget(self):
        """Empty the TLB and the cache of decoded words."""
        for name in ("read_tlb", "write_tlb", "fetch_tlb"):
            self.cpu[name] = -1
        decoded(self.window)[:] = 0

    def permit(self, page, permissions):
        self.m["frames"]["link"][page] = permissions

    def load(self, address, data):
        """Write guest memory from outside; nothing stays decoded."""
        decoded(self.window)[:] = 0
        self.memory[address - BASE : address - BASE + len(data)] = np.frombuffer(data, dtype=np.uint8)

    def run(self, budget=1 << 40, pc=None):
        if pc is not None:
            self.thread["pc"] = pc
        before = int(self.thread["instructions"])
        reason = self._interpret(self.window.address, 0, 0, budget)
        return Outcome(
            reason=reason,
            pc=int(self.thread["pc"]),
            x=[int(v) for v in self.x[:32]],
            f=[int(v) for v in self.f],
            fcsr=int(self.thread["fcsr"]),
            retired=int(self.thread["instructions"]) - before,
            cause=int(self.cpu["cause"]),
            trap_value=int(self.cpu["trap_value"]),
        )

    def read_64(self, address):
        return int(self.memory[address - BASE : address - BASE + 8].view(np.int64)[0])

    def destroy(self):
        self.memory = self.x = self.f = self.thread = self.cpu = self.m = None
        self.window.destroy()


def decoded(window):
    """The decoded words of all test frames."""
    return np.frombuffer(
        (ctypes.c_char * (DECODED_PAGE_BYTES * FRAMES)).from_address(window.address + DECODED_OFFSET),
        dtype=np.int64,
    )


def _as_function(address):
    return ctypes.CFUNCTYPE(*(ctypes.c_int64,) * 5)(address)
