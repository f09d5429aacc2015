"""Processes that run guest code on one bare machine, a CPU and a thread each: for tests of the memory model.

    crew = GuestCrew()
    words = crew.run([code of CPU 0, code of CPU 1], iterations)     # (cpu, iteration, 2) values of x6 and x7

All programs have the same frame: they wait for each other, then run their body `iterations` times with
x9 counting from 1, and store x6 and x7 after each.  x10 and x11 point to X and Y, x16 and x17 to Z and SPARE:
words in pages of their own, 0 at first.  x1 is 1, x18 the CPU.  Guest pages are mapped flat, by a fault handler
like that of tests/isa/harness.py.
"""

import ctypes
import os
import signal
import time

import numpy as np

from emu.hot import callback
from emu.isa.encode import assemble, encode
from emu.isa.interpreter.accesses import TLB_INDEX_MASK, TLB_INDEX_SHIFT
from emu.isa.interpreter.interpret import interpret
from emu.limits import DECODED_OFFSET, DECODED_PAGE_BYTES, MIB, PAGE_SIZE
from emu.shm.atomics import fetch_or
from emu.shm.exits import ACCESS_FETCH, ACCESS_WRITE, CAUSE_LOAD_PAGE, EXIT_ECALL
from emu.shm.layout import decoded_address, frame_address, machine_at
from emu.shm.layout.memory import FRAME_CODE, FRAME_WRITTEN
from emu.shm.segment import Window

BASE = 0x10000
FRAMES = 8192
MEMORY_BYTES = FRAMES * PAGE_SIZE
CODE = BASE  # a page for each CPU
SHARED = BASE + 8 * PAGE_SIZE
START, X, Y, Z, SPARE = (SHARED + n * PAGE_SIZE for n in range(5))
RESULTS = BASE + MIB
PATIENCE_S = 60
ACCESSIBLE = len(os.sched_getaffinity(0))


@callback(4)
def wide_fault(machine, cpu, va, access):
    """Everything may be accessed; frames that were fetched from are not cached for writing."""
    m = machine_at(machine)
    c = m.cpus[cpu]
    frame = (va - BASE) >> 12
    if va < BASE or frame >= FRAMES:
        c.cause = CAUSE_LOAD_PAGE
        c.trap_value = va
        return 0
    page = va & -PAGE_SIZE
    slot = ((va >> TLB_INDEX_SHIFT) & TLB_INDEX_MASK) >> 3
    host = frame_address(m, frame) + (va & (PAGE_SIZE - 1))
    if access == ACCESS_FETCH:
        fetch_or(m.frames[frame], "word", FRAME_CODE)
        c.fetch_tlb[slot] = page
        c.fetch_tlb[slot + 1] = decoded_address(m, frame)
        return decoded_address(m, frame)
    if access == ACCESS_WRITE:
        if fetch_or(m.frames[frame], "word", FRAME_WRITTEN) & FRAME_CODE == 0:
            c.write_tlb[slot] = page
            c.write_tlb[slot + 1] = host - va
    else:
        c.read_tlb[slot] = page
        c.read_tlb[slot + 1] = host - va
    return host


def _program(body):
    start = [encode("amoadd.d", 0, 1, 14), encode("ld", 5, 0, 14), encode("blt", 5, 15, -4)]
    loop = [encode("addi", 9, 9, 1), *body, encode("sd", 6, 0, 12), encode("sd", 7, 8, 12), encode("addi", 12, 12, 16)]
    return assemble(*start, *loop, encode("blt", 9, 13, -len(assemble(*loop))), encode("ecall"))


class GuestCrew:
    def __init__(self):
        self.window = Window.create(MEMORY_BYTES)
        self.memory = self.window.memory(0, FRAMES)
        self.m = self.window.machine
        self._interpret = ctypes.CFUNCTYPE(*(ctypes.c_int64,) * 5)(interpret.address)
        self._fault = wide_fault.address

    def words(self, address, count):
        return self.memory[address - BASE : address - BASE + 8 * count].view(np.int64)

    def _prepare(self, cpu, body, cpus, iterations):
        code = _program(body)
        start = CODE - BASE + cpu * PAGE_SIZE
        self.memory[start : start + len(code)] = np.frombuffer(code, dtype=np.uint8)
        c, t = self.m["cpus"][cpu], self.m["threads"][cpu]
        for name in ("read_tlb", "write_tlb", "fetch_tlb"):
            c[name] = -1
        c["fault"], c["pending"], c["reservation"] = self._fault, 0, 0
        t["x"], t["pc"], t["fcsr"] = 0, CODE + cpu * PAGE_SIZE, 0
        for register, value in (
            (1, 1), (10, X), (11, Y), (12, RESULTS + cpu * iterations * 16), (13, iterations), (14, START),
            (15, cpus), (16, Z), (17, SPARE), (18, cpu),
        ):  # fmt: skip
            t["x"][register] = value

    def run(self, bodies, iterations):
        """Run a body on each CPU; what they stored, as an array (cpu, iteration, 2)."""
        self.memory[:MIB] = 0
        self.m["frames"]["word"][:FRAMES] = 0
        self.m["frames"]["word"][:8] = FRAME_CODE  # pages of programs: no CPU caches them for writing
        ctypes.memset(self.window.address + DECODED_OFFSET, 0, DECODED_PAGE_BYTES * 64)
        for cpu, body in enumerate(bodies):
            self._prepare(cpu, body, len(bodies), iterations)
        children = [self._fork(cpu) for cpu in range(len(bodies))]
        self._wait(children)
        count = len(bodies) * iterations * 2
        return self.words(RESULTS, count).reshape(len(bodies), iterations, 2).copy()

    def _fork(self, cpu):
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:  # the child: nothing but guest code, and out
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[cpu % len(cores)]})
            status = int(self._interpret(self.window.address, cpu, cpu, 1 << 40) != EXIT_ECALL)
        finally:
            os._exit(status)

    def _wait(self, children):
        deadline = time.monotonic() + PATIENCE_S
        left, failed = set(children), []
        while left and time.monotonic() < deadline:
            for pid in list(left):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    left.remove(pid)
                    failed += [status] if status else []
            time.sleep(0.0005)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        assert not left, f"{len(left)} CPUs did not end in {PATIENCE_S} s"
        assert not failed, f"a CPU ended with wait status {failed}"

    def destroy(self):
        self.memory = self.m = None
        self.window.destroy()
