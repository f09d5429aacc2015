"""M: multiplication and division."""

from ..arithmetic import (
    divide,
    divide_unsigned,
    multiply_high,
    multiply_high_mixed,
    multiply_high_unsigned,
    remainder,
    remainder_unsigned,
    unsigned_word,
    word,
)
from ..table import insn


@insn("mul rd, rs1, rs2", "0000001 rs2 rs1 000 rd 0110011")
def mul(a, b):
    return a * b


@insn("mulh rd, rs1, rs2", "0000001 rs2 rs1 001 rd 0110011")
def mulh(a, b):
    return multiply_high(a, b)


@insn("mulhsu rd, rs1, rs2", "0000001 rs2 rs1 010 rd 0110011")
def mulhsu(a, b):
    return multiply_high_mixed(a, b)


@insn("mulhu rd, rs1, rs2", "0000001 rs2 rs1 011 rd 0110011")
def mulhu(a, b):
    return multiply_high_unsigned(a, b)


@insn("div rd, rs1, rs2", "0000001 rs2 rs1 100 rd 0110011")
def div(a, b):
    return divide(a, b)


@insn("divu rd, rs1, rs2", "0000001 rs2 rs1 101 rd 0110011")
def divu(a, b):
    return divide_unsigned(a, b)


@insn("rem rd, rs1, rs2", "0000001 rs2 rs1 110 rd 0110011")
def rem(a, b):
    return remainder(a, b)


@insn("remu rd, rs1, rs2", "0000001 rs2 rs1 111 rd 0110011")
def remu(a, b):
    return remainder_unsigned(a, b)


@insn("mulw rd, rs1, rs2", "0000001 rs2 rs1 000 rd 0111011")
def mulw(a, b):
    return word(a * b)


@insn("divw rd, rs1, rs2", "0000001 rs2 rs1 100 rd 0111011")
def divw(a, b):
    return word(divide(word(a), word(b)))


@insn("divuw rd, rs1, rs2", "0000001 rs2 rs1 101 rd 0111011")
def divuw(a, b):
    return word(divide_unsigned(unsigned_word(a), unsigned_word(b)))


@insn("remw rd, rs1, rs2", "0000001 rs2 rs1 110 rd 0111011")
def remw(a, b):
    return word(remainder(word(a), word(b)))


@insn("remuw rd, rs1, rs2", "0000001 rs2 rs1 111 rd 0111011")
def remuw(a, b):
    return word(remainder_unsigned(unsigned_word(a), unsigned_word(b)))
