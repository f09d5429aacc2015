"""Floating point on register contents: 64-bit integers in, 64-bit integers out.

A single (`_32`) travels NaN-boxed: upper half all ones, or it counts as the canonical
NaN.  Results that are NaN are canonical.  Arithmetic runs on the host's floats,
rounding to nearest even.

This is the one place that rounds.  Known gap: other rounding modes of the
arithmetic, and the accrued exception flags; `rm` reaches the conversions to
integers, which honour it.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..hot import hot
from .arithmetic import word
from .operations import operation

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_INTEGER = {32: _I32, 64: _I64}
_FLOAT = {32: ir.FloatType(), 64: ir.DoubleType()}
_CANONICAL = {32: 0x7FC00000, 64: 0x7FF8000000000000}
_BOX = _I64(0xFFFFFFFF00000000)

# What to_integer makes.
SIGNED_32, UNSIGNED_32, SIGNED_64, UNSIGNED_64 = 0, 1, 2, 3


# --- between register contents and host floats (code generation) --------------------


def _raw(builder, register, bits):
    """The register's bits as an integer of the format's width, unboxed."""
    if bits == 64:
        return register
    boxed = builder.icmp_unsigned(">=", register, _BOX)
    return builder.select(boxed, builder.trunc(register, _I32), _I32(_CANONICAL[32]))


def _open(builder, register, bits):
    return builder.bitcast(_raw(builder, register, bits), _FLOAT[bits])


def _box(builder, raw, bits):
    return raw if bits == 64 else builder.or_(builder.zext(raw, _I64), _BOX)


def _close(builder, value, bits):
    """A host float as register contents; any NaN becomes the canonical one."""
    raw = builder.bitcast(value, _INTEGER[bits])
    nan = builder.fcmp_unordered("uno", value, value)
    return _box(builder, builder.select(nan, _INTEGER[bits](_CANONICAL[bits]), raw), bits)


def _function(arity, doc, build):
    build.__doc__ = doc
    return operation(build)


def _call(builder, name, bits, *values):
    kind = _FLOAT[bits]
    function = builder.module.declare_intrinsic(name, [kind], ir.FunctionType(kind, [kind] * len(values)))
    return builder.call(function, list(values))


# --- arithmetic -----------------------------------------------------------------


def _arithmetic(operation, bits):
    def build(builder, a, b):
        result = getattr(builder, operation)(_open(builder, a, bits), _open(builder, b, bits))
        return _close(builder, result, bits)

    return _function(2, f"{operation} of two {bits}-bit floats.", build)


def _square_root(bits):
    def build(builder, a):
        return _close(builder, _call(builder, "llvm.sqrt", bits, _open(builder, a, bits)), bits)

    return _function(1, "Square root.", build)


def _fused(bits, negate_product, negate_addend):
    def build(builder, a, b, c):
        x, y, z = (_open(builder, v, bits) for v in (a, b, c))
        if negate_product:
            x = builder.fneg(x)
        if negate_addend:
            z = builder.fneg(z)
        return _close(builder, _call(builder, "llvm.fma", bits, x, y, z), bits)

    return _function(3, "(-)a*b (+-) c, rounded once.", build)


add_32, add_64 = _arithmetic("fadd", 32), _arithmetic("fadd", 64)
subtract_32, subtract_64 = _arithmetic("fsub", 32), _arithmetic("fsub", 64)
multiply_32, multiply_64 = _arithmetic("fmul", 32), _arithmetic("fmul", 64)
divide_32, divide_64 = _arithmetic("fdiv", 32), _arithmetic("fdiv", 64)
square_root_32, square_root_64 = _square_root(32), _square_root(64)
fused_add_32, fused_add_64 = _fused(32, False, False), _fused(64, False, False)
fused_subtract_32, fused_subtract_64 = _fused(32, False, True), _fused(64, False, True)
negated_fused_subtract_32, negated_fused_subtract_64 = _fused(32, True, False), _fused(64, True, False)
negated_fused_add_32, negated_fused_add_64 = _fused(32, True, True), _fused(64, True, True)


# --- signs, comparisons ----------------------------------------------------------


def _sign(bits, combine):
    """a with a sign made of those of a and b."""

    def build(builder, a, b):
        kind = _INTEGER[bits]
        top = kind(1 << (bits - 1))
        x, y = _raw(builder, a, bits), _raw(builder, b, bits)
        magnitude = builder.and_(x, builder.not_(top))
        return _box(builder, builder.or_(magnitude, builder.and_(combine(builder, x, y), top)), bits)

    return _function(2, "Sign injection.", build)


def _extreme(bits, comparison, of_equals):
    """Minimum or maximum: a number beats NaN, and -0 is less than +0."""

    def build(builder, a, b):
        x, y = _open(builder, a, bits), _open(builder, b, bits)
        raw_x, raw_y = _raw(builder, a, bits), _raw(builder, b, bits)
        result = builder.select(builder.fcmp_ordered(comparison, x, y), raw_x, raw_y)
        equal = builder.fcmp_ordered("==", x, y)
        result = builder.select(equal, getattr(builder, of_equals)(raw_x, raw_y), result)
        result = builder.select(builder.fcmp_unordered("uno", y, y), raw_x, result)
        x_nan = builder.fcmp_unordered("uno", x, x)
        return _close(builder, builder.bitcast(builder.select(x_nan, raw_y, result), _FLOAT[bits]), bits)

    return _function(2, "Minimum or maximum.", build)


def _comparison(bits, comparison):
    def build(builder, a, b):
        return builder.zext(builder.fcmp_ordered(comparison, _open(builder, a, bits), _open(builder, b, bits)), _I64)

    return _function(2, "1 if the comparison holds; NaN compares false.", build)


_SIGNS = (lambda b, x, y: y, lambda b, x, y: b.not_(y), lambda b, x, y: b.xor(x, y))
copy_sign_32, negate_sign_32, xor_sign_32 = (_sign(32, combine) for combine in _SIGNS)
copy_sign_64, negate_sign_64, xor_sign_64 = (_sign(64, combine) for combine in _SIGNS)
minimum_32, minimum_64 = _extreme(32, "<", "or_"), _extreme(64, "<", "or_")
maximum_32, maximum_64 = _extreme(32, ">", "and_"), _extreme(64, ">", "and_")
equal_32, equal_64 = _comparison(32, "=="), _comparison(64, "==")
less_32, less_64 = _comparison(32, "<"), _comparison(64, "<")
less_equal_32, less_equal_64 = _comparison(32, "<="), _comparison(64, "<=")


# --- conversions ------------------------------------------------------------------

box = _function(1, "The low 32 bits as a boxed single.", lambda b, a: b.or_(a, _BOX))
unbox = _function(1, "The bits of a single, zero-extended.", lambda b, a: b.zext(_raw(b, a, 32), _I64))
widen = _function(1, "Single to double.", lambda b, a: _close(b, b.fpext(_open(b, a, 32), _FLOAT[64]), 64))
narrow = _function(1, "Double to single.", lambda b, a: _close(b, b.fptrunc(_open(b, a, 64), _FLOAT[32]), 32))


def _from_integer(bits, conversion):
    def build(builder, a):
        return _close(builder, getattr(builder, conversion)(a, _FLOAT[bits]), bits)

    return _function(1, "64-bit integer to float.", build)


from_signed_32, from_signed_64 = _from_integer(32, "sitofp"), _from_integer(64, "sitofp")
from_unsigned_32, from_unsigned_64 = _from_integer(32, "uitofp"), _from_integer(64, "uitofp")


sign_extend, unbox_hot = word.hot, unbox.hot


@intrinsic
def _as_float(typingctx, a):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], _FLOAT[64])

    return types.float64(types.int64), codegen


def _rounding(name):
    @intrinsic
    def rounded(typingctx, value):
        def codegen(context, builder, signature, args):
            return _call(builder, name, 64, args[0])

        return types.float64(types.float64), codegen

    return rounded


@intrinsic
def _truncate(typingctx, value):
    """A float below 2**64 and above -2**63 as a 64-bit pattern."""

    def codegen(context, builder, signature, args):
        big = builder.fcmp_ordered(">=", args[0], _FLOAT[64](2.0**63))
        shifted = builder.select(big, builder.fsub(args[0], _FLOAT[64](2.0**63)), args[0])
        low = builder.fptosi(shifted, _I64)
        return builder.select(big, builder.xor(low, _I64(-(1 << 63))), low)

    return types.int64(types.float64), codegen


_to_even, _to_zero, _down, _up, _away = (
    _rounding("llvm." + n) for n in ("roundeven", "trunc", "floor", "ceil", "round")
)


@hot
def to_integer(double, rm, kind):
    """A double's bits to an integer, rounded by rm (0-4), saturated; NaN gives the greatest."""
    value = _as_float(double)
    if rm == 0:
        value = _to_even(value)
    elif rm == 1:
        value = _to_zero(value)
    elif rm == 2:
        value = _down(value)
    elif rm == 3:
        value = _up(value)
    else:
        value = _away(value)
    if kind == SIGNED_32:
        if not value < 2147483648.0:
            return 0x7FFFFFFF
        return -0x80000000 if value < -2147483648.0 else _truncate(value)
    if kind == UNSIGNED_32:
        if not value < 4294967296.0:
            return -1
        return 0 if value < 0.0 else sign_extend(_truncate(value))
    if kind == SIGNED_64:
        if not value < 9223372036854775808.0:
            return 0x7FFFFFFFFFFFFFFF
        return -0x8000000000000000 if value < -9223372036854775808.0 else _truncate(value)
    if not value < 18446744073709551616.0:
        return -1
    return 0 if value < 0.0 else _truncate(value)


@hot
def _classify(raw, exponent_bits, fraction_bits):
    """The fclass mask of a float's bits (RISC-V manual, F extension)."""
    negative = (raw >> (exponent_bits + fraction_bits)) & 1
    top = (1 << exponent_bits) - 1
    exponent = (raw >> fraction_bits) & top
    fraction = raw & ((1 << fraction_bits) - 1)
    if exponent == top and fraction != 0:
        return 512 if (fraction >> (fraction_bits - 1)) & 1 else 256
    if exponent == top:
        position = 0
    elif exponent != 0:
        position = 1
    elif fraction != 0:
        position = 2
    else:
        position = 3
    return 1 << (position if negative else 7 - position)


@hot
def classify_32(a):
    return _classify(unbox_hot(a), 8, 23)


@hot
def classify_64(a):
    return _classify(a, 11, 52)
