"""M: one line per instruction."""

import pytest

from tests.isa.cases import MASK, check, signed, word


def quotient(a, b, bits=64):
    """Signed division as RISC-V has it: towards zero, -1 by zero."""
    a, b = signed(a, bits), signed(b, bits)
    return -1 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def remainder(a, b, bits=64):
    return signed(a, bits) - (0 if signed(b, bits) == 0 else quotient(a, b, bits) * signed(b, bits))


LOW = 0xFFFFFFFF
REGISTERS = {
    "mul": lambda a, b: a * b,
    "mulh": lambda a, b: signed(a) * signed(b) >> 64,
    "mulhsu": lambda a, b: signed(a) * b >> 64,
    "mulhu": lambda a, b: a * b >> 64,
    "div": quotient,
    "divu": lambda a, b: a // b if b else MASK,
    "rem": remainder,
    "remu": lambda a, b: a % b if b else a,
    "mulw": lambda a, b: word(a * b),
    "divw": lambda a, b: word(quotient(a, b, 32)),
    "divuw": lambda a, b: word((a & LOW) // (b & LOW)) if b & LOW else MASK,
    "remw": lambda a, b: word(remainder(a, b, 32)),
    "remuw": lambda a, b: word((a & LOW) % (b & LOW)) if b & LOW else word(a),
}
rows = set(REGISTERS)


@pytest.mark.parametrize("name", REGISTERS)
def test_multiplication_and_division(bare, name):
    check(bare, name, REGISTERS[name])
