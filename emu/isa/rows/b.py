"""Zba, Zbb, Zbs and Zicond: bit manipulation and conditional zeros."""

from ..arithmetic import (
    count_leading_zeros,
    count_leading_zeros_word,
    count_ones,
    count_trailing_zeros,
    count_trailing_zeros_word,
    extend_byte,
    extend_half,
    or_combine_bytes,
    reverse_bytes,
    rotate_left,
    rotate_left_word,
    rotate_right,
    rotate_right_word,
    shift_right,
    unsigned_less,
    unsigned_word,
)
from ..table import insn

# --- Zba: addresses ----------------------------------------------------------------


@insn("add.uw rd, rs1, rs2", "0000100 rs2 rs1 000 rd 0111011")
def add_uw(a, b):
    return unsigned_word(a) + b


@insn("sh1add rd, rs1, rs2", "0010000 rs2 rs1 010 rd 0110011")
def sh1add(a, b):
    return (a << 1) + b


@insn("sh2add rd, rs1, rs2", "0010000 rs2 rs1 100 rd 0110011")
def sh2add(a, b):
    return (a << 2) + b


@insn("sh3add rd, rs1, rs2", "0010000 rs2 rs1 110 rd 0110011")
def sh3add(a, b):
    return (a << 3) + b


@insn("sh1add.uw rd, rs1, rs2", "0010000 rs2 rs1 010 rd 0111011")
def sh1add_uw(a, b):
    return (unsigned_word(a) << 1) + b


@insn("sh2add.uw rd, rs1, rs2", "0010000 rs2 rs1 100 rd 0111011")
def sh2add_uw(a, b):
    return (unsigned_word(a) << 2) + b


@insn("sh3add.uw rd, rs1, rs2", "0010000 rs2 rs1 110 rd 0111011")
def sh3add_uw(a, b):
    return (unsigned_word(a) << 3) + b


@insn("slli.uw rd, rs1, shamt", "000010 shamt:6 rs1 001 rd 0011011")
def slli_uw(a, shamt):
    return unsigned_word(a) << (shamt & 63)


# --- Zbb: basic bit manipulation ---------------------------------------------------


@insn("andn rd, rs1, rs2", "0100000 rs2 rs1 111 rd 0110011")
def andn(a, b):
    return a & ~b


@insn("orn rd, rs1, rs2", "0100000 rs2 rs1 110 rd 0110011")
def orn(a, b):
    return a | ~b


@insn("xnor rd, rs1, rs2", "0100000 rs2 rs1 100 rd 0110011")
def xnor(a, b):
    return ~(a ^ b)


@insn("clz rd, rs1", "011000000000 rs1 001 rd 0010011")
def clz(a):
    return count_leading_zeros(a)


@insn("ctz rd, rs1", "011000000001 rs1 001 rd 0010011")
def ctz(a):
    return count_trailing_zeros(a)


@insn("cpop rd, rs1", "011000000010 rs1 001 rd 0010011")
def cpop(a):
    return count_ones(a)


@insn("clzw rd, rs1", "011000000000 rs1 001 rd 0011011")
def clzw(a):
    return count_leading_zeros_word(a)


@insn("ctzw rd, rs1", "011000000001 rs1 001 rd 0011011")
def ctzw(a):
    return count_trailing_zeros_word(a)


@insn("cpopw rd, rs1", "011000000010 rs1 001 rd 0011011")
def cpopw(a):
    return count_ones(unsigned_word(a))


@insn("sext.b rd, rs1", "011000000100 rs1 001 rd 0010011")
def sext_b(a):
    return extend_byte(a)


@insn("sext.h rd, rs1", "011000000101 rs1 001 rd 0010011")
def sext_h(a):
    return extend_half(a)


@insn("zext.h rd, rs1", "0000100 00000 rs1 100 rd 0111011")
def zext_h(a):
    return a & 0xFFFF


@insn("min rd, rs1, rs2", "0000101 rs2 rs1 100 rd 0110011")
def min_(a, b):
    return a if a < b else b


@insn("minu rd, rs1, rs2", "0000101 rs2 rs1 101 rd 0110011")
def minu(a, b):
    return a if unsigned_less(a, b) else b


@insn("max rd, rs1, rs2", "0000101 rs2 rs1 110 rd 0110011")
def max_(a, b):
    return b if a < b else a


@insn("maxu rd, rs1, rs2", "0000101 rs2 rs1 111 rd 0110011")
def maxu(a, b):
    return b if unsigned_less(a, b) else a


@insn("rol rd, rs1, rs2", "0110000 rs2 rs1 001 rd 0110011")
def rol(a, b):
    return rotate_left(a, b)


@insn("rolw rd, rs1, rs2", "0110000 rs2 rs1 001 rd 0111011")
def rolw(a, b):
    return rotate_left_word(a, b)


@insn("ror rd, rs1, rs2", "0110000 rs2 rs1 101 rd 0110011")
def ror(a, b):
    return rotate_right(a, b)


@insn("rorw rd, rs1, rs2", "0110000 rs2 rs1 101 rd 0111011")
def rorw(a, b):
    return rotate_right_word(a, b)


@insn("rori rd, rs1, shamt", "011000 shamt:6 rs1 101 rd 0010011")
def rori(a, shamt):
    return rotate_right(a, shamt)


@insn("roriw rd, rs1, shamt", "0110000 shamt:5 rs1 101 rd 0011011")
def roriw(a, shamt):
    return rotate_right_word(a, shamt)


@insn("orc.b rd, rs1", "001010000111 rs1 101 rd 0010011")
def orc_b(a):
    return or_combine_bytes(a)


@insn("rev8 rd, rs1", "011010111000 rs1 101 rd 0010011")
def rev8(a):
    return reverse_bytes(a)


# --- Zbs: single bits --------------------------------------------------------------


@insn("bclr rd, rs1, rs2", "0100100 rs2 rs1 001 rd 0110011")
def bclr(a, b):
    return a & ~(1 << (b & 63))


@insn("bclri rd, rs1, shamt", "010010 shamt:6 rs1 001 rd 0010011")
def bclri(a, shamt):
    return a & ~(1 << (shamt & 63))


@insn("bext rd, rs1, rs2", "0100100 rs2 rs1 101 rd 0110011")
def bext(a, b):
    return shift_right(a, b & 63) & 1


@insn("bexti rd, rs1, shamt", "010010 shamt:6 rs1 101 rd 0010011")
def bexti(a, shamt):
    return shift_right(a, shamt & 63) & 1


@insn("binv rd, rs1, rs2", "0110100 rs2 rs1 001 rd 0110011")
def binv(a, b):
    return a ^ 1 << (b & 63)


@insn("binvi rd, rs1, shamt", "011010 shamt:6 rs1 001 rd 0010011")
def binvi(a, shamt):
    return a ^ 1 << (shamt & 63)


@insn("bset rd, rs1, rs2", "0010100 rs2 rs1 001 rd 0110011")
def bset(a, b):
    return a | 1 << (b & 63)


@insn("bseti rd, rs1, shamt", "001010 shamt:6 rs1 001 rd 0010011")
def bseti(a, shamt):
    return a | 1 << (shamt & 63)


# --- Zicond ------------------------------------------------------------------------


@insn("czero.eqz rd, rs1, rs2", "0000111 rs2 rs1 101 rd 0110011")
def czero_eqz(a, b):
    return 0 if b == 0 else a


@insn("czero.nez rd, rs1, rs2", "0000111 rs2 rs1 111 rd 0110011")
def czero_nez(a, b):
    return 0 if b != 0 else a
