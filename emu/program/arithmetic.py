"""Python's arithmetic where the processor's or Numba's differs: shifts, quotients, and the remainder of floats."""

import operator

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


def _divided(builder, a, b):
    """Quotient and remainder of integers as Python rounds them; the least one by -1 is itself, as of 64 bits."""
    fail_if(builder, builder.icmp_signed("==", b, _I64(0)), "integer division by zero")
    negates = builder.icmp_signed("==", b, _I64(-1))
    divisor = builder.select(negates, _I64(1), b)
    quotient, rest = builder.sdiv(a, divisor), builder.srem(a, divisor)
    is_above = builder.icmp_signed("<", builder.xor(rest, divisor), _I64(0))
    is_above = builder.and_(is_above, builder.icmp_signed("!=", rest, _I64(0)))
    quotient = builder.sub(quotient, builder.zext(is_above, _I64))
    rest = builder.add(rest, builder.select(is_above, divisor, _I64(0)))
    return builder.select(negates, builder.neg(a), quotient), rest


def _are_whole(*kinds):
    return all(isinstance(each, types.Integer | types.Boolean) for each in kinds)


@intrinsic
def quotient(typingctx, a, b):
    """a // b."""
    if not all(isinstance(each, types.Number | types.Boolean) for each in (a, b)):
        return None
    kind = types.int64 if _are_whole(a, b) else types.float64

    def codegen(context, builder, signature, args):
        if signature.return_type == types.int64:
            return _divided(builder, *args)[0]
        return context.get_function(operator.floordiv, signature)(builder, args)

    return kind(kind, kind), codegen


@intrinsic
def quotient_and_remainder(typingctx, a, b):
    """divmod(a, b)."""
    if not all(isinstance(each, types.Number | types.Boolean) for each in (a, b)):
        return None
    kind = types.int64 if _are_whole(a, b) else types.float64

    def codegen(context, builder, signature, args):
        if signature.args[0] == types.int64:
            return context.make_tuple(builder, signature.return_type, _divided(builder, *args))
        return context.get_function(divmod, signature)(builder, args)

    return types.UniTuple(kind, 2)(kind, kind), codegen


@intrinsic
def power(typingctx, base, exponent):
    """base ** exponent, by multiplications: of a whole number that is not negative."""
    if not isinstance(exponent, (types.Integer, types.Boolean)) or not isinstance(base, types.Number | types.Boolean):
        return None
    kind = types.float64 if isinstance(base, types.Float) else types.int64

    def codegen(context, builder, signature, args):
        fail_if(builder, builder.icmp_signed("<", args[1], _I64(0)), "negative exponent")
        return context.compile_internal(builder, _power, signature, args)

    return kind(kind, types.int64), codegen


def _power(base, exponent):
    result = base * 0 + 1
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


def remainder(x, y):
    """x - n * y for the whole n that is nearest to x / y towards zero (C's fmod, exact): what % of floats is made of.

    One bit of the quotient after another, as in musl's fmod.c.
    """
    a, b = bits_of(x), bits_of(y)
    sign = a & (-1 << 63)
    a, b = a ^ sign, b & ~(-1 << 63)
    if b == 0 or a >= _INFINITE or b > _INFINITE:
        return float_of(_NAN)
    if a < b:
        return x
    a, exponent = _parts(a)
    b, other = _parts(b)
    while exponent > other:
        if a >= b:
            a -= b
        a <<= 1
        exponent -= 1
    if a >= b:
        a -= b
    while a != 0 and a < _HIDDEN:
        a <<= 1
        exponent -= 1
    if exponent > 0 and a != 0:
        a = (a ^ _HIDDEN) | (exponent << 52)
    else:  # exact, since the result is a whole multiple of the smallest float
        a >>= min(1 - exponent, 63)
    return float_of(a | sign)


def _parts(magnitude):
    """A float that is not 0, as a mantissa with its leading bit, and an exponent, below 1 where it is subnormal."""
    exponent = magnitude >> 52
    mantissa = magnitude & _MANTISSA
    if exponent != 0:
        return mantissa | _HIDDEN, exponent
    exponent = 1
    while mantissa < _HIDDEN:
        mantissa <<= 1
        exponent -= 1
    return mantissa, exponent
