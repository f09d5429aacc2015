"""D: double precision.  Rounding, boxing and NaNs: soft/floats.py."""

from ...shm.memory import load_64, store_64
from ..arithmetic import unsigned_word, word
from ..soft.floats import (
    add_64,
    classify_64,
    copy_sign_64,
    divide_64,
    equal_64,
    exact_from_integer,
    from_signed_64,
    from_unsigned_64,
    fused_add_64,
    fused_subtract_64,
    less_64,
    less_equal_64,
    maximum_64,
    minimum_64,
    multiply_64,
    narrow,
    negate_sign_64,
    negated_fused_add_64,
    negated_fused_subtract_64,
    square_root_64,
    subtract_64,
    to_signed_64,
    to_signed_word_64,
    to_unsigned_64,
    to_unsigned_word_64,
    widen,
    xor_sign_64,
)
from ..table import insn

# --- loads, stores, moves --------------------------------------------------


@insn("fld fd, imm(rs1)", "imm:12 rs1 011 fd 0000111")
def fld(a, imm):
    return load_64(a + imm)


@insn("fsd fs2, imm(rs1)", "imm[11:5] fs2 rs1 011 imm[4:0] 0100111")
def fsd(a, b, imm):
    store_64(a + imm, b)


@insn("fmv.x.d rd, fs1", "1110001 00000 fs1 000 rd 1010011")
def fmv_x_d(a):
    return a


@insn("fmv.d.x fd, rs1", "1111001 00000 rs1 000 fd 1010011")
def fmv_d_x(a):
    return a


# --- arithmetic ------------------------------------------------------------


@insn("fadd.d fd, fs1, fs2, rm", "0000001 fs2 fs1 rm fd 1010011")
def fadd_d(a, b):
    return add_64(a, b)


@insn("fsub.d fd, fs1, fs2, rm", "0000101 fs2 fs1 rm fd 1010011")
def fsub_d(a, b):
    return subtract_64(a, b)


@insn("fmul.d fd, fs1, fs2, rm", "0001001 fs2 fs1 rm fd 1010011")
def fmul_d(a, b):
    return multiply_64(a, b)


@insn("fdiv.d fd, fs1, fs2, rm", "0001101 fs2 fs1 rm fd 1010011")
def fdiv_d(a, b):
    return divide_64(a, b)


@insn("fsqrt.d fd, fs1, rm", "0101101 00000 fs1 rm fd 1010011")
def fsqrt_d(a):
    return square_root_64(a)


@insn("fmadd.d fd, fs1, fs2, fs3, rm", "fs3 01 fs2 fs1 rm fd 1000011")
def fmadd_d(a, b, c):
    return fused_add_64(a, b, c)


@insn("fmsub.d fd, fs1, fs2, fs3, rm", "fs3 01 fs2 fs1 rm fd 1000111")
def fmsub_d(a, b, c):
    return fused_subtract_64(a, b, c)


@insn("fnmsub.d fd, fs1, fs2, fs3, rm", "fs3 01 fs2 fs1 rm fd 1001011")
def fnmsub_d(a, b, c):
    return negated_fused_subtract_64(a, b, c)


@insn("fnmadd.d fd, fs1, fs2, fs3, rm", "fs3 01 fs2 fs1 rm fd 1001111")
def fnmadd_d(a, b, c):
    return negated_fused_add_64(a, b, c)


# --- signs, comparisons ----------------------------------------------------


@insn("fsgnj.d fd, fs1, fs2", "0010001 fs2 fs1 000 fd 1010011")
def fsgnj_d(a, b):
    return copy_sign_64(a, b)


@insn("fsgnjn.d fd, fs1, fs2", "0010001 fs2 fs1 001 fd 1010011")
def fsgnjn_d(a, b):
    return negate_sign_64(a, b)


@insn("fsgnjx.d fd, fs1, fs2", "0010001 fs2 fs1 010 fd 1010011")
def fsgnjx_d(a, b):
    return xor_sign_64(a, b)


@insn("fmin.d fd, fs1, fs2", "0010101 fs2 fs1 000 fd 1010011")
def fmin_d(a, b):
    return minimum_64(a, b)


@insn("fmax.d fd, fs1, fs2", "0010101 fs2 fs1 001 fd 1010011")
def fmax_d(a, b):
    return maximum_64(a, b)


@insn("feq.d rd, fs1, fs2", "1010001 fs2 fs1 010 rd 1010011")
def feq_d(a, b):
    return equal_64(a, b)


@insn("flt.d rd, fs1, fs2", "1010001 fs2 fs1 001 rd 1010011")
def flt_d(a, b):
    return less_64(a, b)


@insn("fle.d rd, fs1, fs2", "1010001 fs2 fs1 000 rd 1010011")
def fle_d(a, b):
    return less_equal_64(a, b)


@insn("fclass.d rd, fs1", "1110001 00000 fs1 001 rd 1010011")
def fclass_d(a):
    return classify_64(a)


# --- conversions -----------------------------------------------------------


@insn("fcvt.w.d rd, fs1, rm", "1100001 00000 fs1 rm rd 1010011")
def fcvt_w_d(a):
    return to_signed_word_64(a)


@insn("fcvt.wu.d rd, fs1, rm", "1100001 00001 fs1 rm rd 1010011")
def fcvt_wu_d(a):
    return to_unsigned_word_64(a)


@insn("fcvt.l.d rd, fs1, rm", "1100001 00010 fs1 rm rd 1010011")
def fcvt_l_d(a):
    return to_signed_64(a)


@insn("fcvt.lu.d rd, fs1, rm", "1100001 00011 fs1 rm rd 1010011")
def fcvt_lu_d(a):
    return to_unsigned_64(a)


@insn("fcvt.d.w fd, rs1, rm", "1101001 00000 rs1 rm fd 1010011")
def fcvt_d_w(a):
    return exact_from_integer(word(a))


@insn("fcvt.d.wu fd, rs1, rm", "1101001 00001 rs1 rm fd 1010011")
def fcvt_d_wu(a):
    return exact_from_integer(unsigned_word(a))


@insn("fcvt.d.l fd, rs1, rm", "1101001 00010 rs1 rm fd 1010011")
def fcvt_d_l(a):
    return from_signed_64(a)


@insn("fcvt.d.lu fd, rs1, rm", "1101001 00011 rs1 rm fd 1010011")
def fcvt_d_lu(a):
    return from_unsigned_64(a)


@insn("fcvt.s.d fd, fs1, rm", "0100000 00001 fs1 rm fd 1010011")
def fcvt_s_d(a):
    return narrow(a)


@insn("fcvt.d.s fd, fs1, rm", "0100001 00000 fs1 rm fd 1010011")
def fcvt_d_s(a):
    return widen(a)
