"""Integer operations that Python's own operators do not express on signed 64-bit words."""

from llvmlite import ir

from .operations import I1, I32, I64, I128, operation

_I8, _I16 = ir.IntType(8), ir.IntType(16)
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
    """The product modulo 2**64. Hot code's own `*` may not overflow: Numba promises LLVM that it does not."""
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
    """Signed division: by zero it gives `by_zero`; the one case of overflow is divided by 1, which is right."""

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


# --- bits -------------------------------------------------------------------------


def _of_word(build):
    return lambda builder, a: builder.zext(build(builder, builder.trunc(a, I32)), I64)


def _unary(doc, build):
    build.__doc__ = doc
    return operation(build)


count_leading_zeros = _unary("Zeros above the highest one; 64 for 0.", lambda builder, a: builder.ctlz(a, I1(0)))
count_trailing_zeros = _unary("Zeros below the lowest one; 64 for 0.", lambda builder, a: builder.cttz(a, I1(0)))
count_leading_zeros_word = _unary("Of the low 32 bits.", _of_word(lambda builder, a: builder.ctlz(a, I1(0))))
count_trailing_zeros_word = _unary("Of the low 32 bits.", _of_word(lambda builder, a: builder.cttz(a, I1(0))))
count_ones = _unary("Ones.", lambda builder, a: builder.ctpop(a))
reverse_bytes = _unary("The bytes in the other order.", lambda builder, a: builder.bswap(a))
extend_byte = _unary("The low 8 bits, sign-extended.", lambda builder, a: builder.sext(builder.trunc(a, _I8), I64))
extend_half = _unary("The low 16 bits, sign-extended.", lambda builder, a: builder.sext(builder.trunc(a, _I16), I64))


@operation
def or_combine_bytes(builder, a):
    """0xFF for every byte that is not zero."""
    low = builder.and_(a, I64(0x7F7F7F7F7F7F7F7F))
    high = builder.or_(builder.add(low, I64(0x7F7F7F7F7F7F7F7F)), a)
    ones = builder.and_(builder.lshr(high, I64(7)), I64(0x0101010101010101))
    return builder.mul(ones, I64(0xFF))


def _rotate(intrinsic, kind):
    def build(builder, a, amount):
        function = builder.module.declare_intrinsic(intrinsic, [kind], ir.FunctionType(kind, [kind] * 3))
        if kind != I64:
            a, amount = builder.trunc(a, kind), builder.trunc(amount, kind)
        result = builder.call(function, [a, a, amount])
        return result if kind == I64 else builder.sext(result, I64)

    return build


rotate_left, rotate_right = (_binary("Rotate 64 bits.", _rotate(f"llvm.fsh{d}", I64)) for d in "lr")
rotate_left_word, rotate_right_word = (
    _binary("Rotate the low 32 bits, sign-extended.", _rotate(f"llvm.fsh{d}", I32)) for d in "lr"
)
