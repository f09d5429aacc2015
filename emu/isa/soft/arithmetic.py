"""Floating-point arithmetic in integers: every rounding mode, every flag (hot).

The exact side of floats.py, used where the host's arithmetic does not tell what happened.  Each
function takes and returns register contents (singles NaN-boxed), `bits` is 32 or 64, `rm` a
rounding mode 0 to 4, and `fcsr` the address of the word that accrues the flags.  How numbers are
unpacked: unpacked.py.  Manual: RISC-V unprivileged, chapters F and D; IEEE 754-2008.
"""

from ...hot import hot, never_inline
from ..arithmetic import multiply_high_unsigned, multiply_low
from .unpacked import (
    DZ,
    LIMB,
    NV,
    ONE,
    TOP,
    cancelled,
    closed,
    infinity_of,
    invalid,
    is_nan,
    jammed,
    magnitude_of,
    normalised,
    opened,
    packed,
    quiet_nan,
    raise_flags,
    sign_of,
    signed_magnitude,
    unpacked,
)

_high, _low = multiply_high_unsigned.hot, multiply_low.hot


@hot
def add(a, b, rm, bits, fcsr):
    never_inline()
    return _add(opened(a, bits), opened(b, bits), rm, bits, fcsr)


@hot
def subtract(a, b, rm, bits, fcsr):
    never_inline()
    b = opened(b, bits)
    if not is_nan(b, bits):
        b ^= 1 << (bits - 1)
    return _add(opened(a, bits), b, rm, bits, fcsr)


@hot
def _add(a, b, rm, bits, fcsr):
    never_inline()
    if is_nan(a, bits) or is_nan(b, bits):
        return quiet_nan(a, b, 0, bits, fcsr)
    sign_a, sign_b = sign_of(a, bits), sign_of(b, bits)
    infinity = infinity_of(bits)
    if magnitude_of(a, bits) == infinity:
        if magnitude_of(b, bits) == infinity and sign_a != sign_b:
            return invalid(bits, fcsr)
        return closed(a, bits)
    if magnitude_of(b, bits) == infinity:
        return closed(b, bits)
    if magnitude_of(a, bits) == 0:
        return cancelled(sign_a, sign_b, bits, rm) if magnitude_of(b, bits) == 0 else closed(b, bits)
    if magnitude_of(b, bits) == 0:
        return closed(a, bits)
    if magnitude_of(a, bits) < magnitude_of(b, bits):
        a, b = b, a
        sign_a, sign_b = sign_b, sign_a
    exponent, x = unpacked(a, bits)
    exponent_b, y = unpacked(b, bits)
    y = jammed(y, exponent - exponent_b)
    total = x + y if sign_a == sign_b else x - y
    if total == 0:
        return cancelled(sign_a, sign_b, bits, rm)
    if total > LIMB:
        total = jammed(total, 1)
        exponent += 1
    exponent, total = normalised(exponent, total)
    return packed(sign_a, exponent, total, bits, rm, fcsr)


@hot
def multiply(a, b, rm, bits, fcsr):
    never_inline()
    a, b = opened(a, bits), opened(b, bits)
    if is_nan(a, bits) or is_nan(b, bits):
        return quiet_nan(a, b, 0, bits, fcsr)
    sign = sign_of(a, bits) ^ sign_of(b, bits)
    infinite = magnitude_of(a, bits) == infinity_of(bits) or magnitude_of(b, bits) == infinity_of(bits)
    if magnitude_of(a, bits) == 0 or magnitude_of(b, bits) == 0:
        return invalid(bits, fcsr) if infinite else signed_magnitude(0, sign, bits)
    if infinite:
        return signed_magnitude(infinity_of(bits), sign, bits)
    exponent_a, x = unpacked(a, bits)
    exponent_b, y = unpacked(b, bits)
    product = _high(x << 2, y << 1)  # the upper bits of x * y, from bit 61 on
    if _low(x << 2, y << 1) != 0:
        product |= 1
    exponent = exponent_a + exponent_b
    if product > LIMB:
        product = jammed(product, 1)
        exponent += 1
    return packed(sign, exponent, product, bits, rm, fcsr)


@hot
def divide(a, b, rm, bits, fcsr):
    never_inline()
    a, b = opened(a, bits), opened(b, bits)
    if is_nan(a, bits) or is_nan(b, bits):
        return quiet_nan(a, b, 0, bits, fcsr)
    sign = sign_of(a, bits) ^ sign_of(b, bits)
    infinity = infinity_of(bits)
    if magnitude_of(a, bits) == infinity:
        return invalid(bits, fcsr) if magnitude_of(b, bits) == infinity else signed_magnitude(infinity, sign, bits)
    if magnitude_of(b, bits) == infinity:
        return signed_magnitude(0, sign, bits)
    if magnitude_of(b, bits) == 0:
        if magnitude_of(a, bits) == 0:
            return invalid(bits, fcsr)
        raise_flags(fcsr, DZ)
        return signed_magnitude(infinity, sign, bits)
    if magnitude_of(a, bits) == 0:
        return signed_magnitude(0, sign, bits)
    exponent_a, rest = unpacked(a, bits)
    exponent_b, divisor = unpacked(b, bits)
    exponent = exponent_a - exponent_b
    if rest < divisor:
        rest <<= 1
        exponent -= 1
    quotient = 0
    for _ in range(TOP + 1):
        quotient <<= 1
        if rest >= divisor:
            rest -= divisor
            quotient |= 1
        rest <<= 1
    if rest != 0:
        quotient |= 1
    return packed(sign, exponent, quotient, bits, rm, fcsr)


@hot
def square_root(a, rm, bits, fcsr):
    never_inline()
    a = opened(a, bits)
    if is_nan(a, bits):
        return quiet_nan(a, 0, 0, bits, fcsr)
    if magnitude_of(a, bits) == 0:
        return closed(a, bits)
    if sign_of(a, bits) != 0:
        return invalid(bits, fcsr)
    if a == infinity_of(bits):
        return closed(a, bits)
    exponent, radicand = unpacked(a, bits)
    if exponent & 1 != 0:
        exponent -= 1
    else:
        radicand >>= 1  # loses nothing: its lowest bits are zero
    root = rest = 0
    for step in range(58):  # two bits of the radicand, which has 62, for one of the root
        shift = 60 - 2 * step
        rest = rest << 2 | ((radicand >> shift) & 3 if shift >= 0 else 0)
        root <<= 1
        if rest >= root * 2 + 1:
            rest -= root * 2 + 1
            root |= 1
    root <<= 4
    if rest != 0:
        root |= 1
    return packed(0, exponent >> 1, root, bits, rm, fcsr)


@hot
def _fused(a, b, c, rm, bits, fcsr):
    """a * b + c of opened operands, rounded once."""
    never_inline()
    infinity = infinity_of(bits)
    infinite = magnitude_of(a, bits) == infinity or magnitude_of(b, bits) == infinity
    zero = magnitude_of(a, bits) == 0 or magnitude_of(b, bits) == 0
    if is_nan(a, bits) or is_nan(b, bits) or is_nan(c, bits) or (infinite and zero):
        if infinite and zero and not (is_nan(a, bits) or is_nan(b, bits)):
            raise_flags(fcsr, NV)
        return quiet_nan(a, b, c, bits, fcsr)
    sign, sign_c = sign_of(a, bits) ^ sign_of(b, bits), sign_of(c, bits)
    if infinite:
        if magnitude_of(c, bits) == infinity and sign != sign_c:
            return invalid(bits, fcsr)
        return signed_magnitude(infinity, sign, bits)
    if magnitude_of(c, bits) == infinity:
        return closed(c, bits)
    if zero:
        return cancelled(sign, sign_c, bits, rm) if magnitude_of(c, bits) == 0 else closed(c, bits)
    exponent_a, x = unpacked(a, bits)
    exponent_b, y = unpacked(b, bits)
    # Two limbs of 62 bits; value (high * 2**62 + low) * 2**(exponent - 122).
    exponent = exponent_a + exponent_b
    high, low = _high(x << 1, y << 1), _low(x, y) & LIMB
    if magnitude_of(c, bits) != 0:
        exponent_c, z = unpacked(c, bits)
        high_c, low_c = z >> 1, (z & 1) << 61
        if exponent_c > exponent:
            high, low = _jam_limbs(high, low, exponent_c - exponent)
            exponent = exponent_c
        else:
            high_c, low_c = _jam_limbs(high_c, low_c, exponent - exponent_c)
        if sign == sign_c:
            high, low = high + high_c, low + low_c
        else:
            if high < high_c or (high == high_c and low < low_c):
                high, low, high_c, low_c = high_c, low_c, high, low
                sign = sign_c
            high, low = high - high_c, low - low_c
        high += low >> 62  # carry or borrow
        low &= LIMB
        if high == 0 and low == 0:
            return cancelled(sign, sign ^ 1, bits, rm)
    if high == 0:
        high, low = low, 0
        exponent -= 62
    exponent += 1  # of the number whose significand is `high`
    while high < ONE:
        low <<= 1
        high = high << 1 | low >> 62
        low &= LIMB
        exponent -= 1
    if high > LIMB:
        high = jammed(high, 1)
        exponent += 1
    return packed(sign, exponent, high | (1 if low != 0 else 0), bits, rm, fcsr)


@hot
def _jam_limbs(high, low, count):
    if count == 0:
        return high, low
    if count >= 62:
        return 0, jammed(high, count - 62) | (1 if low != 0 else 0)
    rest = 1 if low & ((1 << count) - 1) != 0 else 0
    return high >> count, ((high << (62 - count)) & LIMB) | low >> count | rest


@hot
def fused(a, b, c, signs, rm, bits, fcsr):
    """(-)a * b (+-) c: bit 0 of signs negates the product, bit 1 the addend."""
    never_inline()
    a, b, c = opened(a, bits), opened(b, bits), opened(c, bits)
    if signs & 1 != 0 and not is_nan(a, bits):
        a ^= 1 << (bits - 1)
    if signs & 2 != 0 and not is_nan(c, bits):
        c ^= 1 << (bits - 1)
    return _fused(a, b, c, rm, bits, fcsr)
