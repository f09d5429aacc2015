"""Arithmetic of compiled programs is CPython's, on random numbers: integers kept to 64 bits, floats to the last bit."""

import math
import random
import struct

from emu import guest
from emu.program.memory import bits_of, float_of

from .runs import numbers, run_python

PAIRS, RESULTS = 60, 19
EDGES = (0, 1, -1, 2, 3, 7, -7, 10, 63, 64, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63), 1 << 62)
integers = guest.words(2 * PAIRS)
bits = guest.words(2 * PAIRS)


def word(value):
    """What is kept of an integer."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def of_integers(_):
    for k in range(0, 2 * PAIRS, 2):
        a, b = integers[k], integers[k + 1]
        guest.print_int(a + b)
        guest.print_int(a - b)
        guest.print_int(a * b)
        guest.print_int(a // b if b != 0 else 0)
        guest.print_int(a % b if b != 0 else 0)
        guest.print_int(a << (b & 127))
        guest.print_int(a >> (b & 127))
        guest.print_int(a & b)
        guest.print_int(a | b)
        guest.print_int(a ^ b)
        guest.print_int(~a)
        guest.print_int(-a)
        guest.print_int(abs(a))
        guest.print_int(min(a, b) ^ max(a, b))
        guest.print_int((a < b) + 2 * (a <= b) + 4 * (a == b) + 8 * (a != b) + 16 * (a > b) + 32 * (a >= b))
        guest.print_int(int(a < b < 5 or not a))
        guest.print_int(a ** (b & 0xFFFFF))
        both = divmod(a, b) if b != 0 else (0, 0)
        guest.print_int(both[0])
        guest.print_int(both[1])


def by_python(a, b):
    found = (
        a + b, a - b, a * b, a // b if b else 0, a % b if b else 0, a << (b & 127), a >> (b & 127), a & b, a | b, a ^ b,
        ~a, -a, abs(a), min(a, b) ^ max(a, b),
        (a < b) + 2 * (a <= b) + 4 * (a == b) + 8 * (a != b) + 16 * (a > b) + 32 * (a >= b),
        int(a < b < 5 or not a), pow(a, b & 0xFFFFF, 1 << 64), *(divmod(a, b) if b else (0, 0)),
    )  # fmt: skip
    return [word(each) for each in found]


def random_words(chance, count):
    return [
        chance.choice((chance.choice(EDGES), word(chance.getrandbits(64)), chance.randrange(-99, 99)))
        for _ in range(count)
    ]


def with_content(array, content):
    """The array begins with this content: programs that are compiled from now on have it."""
    array.content[:] = content


def test_integers_are_pythons_kept_to_64_bits(seed, warm):
    given = random_words(random.Random(seed), 2 * PAIRS)
    given[:2] = -(1 << 63), -1  # the quotient that has no place in 64 bits
    with_content(integers, given)
    expected = [x for a, b in zip(given[::2], given[1::2]) for x in by_python(a, b)]
    assert numbers(of_integers, 0) == expected


def of_floats(_):
    for k in range(0, 2 * PAIRS, 2):
        a, b = float_of(bits[k]), float_of(bits[k + 1])
        guest.print_int(bits_of(a + b))
        guest.print_int(bits_of(a - b))
        guest.print_int(bits_of(a * b))
        guest.print_int(bits_of(a / b) if b != 0 else 0)
        guest.print_int(bits_of(a // b) if b != 0 else 0)
        guest.print_int(bits_of(a % b) if b != 0 else 0)
        guest.print_int(bits_of(-a))
        guest.print_int(bits_of(abs(a)))
        guest.print_int(bits_of(math.sqrt(abs(a))))
        guest.print_int(bits_of(float(bits[k])))
        guest.print_int(bits_of((bits[k] >> 12) / 3))
        guest.print_int(int(a) if abs(a) < 1e18 else 0)
        guest.print_int((a < b) + 2 * (a <= b) + 4 * (a == b) + 8 * (a != b) + 16 * (a > b) + 32 * (a >= b))


def bits_by_python(value):
    return struct.unpack("<q", struct.pack("<d", value))[0]


def floats_by_python(k, a, b):
    found = (
        a + b, a - b, a * b, a / b if b else 0, a // b if b else 0, a % b if b else 0, -a, abs(a), math.sqrt(abs(a)),
        float(k), (k >> 12) / 3,
    )  # fmt: skip
    return [
        *(bits_by_python(each) if isinstance(each, float) else each for each in found), int(a) if abs(a) < 1e18 else 0,
        (a < b) + 2 * (a <= b) + 4 * (a == b) + 8 * (a != b) + 16 * (a > b) + 32 * (a >= b),
    ]  # fmt: skip


def random_float(chance):
    kinds = (
        lambda: chance.uniform(-9, 9),
        lambda: float(chance.randrange(-9, 9)),
        lambda: 0.1 * chance.randrange(1, 99),
        lambda: math.ldexp(chance.uniform(-1, 1), chance.randrange(-300, 300)),
        lambda: math.ldexp(chance.random(), chance.randrange(-1074, -1000)),
    )
    return chance.choice(kinds)()


def test_floats_are_pythons_to_the_last_bit(seed, warm):
    chance = random.Random(seed)
    values = [random_float(chance) for _ in range(2 * PAIRS)]
    with_content(bits, map(bits_by_python, values))
    expected = [x for a, b in zip(values[::2], values[1::2]) for x in floats_by_python(bits_by_python(a), a, b)]
    assert numbers(of_floats, 0) == expected


def raise_floats(n):
    return int(1000 * 1.5**n) + int(0.5**2 * 4)


def test_floats_are_raised_by_multiplying(warm):
    assert run_python(raise_floats, 3) == ((3375 + 1) & 255, [])


def power(b):
    return 5**b


def divide(b):
    return 5 // b


def rest(b):
    return 5 % b


def divide_floats(b):
    return int(1.5 / b)


def shift(b):
    return 1 << b


def read(b):
    return bits[b]


def write(b):
    bits[b] = 1


def test_what_python_refuses_ends_the_program_with_its_line(warm):
    for function, argument, what in (
        (divide, 0, "integer division by zero"), (rest, 0, "integer modulo by zero"),
        (divide_floats, 0, "division by zero"),
        (shift, -1, "negative shift count"), (read, -1, "index out of range"), (read, 2 * PAIRS, "index out of range"),
        (write, 1 << 62, "index out of range"), (power, -1, "negative exponent"),
    ):  # fmt: skip
        line = function.__code__.co_firstlineno + 1
        status, [said] = run_python(function, argument, cpus=1)
        assert status == 1 and said.startswith(f"emu: test_arithmetic.py, line {line}: {what}"), said
