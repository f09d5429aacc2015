"""Floating point and its status registers: what the oracle does not cover."""

import math
import struct

import pytest

from emu.isa.encode import assemble, encode
from emu.shm.exits import CAUSE_ILLEGAL, EXIT_ECALL, EXIT_TRAP
from tests.isa.harness import BASE

BOX = -1 << 32
NAN_32, NAN_64 = BOX | 0x7FC00000, 0x7FF8000000000000
SIGNALLING_32, SIGNALLING_64 = BOX | 0x7F800001, 0x7FF0000000000001


def run(bare, *instructions):
    bare.load(BASE, assemble(*instructions, encode("ecall")))
    outcome = bare.run(pc=BASE)
    assert outcome.reason == EXIT_ECALL, outcome
    return outcome


def double(value):
    return struct.unpack("<q", struct.pack("<d", value))[0]


def single(value):
    return BOX | struct.unpack("<I", struct.pack("<f", value))[0]


@pytest.mark.parametrize(
    "suffix, make, nan, signalling", [("s", single, NAN_32, SIGNALLING_32), ("d", double, NAN_64, SIGNALLING_64)]
)
def test_minimum_and_maximum_prefer_numbers_and_order_zeros(bare, suffix, make, nan, signalling):
    cases = [
        (make(1.0), make(2.0), make(1.0), make(2.0)),
        (make(-0.0), make(0.0), make(-0.0), make(0.0)),
        (make(0.0), make(-0.0), make(-0.0), make(0.0)),
        (nan, make(3.0), make(3.0), make(3.0)),
        (make(3.0), signalling, make(3.0), make(3.0)),
        (signalling, nan, nan, nan),
        (make(-math.inf), make(math.inf), make(-math.inf), make(math.inf)),
    ]
    for a, b, least, greatest in cases:
        bare.f[1], bare.f[2] = a, b
        outcome = run(bare, encode(f"fmin.{suffix}", 3, 1, 2), encode(f"fmax.{suffix}", 4, 1, 2))
        assert (outcome.f[3], outcome.f[4]) == (least, greatest)


def test_an_unboxed_single_is_the_canonical_nan(bare):
    bare.f[1], bare.f[2] = 0x3F800000, single(1.0)
    outcome = run(
        bare, encode("fadd.s", 3, 1, 2, 0), encode("fsgnj.s", 4, 1, 2), encode("fclass.s", 5, 1),
        encode("fmv.x.w", 6, 1), encode("feq.s", 7, 1, 1),
    )  # fmt: skip
    assert (outcome.f[3], outcome.f[4]) == (NAN_32, NAN_32)
    assert (outcome.x[5], outcome.x[6], outcome.x[7]) == (1 << 9, 0x3F800000, 0)


@pytest.mark.parametrize(
    "value, expected",
    [(2.5, (2, 2, 2, 3, 3)), (-2.5, (-2, -2, -3, -2, -3)), (3.5, (4, 3, 3, 4, 4)), (-0.5, (0, 0, -1, 0, -1)),
     (1e30, (2**63 - 1,) * 5), (-1e30, (-(2**63),) * 5), (math.nan, (2**63 - 1,) * 5)],
)  # fmt: skip
def test_conversions_to_integers_honour_static_and_dynamic_modes(bare, value, expected):
    bare.f[1] = double(value)
    for mode in range(5):
        bare.thread["fcsr"] = mode << 5
        outcome = run(bare, encode("fcvt.l.d", 5, 1, mode), encode("fcvt.l.d", 6, 1, 7))
        assert outcome.x[5] == outcome.x[6] == expected[mode]


def test_unsigned_conversions_saturate(bare):
    bare.f[1], bare.f[2] = double(-1.0), double(2.0**63 + 4096)
    outcome = run(bare, encode("fcvt.lu.d", 5, 1, 1), encode("fcvt.lu.d", 6, 2, 1), encode("fcvt.wu.d", 7, 2, 1))
    assert outcome.x[5:8] == [0, -(2**63) + 4096, -1]


# --- control and status registers ---------------------------------------------------------


def test_status_registers_are_views_of_one(bare):
    bare.x[5] = 0xFF
    outcome = run(
        bare, encode("csrrw", 6, 0x003, 5), encode("csrrwi", 7, 0x002, 1), encode("csrrci", 8, 0x001, 3),
        encode("csrrs", 9, 0x003, 0),
    )  # fmt: skip
    assert outcome.x[6:10] == [0, 7, 31, 1 << 5 | 28]
    assert outcome.fcsr == 1 << 5 | 28


def test_instret_is_exact(bare):
    bare.thread["instructions"] = 1000
    nop = encode("addi", 0, 0, 0)
    outcome = run(bare, nop, nop, encode("csrrs", 5, 0xC02, 0), encode("csrrs", 6, 0xC02, 0))
    assert outcome.x[5:7] == [1002, 1003]


def test_time_moves_on(bare):
    outcome = run(bare, encode("csrrs", 5, 0xC01, 0), encode("csrrs", 6, 0xC01, 0))
    assert 0 < outcome.x[5] <= outcome.x[6]


@pytest.mark.parametrize(
    "bits", [encode("csrrw", 5, 0xC00, 5), encode("csrrs", 5, 0xC02, 5), encode("csrrs", 5, 0x300, 0)]
)
def test_writing_counters_and_foreign_registers_is_illegal(bare, bits):
    bare.load(BASE, assemble(bits))
    outcome = bare.run(pc=BASE)
    assert (outcome.reason, outcome.cause, outcome.trap_value) == (EXIT_TRAP, CAUSE_ILLEGAL, bits)
