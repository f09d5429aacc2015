"""A static single-threaded Linux guest under Unicorn: loader, stack, and the few calls that musl makes.

Unicorn is QEMU's translator as a library; here it plays the peer that, like emu, is
driven from Python.  Time is that inside `emu_start`.
"""

import struct
import time

import unicorn
from guest_runs import GuestRun
from unicorn import riscv_const as const

from emu.machine.loader import read_program

PAGE = 4096
STACK_TOP, STACK_BYTES = 1 << 37, 8 << 20
HEAP, HEAP_BYTES = 1 << 36, 64 << 20
WRITE, WRITEV, EXIT, EXIT_GROUP = 64, 66, 93, 94
HARMLESS = {29: -25, 96: 1, 99: 0, 214: HEAP}  # ioctl, set_tid_address, set_robust_list, brk
ECALL_FROM_USER = 8


class _Guest:
    def __init__(self, program, arguments):
        self.uc = uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self.output = bytearray()
        self.status = None
        image = read_program(program)
        first = min(s["start"] for s in image["segments"]) & -PAGE
        last = -(-max(s["start"] + s["size"] for s in image["segments"]) // PAGE) * PAGE
        uc.mem_map(first, last - first)
        for segment in image["segments"]:
            uc.mem_write(segment["start"], segment["data"])
        uc.mem_map(STACK_TOP - STACK_BYTES, STACK_BYTES)
        uc.mem_map(HEAP, HEAP_BYTES)
        self.entry = image["entry"]
        mstatus = uc.reg_read(const.UC_RISCV_REG_MSTATUS)
        uc.reg_write(const.UC_RISCV_REG_MSTATUS, mstatus | 0x6000)  # floating point on
        uc.reg_write(const.UC_RISCV_REG_SP, self._push(image, [program, *arguments]))
        uc.hook_add(unicorn.UC_HOOK_INTR, self._trap)

    def _push(self, image, argv):
        sp, pointers = STACK_TOP - 64, []
        random_at = sp
        for text in argv:
            data = str(text).encode() + b"\0"
            sp -= len(data)
            self.uc.mem_write(sp, data)
            pointers.append(sp)
        headers = (3, image["headers"], 4, image["header_bytes"], 5, image["nr_headers"])
        auxiliary = (*headers, 6, PAGE, 25, random_at, 0, 0)
        words = [len(pointers), *pointers, 0, 0, *auxiliary]
        sp = (sp - 8 * len(words)) & -16
        self.uc.mem_write(sp, struct.pack(f"<{len(words)}Q", *words))
        return sp

    def _read(self, name):
        return self.uc.reg_read(getattr(const, f"UC_RISCV_REG_{name}"))

    def _trap(self, uc, number, data):
        if number != ECALL_FROM_USER and number != ECALL_FROM_USER + 3:  # Unicorn runs it in machine mode
            self.status = 128 + number
            uc.emu_stop()
            return
        call, a0, a1, a2 = (self._read(name) for name in ("A7", "A0", "A1", "A2"))
        result = HARMLESS.get(call, -38)
        if call in (EXIT, EXIT_GROUP):
            self.status = a0
            uc.emu_stop()
        elif call == WRITE:
            self.output += uc.mem_read(a1, a2)
            result = a2
        elif call == WRITEV:
            pairs = struct.unpack(f"<{2 * a2}Q", uc.mem_read(a1, 16 * a2))
            for at, size in zip(pairs[::2], pairs[1::2]):
                self.output += uc.mem_read(at, size)
            result = sum(pairs[1::2])
        uc.reg_write(const.UC_RISCV_REG_A0, result & (1 << 64) - 1)


def run_unicorn(program, *arguments):
    """Run a guest to its end; RuntimeError unless it exits with 0."""
    guest = _Guest(program, arguments)
    start = time.perf_counter()
    guest.uc.emu_start(guest.entry, 0)
    wall_s = time.perf_counter() - start
    if guest.status != 0:
        raise RuntimeError(f"{program} {arguments} under Unicorn ended with status {guest.status}")
    return GuestRun(wall_s, guest.output.decode())
