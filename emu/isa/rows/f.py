"""F: single precision.  Rounding, boxing and NaNs: soft/floats.py."""

from ...shm.memory import load_u32, store_32
from ..arithmetic import unsigned_word, word
from ..soft.floats import (
    add_32,
    box,
    classify_32,
    copy_sign_32,
    divide_32,
    equal_32,
    from_signed_32,
    from_unsigned_32,
    fused_add_32,
    fused_subtract_32,
    less_32,
    less_equal_32,
    maximum_32,
    minimum_32,
    multiply_32,
    negate_sign_32,
    negated_fused_add_32,
    negated_fused_subtract_32,
    square_root_32,
    subtract_32,
    to_signed_32,
    to_signed_word_32,
    to_unsigned_32,
    to_unsigned_word_32,
    xor_sign_32,
)
from ..table import insn

# --- loads, stores, moves --------------------------------------------------


@insn("flw fd, imm(rs1)", "imm:12 rs1 010 fd 0000111")
def flw(a, imm):
    return box(load_u32(a + imm))


@insn("fsw fs2, imm(rs1)", "imm[11:5] fs2 rs1 010 imm[4:0] 0100111")
def fsw(a, b, imm):
    store_32(a + imm, b)


@insn("fmv.x.w rd, fs1", "1110000 00000 fs1 000 rd 1010011")
def fmv_x_w(a):
    return word(a)


@insn("fmv.w.x fd, rs1", "1111000 00000 rs1 000 fd 1010011")
def fmv_w_x(a):
    return box(a)


# --- arithmetic ------------------------------------------------------------


@insn("fadd.s fd, fs1, fs2, rm", "0000000 fs2 fs1 rm fd 1010011")
def fadd_s(a, b):
    return add_32(a, b)


@insn("fsub.s fd, fs1, fs2, rm", "0000100 fs2 fs1 rm fd 1010011")
def fsub_s(a, b):
    return subtract_32(a, b)


@insn("fmul.s fd, fs1, fs2, rm", "0001000 fs2 fs1 rm fd 1010011")
def fmul_s(a, b):
    return multiply_32(a, b)


@insn("fdiv.s fd, fs1, fs2, rm", "0001100 fs2 fs1 rm fd 1010011")
def fdiv_s(a, b):
    return divide_32(a, b)


@insn("fsqrt.s fd, fs1, rm", "0101100 00000 fs1 rm fd 1010011")
def fsqrt_s(a):
    return square_root_32(a)


@insn("fmadd.s fd, fs1, fs2, fs3, rm", "fs3 00 fs2 fs1 rm fd 1000011")
def fmadd_s(a, b, c):
    return fused_add_32(a, b, c)


@insn("fmsub.s fd, fs1, fs2, fs3, rm", "fs3 00 fs2 fs1 rm fd 1000111")
def fmsub_s(a, b, c):
    return fused_subtract_32(a, b, c)


@insn("fnmsub.s fd, fs1, fs2, fs3, rm", "fs3 00 fs2 fs1 rm fd 1001011")
def fnmsub_s(a, b, c):
    return negated_fused_subtract_32(a, b, c)


@insn("fnmadd.s fd, fs1, fs2, fs3, rm", "fs3 00 fs2 fs1 rm fd 1001111")
def fnmadd_s(a, b, c):
    return negated_fused_add_32(a, b, c)


# --- signs, comparisons ----------------------------------------------------


@insn("fsgnj.s fd, fs1, fs2", "0010000 fs2 fs1 000 fd 1010011")
def fsgnj_s(a, b):
    return copy_sign_32(a, b)


@insn("fsgnjn.s fd, fs1, fs2", "0010000 fs2 fs1 001 fd 1010011")
def fsgnjn_s(a, b):
    return negate_sign_32(a, b)


@insn("fsgnjx.s fd, fs1, fs2", "0010000 fs2 fs1 010 fd 1010011")
def fsgnjx_s(a, b):
    return xor_sign_32(a, b)


@insn("fmin.s fd, fs1, fs2", "0010100 fs2 fs1 000 fd 1010011")
def fmin_s(a, b):
    return minimum_32(a, b)


@insn("fmax.s fd, fs1, fs2", "0010100 fs2 fs1 001 fd 1010011")
def fmax_s(a, b):
    return maximum_32(a, b)


@insn("feq.s rd, fs1, fs2", "1010000 fs2 fs1 010 rd 1010011")
def feq_s(a, b):
    return equal_32(a, b)


@insn("flt.s rd, fs1, fs2", "1010000 fs2 fs1 001 rd 1010011")
def flt_s(a, b):
    return less_32(a, b)


@insn("fle.s rd, fs1, fs2", "1010000 fs2 fs1 000 rd 1010011")
def fle_s(a, b):
    return less_equal_32(a, b)


@insn("fclass.s rd, fs1", "1110000 00000 fs1 001 rd 1010011")
def fclass_s(a):
    return classify_32(a)


# --- conversions -----------------------------------------------------------


@insn("fcvt.w.s rd, fs1, rm", "1100000 00000 fs1 rm rd 1010011")
def fcvt_w_s(a):
    return to_signed_word_32(a)


@insn("fcvt.wu.s rd, fs1, rm", "1100000 00001 fs1 rm rd 1010011")
def fcvt_wu_s(a):
    return to_unsigned_word_32(a)


@insn("fcvt.l.s rd, fs1, rm", "1100000 00010 fs1 rm rd 1010011")
def fcvt_l_s(a):
    return to_signed_32(a)


@insn("fcvt.lu.s rd, fs1, rm", "1100000 00011 fs1 rm rd 1010011")
def fcvt_lu_s(a):
    return to_unsigned_32(a)


@insn("fcvt.s.w fd, rs1, rm", "1101000 00000 rs1 rm fd 1010011")
def fcvt_s_w(a):
    return from_signed_32(word(a))


@insn("fcvt.s.wu fd, rs1, rm", "1101000 00001 rs1 rm fd 1010011")
def fcvt_s_wu(a):
    return from_unsigned_32(unsigned_word(a))


@insn("fcvt.s.l fd, rs1, rm", "1101000 00010 rs1 rm fd 1010011")
def fcvt_s_l(a):
    return from_signed_32(a)


@insn("fcvt.s.lu fd, rs1, rm", "1101000 00011 rs1 rm fd 1010011")
def fcvt_s_lu(a):
    return from_unsigned_32(a)
