"""Floating point on register contents: 64-bit integers in, 64-bit integers out.

A single (`_32`) travels NaN-boxed: upper half all ones, or it counts as the canonical
NaN.  Results that are NaN are canonical.

An operation that can raise a flag is a FloatOperation.  The fast arm takes the host's result where the host
certainly did the right thing and no flag can change: rounding to nearest, inexact already
raised (flags are sticky), a result of ordinary size.  Otherwise the slow twin looks closer: where the
rounding error can be computed (`residue`) it tells whether to raise inexact; the rest is done in integer
arithmetic by arithmetic.py and conversion.py.  So a program pays for exact flags until its first inexact result.
"""

from llvmlite import ir

from ..operations import I1, I32, I64, Operation, operation
from . import arithmetic as softfloat
from . import conversion as softconvert
from .conversion import SIGNED_32, SIGNED_64, UNSIGNED_32, UNSIGNED_64
from .unpacked import NX

_INTEGER = {32: I32, 64: I64}
_FLOAT = {32: ir.FloatType(), 64: ir.DoubleType()}
_CANONICAL = {32: 0x7FC00000, 64: 0x7FF8000000000000}
_FRACTION, _EXPONENT = {32: 23, 64: 52}, {32: 0xFF, 64: 0x7FF}
_BOX = I64(0xFFFFFFFF00000000)
RM_FIELD = 0xE0  # of fcsr

# What fcsr and the instruction's static rounding mode must be for the fast arm.
ANY = "any"  # nothing
NEAREST = "nearest"  # fcsr rounds to nearest and is inexact; the instruction says rne or dyn
TRUNCATE = "truncate"  # fcsr is inexact; the instruction says rtz


class FloatOperation:
    """`fast(builder, *registers)`: (result, truth value: it is right); `exact(*registers, *constants, rm, bits, fcsr)`.

    `residue(builder, result, *registers)`: (0.0 when a result that is right was exact, truth value: it can tell).
    """

    def __init__(self, exact, bits, fast, mode=NEAREST, constants=(), residue=None):
        self.exact, self.bits, self.fast, self.mode = exact, bits, fast, mode
        self.constants, self.residue = constants, residue

    def ready(self, builder, fcsr):
        """Whether the fast arm may be tried; None when it always may."""
        if self.mode == ANY:
            return None
        mask = NX | (RM_FIELD if self.mode == NEAREST else 0)
        return builder.icmp_signed("==", builder.and_(fcsr, I64(mask)), I64(NX))

    def needs_twin(self, static_mode):
        """Whether an instruction with this rm field always takes the slow twin."""
        if self.mode == NEAREST:
            return static_mode not in (0, 7)
        return self.mode == TRUNCATE and static_mode != 1


# --- between register contents and host floats (code generation) --------------------


def _raw(builder, register, bits):
    """The register's bits as an integer of the format's width, unboxed."""
    if bits == 64:
        return register
    boxed = builder.icmp_unsigned(">=", register, _BOX)
    return builder.select(boxed, builder.trunc(register, I32), I32(_CANONICAL[32]))


def _open(builder, register, bits):
    return builder.bitcast(_raw(builder, register, bits), _FLOAT[bits])


def _box(builder, raw, bits):
    return raw if bits == 64 else builder.or_(builder.zext(raw, I64), _BOX)


def _register(builder, value, bits):
    return _box(builder, builder.bitcast(value, _INTEGER[bits]), bits)


def _call(builder, name, kind, *values):
    function = builder.module.declare_intrinsic(name, [kind], ir.FunctionType(kind, [kind] * len(values)))
    return builder.call(function, list(values))


def _between(builder, value, bits, low, high):
    """Whether low <= the exponent field of a host float < high."""
    kind = _INTEGER[bits]
    field = builder.lshr(builder.bitcast(value, kind), kind(_FRACTION[bits]))
    field = builder.and_(field, kind(_EXPONENT[bits]))
    return builder.icmp_unsigned("<", builder.sub(field, kind(low)), kind(high - low))


def _ordinary(builder, value, bits):
    """Neither zero, subnormal, infinite nor NaN, nor rounded up from subnormal."""
    return _between(builder, value, bits, 2, _EXPONENT[bits])


# --- arithmetic ------------------------------------------------------------------


def _sum_residue(operation):
    """Knuth's TwoSum: the rounding error of a sum, exact where nothing overflows."""

    def residue(builder, bits, result, x, y):
        if operation == "fsub":
            y = builder.fneg(y)
        virtual = builder.fsub(result, x)
        error_x = builder.fsub(x, builder.fsub(result, virtual))
        return builder.fadd(error_x, builder.fsub(y, virtual))

    return residue


def _product_residue(builder, bits, result, x, y):
    if bits == 32:  # the product of two singles is a double
        x, y, result = (builder.fpext(v, _FLOAT[64]) for v in (x, y, result))
    return _call(builder, "llvm.fma", _FLOAT[64], x, y, builder.fneg(result))


def _quotient_residue(builder, bits, result, x, y):
    return _product_residue(builder, bits, x, result, y)


def _root_residue(builder, bits, result, x):
    return _product_residue(builder, bits, x, result, result)


def _rounded(exact, bits, compute, residue=None, sure=_ordinary, constants=(), usable=None):
    """An operation on floats that rounds its result; `usable`: the exponent fields for which the residue holds."""

    def fast(builder, *registers):
        result = compute(builder, *(_open(builder, r, bits) for r in registers))
        return _register(builder, result, bits), sure(builder, result, bits)

    def error(builder, result, *registers):
        floats = [_open(builder, r, bits) for r in (result, *registers)]
        holds = I1(1)
        for value in floats if usable else ():
            holds = builder.and_(holds, _between(builder, value, bits, *usable))
        return residue(builder, bits, *floats), holds

    return FloatOperation(exact, bits, fast, residue=error if residue else None, constants=constants)


# Exponent fields of factors whose product's error is an ordinary number (in double, any single's is).
_AMPLE = {32: None, 64: (200, 1847)}


def _exact_when_small(builder, value, bits):
    """Sums that are zero or subnormal are exact."""
    return _between(builder, value, bits, 0, _EXPONENT[bits])


def _sums(operation, exact):
    def compute(builder, x, y):
        return getattr(builder, operation)(x, y)

    return (
        _rounded(exact, bits, compute, _sum_residue(operation), _exact_when_small, usable=(0, _EXPONENT[bits] - 1))
        for bits in (32, 64)
    )


def _product(builder, x, y):
    return builder.fmul(x, y)


def _quotient(builder, x, y):
    return builder.fdiv(x, y)


def _roots(bits):
    def compute(builder, x):
        return _call(builder, "llvm.sqrt", _FLOAT[bits], x)

    return _rounded(softfloat.square_root, bits, compute, _root_residue, usable=_AMPLE[bits])


def _fused(negate_product, negate_addend):
    def made(bits):
        def compute(builder, x, y, z):
            x = builder.fneg(x) if negate_product else x
            z = builder.fneg(z) if negate_addend else z
            return _call(builder, "llvm.fma", _FLOAT[bits], x, y, z)

        return _rounded(softfloat.fused, bits, compute, constants=(negate_product | negate_addend << 1,))

    return made(32), made(64)


add_32, add_64 = _sums("fadd", softfloat.add)
subtract_32, subtract_64 = _sums("fsub", softfloat.subtract)
multiply_32, multiply_64 = (
    _rounded(softfloat.multiply, bits, _product, _product_residue, usable=_AMPLE[bits]) for bits in (32, 64)
)
divide_32, divide_64 = (
    _rounded(softfloat.divide, bits, _quotient, _quotient_residue, usable=_AMPLE[bits]) for bits in (32, 64)
)
square_root_32, square_root_64 = _roots(32), _roots(64)
fused_add_32, fused_add_64 = _fused(0, 0)
fused_subtract_32, fused_subtract_64 = _fused(0, 1)
negated_fused_subtract_32, negated_fused_subtract_64 = _fused(1, 0)
negated_fused_add_32, negated_fused_add_64 = _fused(1, 1)


# --- signs, comparisons ----------------------------------------------------------


def _sign(bits, combine):
    """a with a sign made of those of a and b."""

    def build(builder, a, b):
        kind = _INTEGER[bits]
        top = kind(1 << (bits - 1))
        x, y = _raw(builder, a, bits), _raw(builder, b, bits)
        magnitude = builder.and_(x, builder.not_(top))
        return _box(builder, builder.or_(magnitude, builder.and_(combine(builder, x, y), top)), bits)

    return Operation(build)


def _extreme(bits, comparison, greatest):
    """Minimum or maximum; zeros, whose sign counts, and NaNs are left to the slow twin."""

    def fast(builder, a, b):
        x, y = _open(builder, a, bits), _open(builder, b, bits)
        result = builder.select(builder.fcmp_ordered(comparison, x, y), a, b)
        return result, builder.fcmp_ordered("!=", x, y)

    return FloatOperation(softconvert.extreme, bits, fast, ANY, (greatest,))


def _comparison(bits, comparison, kind):
    def fast(builder, a, b):
        x, y = _open(builder, a, bits), _open(builder, b, bits)
        return builder.zext(builder.fcmp_ordered(comparison, x, y), I64), builder.fcmp_ordered("ord", x, y)

    return FloatOperation(softconvert.compare, bits, fast, ANY, (kind,))


_SIGNS = (lambda b, x, y: y, lambda b, x, y: b.not_(y), lambda b, x, y: b.xor(x, y))
copy_sign_32, negate_sign_32, xor_sign_32 = (_sign(32, combine) for combine in _SIGNS)
copy_sign_64, negate_sign_64, xor_sign_64 = (_sign(64, combine) for combine in _SIGNS)
minimum_32, minimum_64 = _extreme(32, "<", 0), _extreme(64, "<", 0)
maximum_32, maximum_64 = _extreme(32, ">", 1), _extreme(64, ">", 1)
equal_32, equal_64 = _comparison(32, "==", 0), _comparison(64, "==", 0)
less_32, less_64 = _comparison(32, "<", 1), _comparison(64, "<", 1)
less_equal_32, less_equal_64 = _comparison(32, "<=", 2), _comparison(64, "<=", 2)


# --- conversions ------------------------------------------------------------------


@operation
def box(builder, a):
    """The low 32 bits as a boxed single."""
    return builder.or_(a, _BOX)


@operation
def unbox(builder, a):
    """The bits of a single, zero-extended."""
    return builder.zext(_raw(builder, a, 32), I64)


def _widen(builder, a):
    value = _open(builder, a, 32)
    return _register(builder, builder.fpext(value, _FLOAT[64]), 64), builder.fcmp_ordered("ord", value, value)


def _narrow(builder, a):
    result = builder.fptrunc(_open(builder, a, 64), _FLOAT[32])
    return _register(builder, result, 32), _ordinary(builder, result, 32)


def _narrow_residue(builder, result, a):
    value = _open(builder, a, 64)
    return builder.fsub(value, builder.fpext(_open(builder, result, 32), _FLOAT[64])), I1(1)


widen = FloatOperation(softconvert.widen, 64, _widen, ANY)
narrow = FloatOperation(softconvert.narrow, 32, _narrow, residue=_narrow_residue)


def _from_integer(bits, conversion, unsigned):
    def fast(builder, a):
        return _register(builder, getattr(builder, conversion)(a, _FLOAT[bits]), bits), I1(1)

    return FloatOperation(softconvert.from_integer, bits, fast, constants=(unsigned,))


from_signed_32, from_signed_64 = (_from_integer(bits, "sitofp", 0) for bits in (32, 64))
from_unsigned_32, from_unsigned_64 = (_from_integer(bits, "uitofp", 1) for bits in (32, 64))


@operation
def exact_from_integer(builder, a):
    """An integer of at most 53 bits as a double, which needs no rounding."""
    return _register(builder, builder.sitofp(a, _FLOAT[64]), 64)


def _to_integer(bits, kind):
    """Towards zero; where the result fits 32 or 63 bits."""

    def fast(builder, a):
        value = _open(builder, a, bits)
        size = 31 if kind in (SIGNED_32, UNSIGNED_32) else 63
        low, high = (0.0 if kind in (UNSIGNED_32, UNSIGNED_64) else -(2.0**size)), 2.0**size
        above = builder.fcmp_ordered(">=", value, _FLOAT[bits](low))
        fits = builder.and_(above, builder.fcmp_ordered("<", value, _FLOAT[bits](high)))
        safe = builder.select(fits, value, _FLOAT[bits](0.0))
        return builder.fptosi(safe, I64), fits

    return FloatOperation(softconvert.to_integer, bits, fast, TRUNCATE, (kind,))


to_signed_word_32, to_unsigned_word_32, to_signed_32, to_unsigned_32 = (
    _to_integer(32, kind) for kind in (SIGNED_32, UNSIGNED_32, SIGNED_64, UNSIGNED_64)
)
to_signed_word_64, to_unsigned_word_64, to_signed_64, to_unsigned_64 = (
    _to_integer(64, kind) for kind in (SIGNED_32, UNSIGNED_32, SIGNED_64, UNSIGNED_64)
)


def _classify(bits):
    """The fclass mask of a float's bits (RISC-V manual, F extension)."""

    def build(builder, a):
        raw = builder.zext(_raw(builder, a, bits), I64) if bits == 32 else a
        negative = builder.icmp_signed("!=", builder.and_(builder.lshr(raw, I64(bits - 1)), I64(1)), I64(0))
        magnitude = builder.and_(raw, I64((1 << (bits - 1)) - 1))
        infinity = _EXPONENT[bits] << _FRACTION[bits]
        mask = I64(1 << 0)  # from the largest class down, as masks of a negative and a positive number
        positive = I64(1 << 7)
        for bound, below, above in (
            (infinity, 1 << 1, 1 << 6), (1 << _FRACTION[bits], 1 << 2, 1 << 5), (1, 1 << 3, 1 << 4),
        ):  # fmt: skip
            less = builder.icmp_unsigned("<", magnitude, I64(bound))
            mask, positive = builder.select(less, I64(below), mask), builder.select(less, I64(above), positive)
        mask = builder.select(negative, mask, positive)
        quiet = builder.icmp_unsigned(">=", magnitude, I64(infinity | 1 << (_FRACTION[bits] - 1)))
        nan = builder.icmp_unsigned(">", magnitude, I64(infinity))
        return builder.select(nan, builder.select(quiet, I64(512), I64(256)), mask)

    return Operation(build)


classify_32, classify_64 = _classify(32), _classify(64)
