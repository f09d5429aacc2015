"""Integer operations that Python's own operators do not express on signed 64-bit words."""

from .operations import I32, I64, I128, operation

_LEAST = I64(-(1 << 63))


def _binary(doc, build):
    build.__doc__ = doc
    return operation(build)


@operation
def word(builder, a):
    """The low 32 bits, sign-extended."""
    return builder.sext(builder.trunc(a, I32), I64)


@operation
def unsigned_word(builder, a):
    """The low 32 bits, zero-extended."""
    return builder.zext(builder.trunc(a, I32), I64)


@operation
def unsigned_less(builder, a, b):
    """a < b as unsigned integers, a truth value."""
    return builder.icmp_unsigned("<", a, b)


@operation
def multiply_low(builder, a, b):
    """The product modulo 2**64 (in hot code `*` may not overflow: Numba says so to LLVM)."""
    return builder.mul(a, b)


@operation
def negate(builder, a):
    """-a modulo 2**64 (see multiply_low)."""
    return builder.sub(I64(0), a)


def _high(extend_a, extend_b):
    def build(builder, a, b):
        product = builder.mul(getattr(builder, extend_a)(a, I128), getattr(builder, extend_b)(b, I128))
        return builder.trunc(builder.lshr(product, I128(64)), I64)

    return build


def _signed(operation, by_zero):
    """Division by zero gives `by_zero`; the one overflow comes out right when divided by 1."""

    def build(builder, a, b):
        zero = builder.icmp_signed("==", b, I64(0))
        overflow = builder.and_(builder.icmp_signed("==", a, _LEAST), builder.icmp_signed("==", b, I64(-1)))
        divisor = builder.select(builder.or_(zero, overflow), I64(1), b)
        return builder.select(zero, by_zero(a), getattr(builder, operation)(a, divisor))

    return build


def _unsigned(operation, by_zero):
    def build(builder, a, b):
        zero = builder.icmp_signed("==", b, I64(0))
        divisor = builder.select(zero, I64(1), b)
        return builder.select(zero, by_zero(a), getattr(builder, operation)(a, divisor))

    return build


shift_right = _binary("Logical shift; the amount is 0 to 63.", lambda builder, a, b: builder.lshr(a, b))
multiply_high = _binary("Upper half of the signed product.", _high("sext", "sext"))
multiply_high_mixed = _binary("Upper half of signed a times unsigned b.", _high("sext", "zext"))
multiply_high_unsigned = _binary("Upper half of the unsigned product.", _high("zext", "zext"))
divide = _binary("Signed quotient; -1 by zero.", _signed("sdiv", lambda a: I64(-1)))
remainder = _binary("Signed remainder; a by zero.", _signed("srem", lambda a: a))
divide_unsigned = _binary("Unsigned quotient; all ones by zero.", _unsigned("udiv", lambda a: I64(-1)))
remainder_unsigned = _binary("Unsigned remainder; a by zero.", _unsigned("urem", lambda a: a))
