"""A: one line per instruction: what is in memory after, given what was there and the operand."""

import pytest

from emu.isa.encode import assemble, encode
from emu.shm.exits import EXIT_ECALL
from tests.isa.cases import BASE, CORNERS, DATA, MASK, run, signed

OPERATIONS = {
    "amoswap": lambda m, b, bits: b,
    "amoadd": lambda m, b, bits: m + b,
    "amoxor": lambda m, b, bits: m ^ b,
    "amoand": lambda m, b, bits: m & b,
    "amoor": lambda m, b, bits: m | b,
    "amomin": lambda m, b, bits: min(signed(m, bits), signed(b, bits)),
    "amomax": lambda m, b, bits: max(signed(m, bits), signed(b, bits)),
    "amominu": lambda m, b, bits: min(m, b),
    "amomaxu": lambda m, b, bits: max(m, b),
}
SIZES = {"w": 32, "d": 64}
rows = {f"{name}.{size}" for name in (*OPERATIONS, "lr", "sc") for size in SIZES}


@pytest.mark.parametrize("order", [{}, {"aq": 1}, {"rl": 1}, {"aq": 1, "rl": 1}], ids=["", "aq", "rl", "aqrl"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_read_modify_writes(bare, name, size, order):
    bits, low = SIZES[size], (1 << SIZES[size]) - 1
    instruction = encode(f"{name}.{size}", 8, 10, 9, **order)
    for m in CORNERS[::3]:
        for b in CORNERS:
            bare.load(DATA, m.to_bytes(8, "little"))
            assert run(bare, instruction, x9=DATA, x10=b).x[8] == signed(m, bits)
            expected = OPERATIONS[name](m & low, b & low, bits) & low | m & ~low
            assert bare.read_64(DATA) & MASK == expected, (name, hex(m), hex(b))


@pytest.mark.parametrize("size", SIZES)
def test_reserved_and_conditional(bare, size):
    bare.load(DATA, (0x8182838485868788).to_bytes(8, "little"))
    outcome = run(bare, encode(f"lr.{size}", 8, 9), x9=DATA)
    assert outcome.x[8] == signed(0x8182838485868788, SIZES[size])
    bare.load(BASE, assemble(encode(f"sc.{size}", 8, 0, 9), encode(f"sc.{size}", 10, 0, 9), encode("ecall")))
    outcome = bare.run(pc=BASE)
    assert (outcome.reason, outcome.x[8], outcome.x[10]) == (EXIT_ECALL, 0, 1)
    assert bare.read_64(DATA) & (1 << SIZES[size]) - 1 == 0
