"""Floating-point comparisons and conversions in integers: every rounding mode, every flag (hot).

As in soft/arithmetic.py, functions take and return register contents.
"""

from ...hot import hot, never_inline
from ..arithmetic import negate, shift_right, unsigned_less
from .unpacked import (
    GREATEST,
    LIMB,
    NV,
    NX,
    TOP,
    canonical_nan,
    closed,
    infinity_of,
    is_nan,
    is_signalling,
    magnitude_of,
    normalised,
    opened,
    packed,
    raise_flags,
    rounded,
    sign_of,
    signed_magnitude,
    unpacked,
)

SIGNED_32, UNSIGNED_32, SIGNED_64, UNSIGNED_64 = range(4)  # what to_integer makes

_negate, _shift_right, _unsigned_less = negate.hot, shift_right.hot, unsigned_less.hot


# --- comparisons -------------------------------------------------------------------


@hot
def _order(raw, bits):
    """A number that orders like the float."""
    magnitude = magnitude_of(raw, bits)
    return -magnitude if sign_of(raw, bits) != 0 else magnitude


@hot
def compare(a, b, kind, rm, bits, fcsr):
    """kind 0: a == b (quiet), 1: a < b, 2: a <= b."""
    never_inline()
    a, b = opened(a, bits), opened(b, bits)
    if is_nan(a, bits) or is_nan(b, bits):
        if kind != 0 or is_signalling(a, bits) or is_signalling(b, bits):
            raise_flags(fcsr, NV)
        return 0
    x, y = _order(a, bits), _order(b, bits)
    if kind == 0:
        return 1 if x == y else 0
    if kind == 1:
        return 1 if x < y else 0
    return 1 if x <= y else 0


@hot
def extreme(a, b, greatest, rm, bits, fcsr):
    """The lesser or greater; a number beats a NaN, and -0 is less than +0."""
    never_inline()
    a, b = opened(a, bits), opened(b, bits)
    if is_signalling(a, bits) or is_signalling(b, bits):
        raise_flags(fcsr, NV)
    if is_nan(a, bits):
        return canonical_nan(bits) if is_nan(b, bits) else closed(b, bits)
    if is_nan(b, bits):
        return closed(a, bits)
    x, y = _order(a, bits), _order(b, bits)
    less = x < y or (x == y and sign_of(a, bits) != 0)
    return closed(a if less == (greatest == 0) else b, bits)


# --- conversions ---------------------------------------------------------------------


@hot
def from_integer(a, unsigned, rm, bits, fcsr):
    never_inline()
    if a == 0:
        return closed(0, bits)
    sign = 1 if unsigned == 0 and a < 0 else 0
    magnitude = _negate(a) if sign else a
    exponent = TOP
    while magnitude < 0 or magnitude > LIMB:  # as unsigned: 2**62 and more
        magnitude = _shift_right(magnitude, 1) | magnitude & 1
        exponent += 1
    exponent, magnitude = normalised(exponent, magnitude)
    return packed(sign, exponent, magnitude, bits, rm, fcsr)


@hot
def narrow(a, rm, bits, fcsr):
    """Double to single."""
    never_inline()
    if is_nan(a, 64):
        if is_signalling(a, 64):
            raise_flags(fcsr, NV)
        return canonical_nan(32)
    if magnitude_of(a, 64) == infinity_of(64):
        return signed_magnitude(infinity_of(32), sign_of(a, 64), 32)
    if magnitude_of(a, 64) == 0:
        return signed_magnitude(0, sign_of(a, 64), 32)
    exponent, significand = unpacked(a, 64)
    return packed(sign_of(a, 64), exponent, significand, 32, rm, fcsr)


@hot
def widen(a, rm, bits, fcsr):
    """Single to double."""
    never_inline()
    a = opened(a, 32)
    if is_nan(a, 32):
        if is_signalling(a, 32):
            raise_flags(fcsr, NV)
        return canonical_nan(64)
    if magnitude_of(a, 32) == infinity_of(32):
        return signed_magnitude(infinity_of(64), sign_of(a, 32), 64)
    if magnitude_of(a, 32) == 0:
        return signed_magnitude(0, sign_of(a, 32), 64)
    exponent, significand = unpacked(a, 32)
    return packed(sign_of(a, 32), exponent, significand, 64, rm, fcsr)


@hot
def _least(kind):
    if kind == SIGNED_32:
        return -0x80000000
    return -GREATEST - 1 if kind == SIGNED_64 else 0


@hot
def _most(kind):
    """The greatest value of a kind, as a pattern of 64 bits; 32-bit results are sign-extended later."""
    if kind == SIGNED_32:
        return 0x7FFFFFFF
    if kind == UNSIGNED_32:
        return 0xFFFFFFFF
    return GREATEST if kind == SIGNED_64 else -1


@hot
def _saturated(value, kind, fcsr):
    raise_flags(fcsr, NV)
    return -1 if kind == UNSIGNED_32 and value != 0 else value


@hot
def to_integer(a, kind, rm, bits, fcsr):
    """Round to an integer; out of range gives the nearest bound and NV, NaN the greatest."""
    never_inline()
    a = opened(a, bits)
    sign = sign_of(a, bits)
    if is_nan(a, bits):
        return _saturated(_most(kind), kind, fcsr)
    if magnitude_of(a, bits) == 0:
        return 0
    if magnitude_of(a, bits) == infinity_of(bits):
        return _saturated(_least(kind) if sign else _most(kind), kind, fcsr)
    exponent, significand = unpacked(a, bits)
    if exponent > 63:
        return _saturated(_least(kind) if sign else _most(kind), kind, fcsr)
    inexact = False
    if exponent > TOP - 1:  # an integer: singles and doubles have no bits that low
        value = significand << (exponent - TOP)
    else:
        drop = min(TOP - exponent, 62)  # less than a quarter: all the same
        if TOP - exponent > 62:
            significand = 1
        value = rounded(sign, significand, drop, rm)
        inexact = significand & ((1 << drop) - 1) != 0
    # The magnitude, unsigned, against what the kind holds.
    limit = _negate(_least(kind)) if sign else _most(kind)
    if _unsigned_less(limit, value):
        return _saturated(_least(kind) if sign else _most(kind), kind, fcsr)
    raise_flags(fcsr, NX if inexact else 0)
    if sign:
        return _negate(value)
    return value - (1 << 32) if kind == UNSIGNED_32 and value >> 31 == 1 else value
