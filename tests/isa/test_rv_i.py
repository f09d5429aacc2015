"""RV64I: one line per instruction."""

import pytest

from emu.isa.encode import assemble, encode
from emu.shm.exits import CAUSE_BREAKPOINT, EXIT_ECALL, EXIT_TRAP
from tests.isa.cases import BASE, CORNERS, DATA, MASK, check, run, signed, word

IMMEDIATES = (0, 1, -1, 2047, -2048)
SHIFTS, WORD_SHIFTS = (0, 1, 31, 32, 63), (0, 1, 15, 31)

REGISTERS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "sll": lambda a, b: a << b % 64,
    "slt": lambda a, b: signed(a) < signed(b),
    "sltu": lambda a, b: a < b,
    "xor": lambda a, b: a ^ b,
    "srl": lambda a, b: a >> b % 64,
    "sra": lambda a, b: signed(a) >> b % 64,
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
    "addw": lambda a, b: word(a + b),
    "subw": lambda a, b: word(a - b),
    "sllw": lambda a, b: word(a << b % 32),
    "srlw": lambda a, b: word((a & 0xFFFFFFFF) >> b % 32),
    "sraw": lambda a, b: signed(a, 32) >> b % 32,
}
IMMEDIATE = {
    "addi": lambda a, b: a + b,
    "slti": lambda a, b: signed(a) < b,
    "sltiu": lambda a, b: a < b & MASK,
    "xori": lambda a, b: a ^ b & MASK,
    "ori": lambda a, b: a | b & MASK,
    "andi": lambda a, b: a & b,
    "addiw": lambda a, b: word(a + b),
}
SHIFT = {
    "slli": lambda a, b: a << b,
    "srli": lambda a, b: a >> b,
    "srai": lambda a, b: signed(a) >> b,
    "slliw": lambda a, b: word(a << b),
    "srliw": lambda a, b: word((a & 0xFFFFFFFF) >> b),
    "sraiw": lambda a, b: signed(a, 32) >> b,
}
BRANCHES = {
    "beq": lambda a, b: a == b,
    "bne": lambda a, b: a != b,
    "blt": lambda a, b: signed(a) < signed(b),
    "bge": lambda a, b: signed(a) >= signed(b),
    "bltu": lambda a, b: a < b,
    "bgeu": lambda a, b: a >= b,
}
LOADS = {
    "lb": lambda v: signed(v, 8),
    "lh": lambda v: signed(v, 16),
    "lw": lambda v: signed(v, 32),
    "ld": lambda v: signed(v, 64),
    "lbu": lambda v: v & 0xFF,
    "lhu": lambda v: v & 0xFFFF,
    "lwu": lambda v: v & 0xFFFFFFFF,
}
STORES = {"sb": 0xFF, "sh": 0xFFFF, "sw": 0xFFFFFFFF, "sd": MASK}
rows = {*REGISTERS, *IMMEDIATE, *SHIFT, *BRANCHES, *LOADS, *STORES}
rows |= {"lui", "auipc", "jal", "jalr", "fence", "fence.i", "ecall", "ebreak"}


@pytest.mark.parametrize("name", REGISTERS)
def test_register_operations(bare, name):
    check(bare, name, REGISTERS[name])


@pytest.mark.parametrize("name", IMMEDIATE)
def test_immediate_operations(bare, name):
    check(bare, name, IMMEDIATE[name], IMMEDIATES)


@pytest.mark.parametrize("name", SHIFT)
def test_shifts(bare, name):
    check(bare, name, SHIFT[name], WORD_SHIFTS if name.endswith("w") else SHIFTS)


@pytest.mark.parametrize("name", BRANCHES)
def test_branches(bare, name):
    bare.load(BASE, assemble(encode(name, 9, 10, 8), encode("ecall"), encode("addi", 8, 0, 1), encode("ecall")))
    for a in CORNERS:
        for b in CORNERS:
            bare.x[8], bare.x[9], bare.x[10] = 0, signed(a), signed(b)
            outcome = bare.run(pc=BASE)
            assert (outcome.reason, outcome.x[8]) == (EXIT_ECALL, BRANCHES[name](a, b)), (name, hex(a), hex(b))


@pytest.mark.parametrize("name", LOADS)
@pytest.mark.parametrize("offset", [0, 1, 0xFFC], ids=["aligned", "misaligned", "across pages"])
def test_loads(bare, name, offset):
    value = 0x8182_8384_F5F6_F7F8
    bare.load(DATA + offset, value.to_bytes(8, "little"))
    assert run(bare, encode(name, 8, -8, 9), x9=DATA + offset + 8).x[8] == LOADS[name](value)


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("offset", [8, 9, 0xFFC], ids=["aligned", "misaligned", "across pages"])
def test_stores(bare, name, offset):
    bare.load(DATA + offset - 8, b"\xaa" * 24)
    run(bare, encode(name, 10, 8, 9), x9=DATA + offset - 8, x10=0x0102_0304_0506_0708)
    size = STORES[name].bit_length() // 8
    stored = (0x0102_0304_0506_0708).to_bytes(8, "little")[:size]
    assert bytes(bare.memory[DATA - BASE + offset - 8 :][:24]) == b"\xaa" * 8 + stored + b"\xaa" * (16 - size)


def test_constants_and_jumps(bare):
    assert run(bare, encode("lui", 8, -0x80000000)).x[8] == -0x80000000
    assert run(bare, encode("auipc", 8, 0x7FFFF000)).x[8] == BASE + 0x7FFFF000
    assert run(bare, encode("jal", 8, 4)).x[8] == BASE + 4
    assert run(bare, encode("jalr", 8, 4, 9), x9=BASE + 1).x[8] == BASE + 4


@pytest.mark.parametrize("name", ["fence", "fence.i"])
def test_fences_do_nothing_else(bare, name):
    for fields in [{}] if name == "fence.i" else [{"imm": n} for n in (0x33, 0x12, 0x833, 0x10, 0xFFF)]:
        assert run(bare, encode(name, **{k: v - (v >> 11 << 12) for k, v in fields.items()})).retired == 2


def test_calls_to_the_environment(bare):
    assert run(bare, encode("ecall")).pc == BASE
    bare.load(BASE, assemble(encode("ebreak")))
    outcome = bare.run(pc=BASE)
    assert (outcome.reason, outcome.cause) == (EXIT_TRAP, CAUSE_BREAKPOINT)
