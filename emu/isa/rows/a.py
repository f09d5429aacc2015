"""A: atomic read-modify-writes, load-reserved and store-conditional.

All are sequentially consistent whatever aq and rl say: an implementation may be stronger than these ask.
"""

from ..effects import amo, load_reserved, store_conditional
from ..table import insn


@insn("lr.w rd, (rs1)", "00010 aq rl 00000 rs1 010 rd 0101111")
def lr_w(a):
    return load_reserved(32, a)


@insn("sc.w rd, rs2, (rs1)", "00011 aq rl rs2 rs1 010 rd 0101111")
def sc_w(a, b):
    return store_conditional(32, a, b)


@insn("amoswap.w rd, rs2, (rs1)", "00001 aq rl rs2 rs1 010 rd 0101111")
def amoswap_w(a, b):
    return amo("xchg", 32, a, b)


@insn("amoadd.w rd, rs2, (rs1)", "00000 aq rl rs2 rs1 010 rd 0101111")
def amoadd_w(a, b):
    return amo("add", 32, a, b)


@insn("amoxor.w rd, rs2, (rs1)", "00100 aq rl rs2 rs1 010 rd 0101111")
def amoxor_w(a, b):
    return amo("xor", 32, a, b)


@insn("amoand.w rd, rs2, (rs1)", "01100 aq rl rs2 rs1 010 rd 0101111")
def amoand_w(a, b):
    return amo("and", 32, a, b)


@insn("amoor.w rd, rs2, (rs1)", "01000 aq rl rs2 rs1 010 rd 0101111")
def amoor_w(a, b):
    return amo("or", 32, a, b)


@insn("amomin.w rd, rs2, (rs1)", "10000 aq rl rs2 rs1 010 rd 0101111")
def amomin_w(a, b):
    return amo("min", 32, a, b)


@insn("amomax.w rd, rs2, (rs1)", "10100 aq rl rs2 rs1 010 rd 0101111")
def amomax_w(a, b):
    return amo("max", 32, a, b)


@insn("amominu.w rd, rs2, (rs1)", "11000 aq rl rs2 rs1 010 rd 0101111")
def amominu_w(a, b):
    return amo("umin", 32, a, b)


@insn("amomaxu.w rd, rs2, (rs1)", "11100 aq rl rs2 rs1 010 rd 0101111")
def amomaxu_w(a, b):
    return amo("umax", 32, a, b)


@insn("lr.d rd, (rs1)", "00010 aq rl 00000 rs1 011 rd 0101111")
def lr_d(a):
    return load_reserved(64, a)


@insn("sc.d rd, rs2, (rs1)", "00011 aq rl rs2 rs1 011 rd 0101111")
def sc_d(a, b):
    return store_conditional(64, a, b)


@insn("amoswap.d rd, rs2, (rs1)", "00001 aq rl rs2 rs1 011 rd 0101111")
def amoswap_d(a, b):
    return amo("xchg", 64, a, b)


@insn("amoadd.d rd, rs2, (rs1)", "00000 aq rl rs2 rs1 011 rd 0101111")
def amoadd_d(a, b):
    return amo("add", 64, a, b)


@insn("amoxor.d rd, rs2, (rs1)", "00100 aq rl rs2 rs1 011 rd 0101111")
def amoxor_d(a, b):
    return amo("xor", 64, a, b)


@insn("amoand.d rd, rs2, (rs1)", "01100 aq rl rs2 rs1 011 rd 0101111")
def amoand_d(a, b):
    return amo("and", 64, a, b)


@insn("amoor.d rd, rs2, (rs1)", "01000 aq rl rs2 rs1 011 rd 0101111")
def amoor_d(a, b):
    return amo("or", 64, a, b)


@insn("amomin.d rd, rs2, (rs1)", "10000 aq rl rs2 rs1 011 rd 0101111")
def amomin_d(a, b):
    return amo("min", 64, a, b)


@insn("amomax.d rd, rs2, (rs1)", "10100 aq rl rs2 rs1 011 rd 0101111")
def amomax_d(a, b):
    return amo("max", 64, a, b)


@insn("amominu.d rd, rs2, (rs1)", "11000 aq rl rs2 rs1 011 rd 0101111")
def amominu_d(a, b):
    return amo("umin", 64, a, b)


@insn("amomaxu.d rd, rs2, (rs1)", "11100 aq rl rs2 rs1 011 rd 0101111")
def amomaxu_d(a, b):
    return amo("umax", 64, a, b)
