"""Python's arithmetic where the processor's differs: shifts, and the remainder of floats."""

from llvmlite import ir

from ..hot import intrinsic, types
from ..hot.guest_build import fail_if
from .memory import bits_of, float_of

_I64 = ir.IntType(64)
_HIDDEN = 1 << 52  # the leading bit of a mantissa, which is not stored
_MANTISSA = _HIDDEN - 1
_INFINITE, _NAN = 0x7FF << 52, 0xFFF << 51


def _shift(value, count, code):
    """The signature and code of an intrinsic that shifts; a program with a negative count ends."""
    if not all(isinstance(each, (types.Integer, types.Boolean)) for each in (value, count)):
        return None

    def codegen(context, builder, signature, args):
        value, count = args
        fail_if(builder, builder.icmp_signed("<", count, _I64(0)), "negative shift count")
        return code(builder, value, count, builder.icmp_signed(">", count, _I64(63)))

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def shift_left(typingctx, value, count):
    """value << count, of which 64 bits are kept."""

    def code(builder, value, count, is_long):
        return builder.select(is_long, _I64(0), builder.shl(value, builder.and_(count, _I64(63))))

    return _shift(value, count, code)


@intrinsic
def shift_right(typingctx, value, count):
    """value >> count."""

    def code(builder, value, count, is_long):
        return builder.ashr(value, builder.select(is_long, _I64(63), count))

    return _shift(value, count, code)


def remainder(x, y):
    """x - n * y for the whole n that is nearest to x / y towards zero (C's fmod, exact): what % of floats is made of.

    One bit of the quotient after another, as in musl's fmod.c.
    """
    a, b = bits_of(x), bits_of(y)
    sign = a & (-1 << 63)
    a, b = a ^ sign, b & ~(-1 << 63)
    if b == 0 or a >= _INFINITE or b > _INFINITE:
        return float_of(_NAN)
    if a < b or b == _INFINITE:
        return x
    exponent, other = a >> 52, b >> 52
    a, b = a & _MANTISSA, b & _MANTISSA
    a, exponent = (a | _HIDDEN, exponent) if exponent else (a, 1)
    b, other = (b | _HIDDEN, other) if other else (b, 1)
    while exponent > other:
        if a >= b:
            a -= b
        a <<= 1
        exponent -= 1
    if a >= b:
        a -= b
    if a == 0:
        return float_of(sign)
    while a < _HIDDEN and exponent > 1:
        a <<= 1
        exponent -= 1
    a = (a ^ _HIDDEN) | (exponent << 52) if a >= _HIDDEN else a
    return float_of(a | sign)
