"""D: one line per case, `name [mode] operands -> result flags`; every case with static and dynamic rounding.

max, min and tiny are the greatest and least normal number and the least subnormal one; 0x… without p are a register's
bits.  Breadth comes from tests/oracle, where random programs are compared with qemu.
"""

import pytest

from emu.isa.encode import encode
from tests.isa.cases import DATA, check_float, run

ARITHMETIC = """
fadd.d 1 2 -> 3
fadd.d 1 0x1p-60 -> 1 NX
fadd.d rup 1 0x1p-60 -> 0x1.0000000000001p0 NX
fadd.d rdn 1 -0x1p-60 -> 0x1.fffffffffffffp-1 NX
fadd.d rtz 1 -0x1p-60 -> 0x1.fffffffffffffp-1 NX
fadd.d rne 1 0x1p-53 -> 1 NX
fadd.d rmm 1 0x1p-53 -> 0x1.0000000000001p0 NX
fadd.d 1 -1 -> 0
fadd.d rdn 1 -1 -> -0
fadd.d -0 -0 -> -0
fadd.d inf -inf -> nan NV
fadd.d inf 1 -> inf
fadd.d nan 1 -> nan
fadd.d snan 1 -> nan NV
fadd.d max max -> inf OF NX
fadd.d rtz max max -> max OF NX
fadd.d rup max max -> inf OF NX
fadd.d tiny tiny -> 0x1p-1073
fsub.d 3 2 -> 1
fsub.d inf inf -> nan NV
fsub.d 0 0 -> 0
fsub.d rdn 0 0 -> -0
fsub.d 1 0x1p-60 -> 1 NX
fmul.d 3 -2 -> -6
fmul.d 0 inf -> nan NV
fmul.d -0 5 -> -0
fmul.d max 2 -> inf OF NX
fmul.d tiny 0.5 -> 0 UF NX
fmul.d rup tiny 0.5 -> tiny UF NX
fmul.d min 0.5 -> 0x1p-1023
fmul.d min 0x1.fffffffffffffp-1 -> min UF NX
fmul.d tiny 2.5 -> 0x1p-1073 UF NX
fdiv.d 1 4 -> 0.25
fdiv.d 1 3 -> 0x1.5555555555555p-2 NX
fdiv.d rup 1 3 -> 0x1.5555555555556p-2 NX
fdiv.d rdn 1 3 -> 0x1.5555555555555p-2 NX
fdiv.d 1 0 -> inf DZ
fdiv.d -1 0 -> -inf DZ
fdiv.d 0 0 -> nan NV
fdiv.d inf inf -> nan NV
fdiv.d 1 inf -> 0
fdiv.d tiny 2 -> 0 UF NX
fsqrt.d 4 -> 2
fsqrt.d 2 -> 0x1.6a09e667f3bcdp0 NX
fsqrt.d rdn 2 -> 0x1.6a09e667f3bccp0 NX
fsqrt.d rup 2 -> 0x1.6a09e667f3bcdp0 NX
fsqrt.d -1 -> nan NV
fsqrt.d -0 -> -0
fsqrt.d inf -> inf
fsqrt.d snan -> nan NV
fmadd.d 2 3 4 -> 10
fmadd.d 0 inf nan -> nan NV
fmadd.d inf 1 -inf -> nan NV
fmadd.d 0x1.0000000000001p0 0x1.fffffffffffffp-1 -1 -> 0x1.ffffffffffffep-54
fmadd.d 1 1 0x1p-60 -> 1 NX
fmadd.d rup 1 1 0x1p-60 -> 0x1.0000000000001p0 NX
fmadd.d max max -inf -> -inf
fmadd.d 1 1 -1 -> 0
fmadd.d rdn 1 1 -1 -> -0
fmsub.d 2 3 4 -> 2
fnmsub.d 2 3 4 -> -2
fnmadd.d 2 3 4 -> -10
fnmadd.d 1 -1 1 -> 0
fnmadd.d nan 1 1 -> nan
fmin.d 1 2 -> 1
fmin.d -0 0 -> -0
fmin.d 0 -0 -> -0
fmin.d nan 1 -> 1
fmin.d snan 1 -> 1 NV
fmin.d nan nan -> nan
fmax.d 1 2 -> 2
fmax.d -0 0 -> 0
fmax.d 1 snan -> 1 NV
fmax.d -inf nan -> -inf
fsgnj.d 1 -2 -> -1
fsgnjn.d 1 -2 -> 1
fsgnjx.d -1 -2 -> 1
fsgnj.d snan 1 -> snan
feq.d 1 1 -> 1
feq.d -0 0 -> 1
feq.d nan 1 -> 0
feq.d snan 1 -> 0 NV
flt.d 1 2 -> 1
flt.d nan 1 -> 0 NV
flt.d -0 0 -> 0
flt.d -inf -1 -> 1
fle.d 1 1 -> 1
fle.d nan nan -> 0 NV
fle.d 2 1 -> 0
fclass.d -inf -> 1
fclass.d -1 -> 2
fclass.d -0 -> 8
fclass.d 0 -> 16
fclass.d tiny -> 32
fclass.d 1 -> 64
fclass.d inf -> 128
fclass.d snan -> 256
fclass.d nan -> 512
"""
CONVERSIONS = """
fcvt.w.d rne 2.5 -> 2 NX
fcvt.w.d rtz 2.5 -> 2 NX
fcvt.w.d rdn 2.5 -> 2 NX
fcvt.w.d rup 2.5 -> 3 NX
fcvt.w.d rmm 2.5 -> 3 NX
fcvt.l.d rne -2.5 -> -2 NX
fcvt.l.d rtz -2.5 -> -2 NX
fcvt.l.d rdn -2.5 -> -3 NX
fcvt.l.d rup -2.5 -> -2 NX
fcvt.l.d rmm -2.5 -> -3 NX
fcvt.w.d rtz 7 -> 7
fcvt.w.d rtz -0x1p31 -> -0x80000000
fcvt.w.d rtz 0x1p31 -> 0x7fffffff NV
fcvt.w.d nan -> 0x7fffffff NV
fcvt.w.d -inf -> -0x80000000 NV
fcvt.wu.d rtz -0.5 -> 0 NX
fcvt.wu.d rtz -1 -> 0 NV
fcvt.wu.d 0x1p31 -> -0x80000000
fcvt.wu.d 0x1p32 -> -1 NV
fcvt.wu.d nan -> -1 NV
fcvt.wu.d rdn -0.5 -> 0 NV
fcvt.l.d rtz 0x1p62 -> 0x4000000000000000
fcvt.l.d 0x1p63 -> 0x7fffffffffffffff NV
fcvt.l.d -0x1p63 -> -0x8000000000000000
fcvt.l.d snan -> 0x7fffffffffffffff NV
fcvt.lu.d 0x1p63 -> -0x8000000000000000
fcvt.lu.d 0x1p64 -> -1 NV
fcvt.lu.d rtz 1.5 -> 1 NX
fcvt.lu.d -inf -> 0 NV
fcvt.d.w -7 -> -7
fcvt.d.wu -1 -> 4294967295
fcvt.d.l -1 -> -1
fcvt.d.lu -1 -> 0x1p64 NX
fcvt.d.lu rtz -1 -> 0x1.fffffffffffffp63 NX
fcvt.d.l 0x7fffffffffffffff -> 0x1p63 NX
fcvt.d.l 0 -> 0
fcvt.s.d 0.5 -> 0.5
fcvt.s.d 0x1.00000001p0 -> 1 NX
fcvt.s.d rup 0x1.00000001p0 -> 0x1.000002p0 NX
fcvt.s.d max -> inf OF NX
fcvt.s.d snan -> nan NV
fcvt.s.d 0x1p-149 -> tiny
fcvt.s.d 0x1p-150 -> 0 UF NX
fcvt.d.s 0.5 -> 0.5
fcvt.d.s snan -> nan NV
fcvt.d.s tiny -> 0x1p-149
fcvt.d.s -inf -> -inf
fmv.x.d 0x8000000000000001 -> 0x8000000000000001
fmv.d.x 0x3ff0000000000000 -> 1
"""
LINES = [line for text in (ARITHMETIC, CONVERSIONS) for line in text.strip().splitlines()]
rows = {line.split()[0] for line in LINES} | {"fld", "fsd"}


@pytest.mark.parametrize("line", LINES)
def test_case(bare, line):
    check_float(bare, line)


@pytest.mark.parametrize("offset", [0, 1, 0xFFD], ids=["aligned", "misaligned", "across pages"])
def test_loads_and_stores_move_bits(bare, offset):
    signalling = 0x7FF0000000000001
    outcome = run(bare, encode("fsd", 9, 8, 10), x10=DATA + offset, f9=signalling)
    assert outcome.fcsr == 0
    outcome = run(bare, encode("fld", 8, 8, 10), x10=DATA + offset)
    assert outcome.f[8] == signalling
