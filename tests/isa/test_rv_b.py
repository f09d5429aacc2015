"""Zba, Zbb, Zbs, Zicond: one line per instruction."""

import pytest

from tests.isa.cases import MASK, check, signed, word

LOW = 0xFFFFFFFF


def rotate(value, amount, bits):
    """To the left."""
    value, amount = value & (1 << bits) - 1, amount % bits
    return (value << amount | value >> (bits - amount)) & (1 << bits) - 1


def bytes_of(a):
    return a.to_bytes(8, "little")


PAIRS = {
    "add.uw": lambda a, b: (a & LOW) + b,
    "sh1add": lambda a, b: (a << 1) + b,
    "sh2add": lambda a, b: (a << 2) + b,
    "sh3add": lambda a, b: (a << 3) + b,
    "sh1add.uw": lambda a, b: ((a & LOW) << 1) + b,
    "sh2add.uw": lambda a, b: ((a & LOW) << 2) + b,
    "sh3add.uw": lambda a, b: ((a & LOW) << 3) + b,
    "andn": lambda a, b: a & ~b,
    "orn": lambda a, b: a | (b ^ MASK),
    "xnor": lambda a, b: a ^ b ^ MASK,
    "min": lambda a, b: min(signed(a), signed(b)),
    "minu": lambda a, b: min(a, b),
    "max": lambda a, b: max(signed(a), signed(b)),
    "maxu": lambda a, b: max(a, b),
    "rol": lambda a, b: rotate(a, b, 64),
    "ror": lambda a, b: rotate(a, -b, 64),
    "rolw": lambda a, b: word(rotate(a, b, 32)),
    "rorw": lambda a, b: word(rotate(a, -b, 32)),
    "bclr": lambda a, b: a & ~(1 << b % 64),
    "bext": lambda a, b: a >> b % 64 & 1,
    "binv": lambda a, b: a ^ 1 << b % 64,
    "bset": lambda a, b: a | 1 << b % 64,
    "czero.eqz": lambda a, b: 0 if b == 0 else a,
    "czero.nez": lambda a, b: 0 if b != 0 else a,
}
SINGLE = {
    "clz": lambda a: 64 - a.bit_length(),
    "ctz": lambda a: (a & -a).bit_length() - 1 if a else 64,
    "cpop": lambda a: a.bit_count(),
    "clzw": lambda a: 32 - (a & LOW).bit_length(),
    "ctzw": lambda a: (a & -a & LOW).bit_length() - 1 if a & LOW else 32,
    "cpopw": lambda a: (a & LOW).bit_count(),
    "sext.b": lambda a: signed(a, 8),
    "sext.h": lambda a: signed(a, 16),
    "zext.h": lambda a: a & 0xFFFF,
    "orc.b": lambda a: int.from_bytes(bytes(255 if v else 0 for v in bytes_of(a)), "little"),
    "rev8": lambda a: int.from_bytes(bytes_of(a), "big"),
}
SHIFTS = {
    "slli.uw": lambda a, b: (a & LOW) << b,
    "rori": lambda a, b: rotate(a, -b, 64),
    "bclri": lambda a, b: a & ~(1 << b),
    "bexti": lambda a, b: a >> b & 1,
    "binvi": lambda a, b: a ^ 1 << b,
    "bseti": lambda a, b: a | 1 << b,
}
WORD_SHIFTS = {"roriw": lambda a, b: word(rotate(a, -b, 32))}
rows = {*PAIRS, *SINGLE, *SHIFTS, *WORD_SHIFTS}


@pytest.mark.parametrize("name", [*PAIRS, *SINGLE])
def test_register_operations(bare, name):
    check(bare, name, (PAIRS | SINGLE)[name])


@pytest.mark.parametrize("name", SHIFTS)
def test_immediate_operations(bare, name):
    check(bare, name, SHIFTS[name], (0, 1, 31, 32, 63))


@pytest.mark.parametrize("name", WORD_SHIFTS)
def test_word_immediates(bare, name):
    check(bare, name, WORD_SHIFTS[name], (0, 1, 31))
