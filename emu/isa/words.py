"""The decoded word: its layout, and hot code's access to its fields.

    bits 0-9 op | 10-15 rd | 16-23 rs1 | 24-31 rs2 | 32-63 immediate (signed)

Register numbers are 0-31; rd is SINK (32) instead of x0.  Rows with a rounding mode
have it in bits 0-2 of the immediate, and the third source register in bits 8-12.
"""

from ..hot import hot, intrinsic, types
from ..shm.memory import put
from .registers import SINK

OP_MASK = 0x3FF
RD_SHIFT, RS1_SHIFT, RS2_SHIFT, IMM_SHIFT = 10, 16, 24, 32
RS3_SHIFT = IMM_SHIFT + 8
RD_MASK, RS_MASK, RM_MASK = 0x3F, 0xFF, 7

assert SINK < 1 << (RS1_SHIFT - RD_SHIFT)


@hot
def immediate(e):
    """The immediate."""
    return e >> IMM_SHIFT


@hot
def rs1_number(e):
    """Number of the first source register, or zimm."""
    return (e >> RS1_SHIFT) & RS_MASK


@hot
def set_x(x, e, value):
    """Set rd."""
    put(x + ((e >> RD_SHIFT) & RD_MASK) * 8, value)


@intrinsic
def plain(typingctx, value):
    """The same integer, but not as part of its type: Numba makes a copy of a callee per literal."""

    def codegen(context, builder, signature, args):
        return args[0]

    return types.int64(types.int64), codegen
