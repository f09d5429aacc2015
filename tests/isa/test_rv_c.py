"""C: every instruction does what the one it stands for does; the map of 16-bit patterns is the manual's."""

import random

import numpy as np
import pytest

from emu.isa import decode
from emu.isa.disassemble import disassemble
from emu.isa.encode import EncodeError, assemble, encode
from emu.isa.table import ROWS
from tests.isa.cases import BASE, DATA

COMPRESSED = [row for row in ROWS if row.base]
rows = {row.name for row in COMPRESSED}


def expansion(row, bits):
    """The 4-byte instruction with the same operands."""
    fields = {}
    for slot, declared in row.slots.items():
        base_field = row.base.slots[slot].field
        fields[base_field] = row.value(declared.field, bits) if declared.field else declared.constant
    if row.base.immediate:
        value = row.value(row.immediate, bits) if row.immediate else 0
        fields[row.base.immediate] = value
    return encode(row.base.name, **fields)


def state_after(bare, bits, seed):
    """Everything after one instruction, pc relative to what follows it."""
    rng = random.Random(seed)
    bare.reset()
    at = BASE + 2048  # jumps reach up to 2 KiB, and end at an ecall
    ecall = assemble(encode("ecall"))
    bare.memory[:8192] = np.frombuffer(ecall * 2048, dtype=np.uint8)
    bare.load(at, assemble(bits))
    bare.x[1:32] = [rng.randrange(-(1 << 40), 1 << 40) for _ in range(31)]
    for n in (2, *range(8, 16)):
        bare.x[n] = DATA + 64 * n
    bare.f[:] = [rng.getrandbits(63) for _ in range(32)]
    bare.memory[0x4000:0x6000] = np.frombuffer(rng.randbytes(0x2000), dtype=np.uint8)
    outcome = bare.run(budget=1, pc=at)
    return outcome.x, outcome.f, outcome.cause, bytes(bare.memory[0x4000:0x6000]), outcome.reason


@pytest.mark.parametrize("row", COMPRESSED, ids=lambda row: row.name)
def test_does_what_its_expansion_does(bare, row):
    rng = random.Random(row.op)
    for seed in range(15):
        bits = rng.getrandbits(16) & ~row.mask | row.match
        if not row.matches(bits):
            continue
        try:
            wide = expansion(row, bits)
        except EncodeError:
            pytest.fail(f"{row.name} {bits:#x} has no expansion")
        assert decode.row_of(wide) is row.base
        if row.immediate != "offset" and row.base.name not in ("jalr", "ebreak"):  # those say where they are
            assert state_after(bare, bits, seed)[:4] == state_after(bare, wide, seed)[:4], disassemble(bits)


def reserved(bits):
    """The manual's map (chapter 28, tables of quadrants 0 to 2), written down a second time."""
    quadrant, funct3 = bits & 3, bits >> 13
    rd, low5, bit12 = bits >> 7 & 31, bits >> 2 & 31, bits >> 12 & 1
    if quadrant == 0:
        return funct3 == 4 or (funct3 == 0 and bits >> 5 & 0xFF == 0)
    if quadrant == 1:
        if funct3 == 1:
            return rd == 0
        if funct3 == 3:
            return bit12 == 0 and low5 == 0
        return funct3 == 4 and rd >> 3 == 3 and bit12 == 1 and low5 >> 3 >= 2
    if funct3 in (2, 3):
        return rd == 0
    return funct3 == 4 and bit12 == 0 and low5 == 0 and rd == 0


def test_exactly_the_reserved_patterns_are_illegal():
    for bits in range(1 << 16):
        if bits & 3 != 3:
            assert (decode.row_of(bits) is None) == reserved(bits), hex(bits)


HINTS = {"c.nop 5": 0x0015, "c.addi x8, 0": 0x0401, "c.li x0": 0x4005, "c.lui x0": 0x6005, "c.mv x0": 0x8006,
         "c.add x0": 0x9006, "c.slli x0": 0x0006, "c.slli x8, 0": 0x0402, "c.srli x8, 0": 0x8001}  # fmt: skip


@pytest.mark.parametrize("name", HINTS)
def test_hints_change_nothing(bare, name):
    bare.x[1:32] = range(101, 132)
    bare.load(BASE, assemble(HINTS[name], encode("ecall")))
    outcome = bare.run(pc=BASE)
    assert (outcome.x, outcome.retired) == ([0, *range(101, 132)], 2)


def test_jumps_and_branches(bare):
    for bits, x8, length, link in (
        (encode("c.j", -16), 0, -16, 0), (encode("c.beqz", 8, 32), 0, 32, 0), (encode("c.beqz", 8, 32), 1, 2, 0),
        (encode("c.bnez", 8, -64), 1, -64, 0), (encode("c.bnez", 8, -64), 0, 2, 0),
        (encode("c.jr", 9), 0, 100, 0), (encode("c.jalr", 9), 0, 100, 1),
    ):  # fmt: skip
        at = BASE + 2048
        bare.reset()
        bare.memory[:8192] = np.frombuffer(assemble(encode("c.ebreak")) * 4096, dtype=np.uint8)
        bare.load(at, assemble(bits))
        bare.x[8], bare.x[9] = x8, at + 100
        outcome = bare.run(pc=at)
        assert (outcome.pc, outcome.retired) == (at + length, 1), disassemble(bits)
        assert outcome.x[1] == (at + 2 if link else 0)
