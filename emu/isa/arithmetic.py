"""Integer operations that Python's own operators do not express on signed 64-bit words."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..shm.memory import unsigned_less

_I32, _I64, _I128 = ir.IntType(32), ir.IntType(64), ir.IntType(128)
_LEAST = _I64(-(1 << 63))

__all__ = (
    "divide", "divide_unsigned", "multiply_high", "multiply_high_mixed", "multiply_high_unsigned",
    "remainder", "remainder_unsigned", "shift_right", "unsigned_less", "unsigned_word", "word",
)  # fmt: skip


def _binary(doc, build):
    @intrinsic
    def operation(typingctx, a, b):
        def codegen(context, builder, signature, args):
            return build(builder, *args)

        return types.int64(types.int64, types.int64), codegen

    operation.__doc__ = doc
    return operation


@intrinsic
def word(typingctx, a):
    """The low 32 bits, sign-extended."""

    def codegen(context, builder, signature, args):
        return builder.sext(builder.trunc(args[0], _I32), _I64)

    return types.int64(types.int64), codegen


@intrinsic
def unsigned_word(typingctx, a):
    """The low 32 bits, zero-extended."""

    def codegen(context, builder, signature, args):
        return builder.zext(builder.trunc(args[0], _I32), _I64)

    return types.int64(types.int64), codegen


def _high(extend_a, extend_b):
    def build(builder, a, b):
        product = builder.mul(getattr(builder, extend_a)(a, _I128), getattr(builder, extend_b)(b, _I128))
        return builder.trunc(builder.lshr(product, _I128(64)), _I64)

    return build


def _signed(operation, by_zero):
    """Division by zero gives `by_zero`; the one overflow comes out right when divided by 1."""

    def build(builder, a, b):
        zero = builder.icmp_signed("==", b, _I64(0))
        overflow = builder.and_(builder.icmp_signed("==", a, _LEAST), builder.icmp_signed("==", b, _I64(-1)))
        divisor = builder.select(builder.or_(zero, overflow), _I64(1), b)
        return builder.select(zero, by_zero(a), getattr(builder, operation)(a, divisor))

    return build


def _unsigned(operation, by_zero):
    def build(builder, a, b):
        zero = builder.icmp_signed("==", b, _I64(0))
        divisor = builder.select(zero, _I64(1), b)
        return builder.select(zero, by_zero(a), getattr(builder, operation)(a, divisor))

    return build


shift_right = _binary("Logical shift; the amount is 0 to 63.", lambda builder, a, b: builder.lshr(a, b))
multiply_high = _binary("Upper half of the signed product.", _high("sext", "sext"))
multiply_high_mixed = _binary("Upper half of signed a times unsigned b.", _high("sext", "zext"))
multiply_high_unsigned = _binary("Upper half of the unsigned product.", _high("zext", "zext"))
divide = _binary("Signed quotient; -1 by zero.", _signed("sdiv", lambda a: _I64(-1)))
remainder = _binary("Signed remainder; a by zero.", _signed("srem", lambda a: a))
divide_unsigned = _binary("Unsigned quotient; all ones by zero.", _unsigned("udiv", lambda a: _I64(-1)))
remainder_unsigned = _binary("Unsigned remainder; a by zero.", _unsigned("urem", lambda a: a))
