"""F: one line per case, `name [mode] operands -> result flags`; every case with static and dynamic rounding.

max, min and tiny are the greatest and least normal number and the least subnormal one; 0x… without p are a register's
bits.  Breadth comes from tests/oracle, where random programs are compared with qemu.
"""

import pytest

from emu.isa.encode import encode
from tests.isa.cases import DATA, check_float, run

ARITHMETIC = """
fadd.s 1 2 -> 3
fadd.s 1 0x1p-30 -> 1 NX
fadd.s rup 1 0x1p-30 -> 0x1.000002p0 NX
fadd.s rdn 1 -0x1p-30 -> 0x1.fffffep-1 NX
fadd.s rtz 1 -0x1p-30 -> 0x1.fffffep-1 NX
fadd.s rne 1 0x1p-24 -> 1 NX
fadd.s rmm 1 0x1p-24 -> 0x1.000002p0 NX
fadd.s 1 -1 -> 0
fadd.s rdn 1 -1 -> -0
fadd.s -0 -0 -> -0
fadd.s inf -inf -> nan NV
fadd.s inf 1 -> inf
fadd.s nan 1 -> nan
fadd.s snan 1 -> nan NV
fadd.s max max -> inf OF NX
fadd.s rtz max max -> max OF NX
fadd.s rup max max -> inf OF NX
fadd.s tiny tiny -> 0x1p-148
fsub.s 3 2 -> 1
fsub.s inf inf -> nan NV
fsub.s 0 0 -> 0
fsub.s rdn 0 0 -> -0
fsub.s 1 0x1p-30 -> 1 NX
fmul.s 3 -2 -> -6
fmul.s 0 inf -> nan NV
fmul.s -0 5 -> -0
fmul.s max 2 -> inf OF NX
fmul.s tiny 0.5 -> 0 UF NX
fmul.s rup tiny 0.5 -> tiny UF NX
fmul.s min 0.5 -> 0x1p-127
fmul.s min 0x1.fffffep-1 -> min UF NX
fmul.s tiny 2.5 -> 0x1p-148 UF NX
fdiv.s 1 4 -> 0.25
fdiv.s 1 3 -> 0x1.555556p-2 NX
fdiv.s rup 1 3 -> 0x1.555556p-2 NX
fdiv.s rdn 1 3 -> 0x1.555554p-2 NX
fdiv.s 1 0 -> inf DZ
fdiv.s -1 0 -> -inf DZ
fdiv.s 0 0 -> nan NV
fdiv.s inf inf -> nan NV
fdiv.s 1 inf -> 0
fdiv.s tiny 2 -> 0 UF NX
fsqrt.s 4 -> 2
fsqrt.s 2 -> 0x1.6a09e6p0 NX
fsqrt.s rdn 2 -> 0x1.6a09e6p0 NX
fsqrt.s rup 2 -> 0x1.6a09e8p0 NX
fsqrt.s -1 -> nan NV
fsqrt.s -0 -> -0
fsqrt.s inf -> inf
fsqrt.s snan -> nan NV
fmadd.s 2 3 4 -> 10
fmadd.s 0 inf nan -> nan NV
fmadd.s inf 1 -inf -> nan NV
fmadd.s 0x1.000002p0 0x1.fffffep-1 -1 -> 0x1.fffffcp-25
fmadd.s 1 1 0x1p-30 -> 1 NX
fmadd.s rup 1 1 0x1p-30 -> 0x1.000002p0 NX
fmadd.s max max -inf -> -inf
fmadd.s 1 1 -1 -> 0
fmadd.s rdn 1 1 -1 -> -0
fmsub.s 2 3 4 -> 2
fnmsub.s 2 3 4 -> -2
fnmadd.s 2 3 4 -> -10
fnmadd.s 1 -1 1 -> 0
fnmadd.s nan 1 1 -> nan
fmin.s 1 2 -> 1
fmin.s -0 0 -> -0
fmin.s 0 -0 -> -0
fmin.s nan 1 -> 1
fmin.s snan 1 -> 1 NV
fmin.s nan nan -> nan
fmax.s 1 2 -> 2
fmax.s -0 0 -> 0
fmax.s 1 snan -> 1 NV
fmax.s -inf nan -> -inf
fsgnj.s 1 -2 -> -1
fsgnjn.s 1 -2 -> 1
fsgnjx.s -1 -2 -> 1
fsgnj.s snan 1 -> snan
feq.s 1 1 -> 1
feq.s -0 0 -> 1
feq.s nan 1 -> 0
feq.s snan 1 -> 0 NV
flt.s 1 2 -> 1
flt.s nan 1 -> 0 NV
flt.s -0 0 -> 0
flt.s -inf -1 -> 1
fle.s 1 1 -> 1
fle.s nan nan -> 0 NV
fle.s 2 1 -> 0
fclass.s -inf -> 1
fclass.s -1 -> 2
fclass.s -0 -> 8
fclass.s 0 -> 16
fclass.s tiny -> 32
fclass.s 1 -> 64
fclass.s inf -> 128
fclass.s snan -> 256
fclass.s nan -> 512
"""
CONVERSIONS = """
fcvt.w.s rne 2.5 -> 2 NX
fcvt.w.s rtz 2.5 -> 2 NX
fcvt.w.s rdn 2.5 -> 2 NX
fcvt.w.s rup 2.5 -> 3 NX
fcvt.w.s rmm 2.5 -> 3 NX
fcvt.l.s rne -2.5 -> -2 NX
fcvt.l.s rtz -2.5 -> -2 NX
fcvt.l.s rdn -2.5 -> -3 NX
fcvt.l.s rup -2.5 -> -2 NX
fcvt.l.s rmm -2.5 -> -3 NX
fcvt.w.s rtz 7 -> 7
fcvt.w.s rtz -0x1p31 -> -0x80000000
fcvt.w.s rtz 0x1p31 -> 0x7fffffff NV
fcvt.w.s nan -> 0x7fffffff NV
fcvt.w.s -inf -> -0x80000000 NV
fcvt.wu.s rtz -0.5 -> 0 NX
fcvt.wu.s rtz -1 -> 0 NV
fcvt.wu.s 0x1p31 -> -0x80000000
fcvt.wu.s 0x1p32 -> -1 NV
fcvt.wu.s nan -> -1 NV
fcvt.wu.s rdn -0.5 -> 0 NV
fcvt.l.s rtz 0x1p62 -> 0x4000000000000000
fcvt.l.s 0x1p63 -> 0x7fffffffffffffff NV
fcvt.l.s -0x1p63 -> -0x8000000000000000
fcvt.l.s snan -> 0x7fffffffffffffff NV
fcvt.lu.s 0x1p63 -> -0x8000000000000000
fcvt.lu.s 0x1p64 -> -1 NV
fcvt.lu.s rtz 1.5 -> 1 NX
fcvt.lu.s -inf -> 0 NV
fcvt.s.w -7 -> -7
fcvt.s.wu -1 -> 0x1p32 NX
fcvt.s.l -1 -> -1
fcvt.s.lu -1 -> 0x1p64 NX
fcvt.s.lu rtz -1 -> 0x1.fffffep63 NX
fcvt.s.l 0x7fffffffffffffff -> 0x1p63 NX
fcvt.s.l 0 -> 0
fcvt.s.w rdn 0x7fffffff -> 0x1.fffffep30 NX
fmv.x.w 0x80000001 -> 0xffffffff80000001
fmv.w.x 0x123456783f800000 -> 1
fadd.s 0x3f800000 1 -> nan
fsgnj.s 0x3f800000 1 -> nan
fclass.s 0x3f800000 -> 512
fmin.s 0x3f800000 1 -> 1
"""
LINES = [line for text in (ARITHMETIC, CONVERSIONS) for line in text.strip().splitlines()]
rows = {line.split()[0] for line in LINES} | {"flw", "fsw"}


@pytest.mark.parametrize("line", LINES)
def test_case(bare, line):
    check_float(bare, line)


@pytest.mark.parametrize("offset", [0, 1, 0xFFD], ids=["aligned", "misaligned", "across pages"])
def test_loads_and_stores_move_bits(bare, offset):
    signalling = 0x7F800001
    outcome = run(bare, encode("fsw", 9, 8, 10), x10=DATA + offset, f9=signalling)
    assert outcome.fcsr == 0
    outcome = run(bare, encode("flw", 8, 8, 10), x10=DATA + offset)
    assert outcome.f[8] == signalling | -1 << 32
