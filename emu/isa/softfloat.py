"""Floating point in integer arithmetic: every rounding mode, every flag (hot).

The exact side of floats.py, used where the host's arithmetic does not tell what happened.  Each
function takes and returns register contents (singles NaN-boxed), `bits` is 32 or 64, `rm` a
rounding mode 0 to 4, and `fcsr` the address of the word that accrues the flags.

A finite number that is not zero is unpacked as sign, exponent e and significand s with
2**61 <= s < 2**62, value s * 2**(e - 61).  Bits shifted out of s leave a 1 in its lowest bit (`_jam`), which is
far below what rounding looks at.  Tininess is detected after rounding.  Results that are NaN are canonical.
Manual: RISC-V unprivileged, chapters F and D; IEEE 754-2008.
"""

from ..hot import hot, never_inline
from ..shm.memory import get, put
from .arithmetic import multiply_high_unsigned, multiply_low, negate, shift_right, unsigned_less

NX, UF, OF, DZ, NV = 1, 2, 4, 8, 16
RNE, RTZ, RDN, RUP, RMM = range(5)
SIGNED_32, UNSIGNED_32, SIGNED_64, UNSIGNED_64 = range(4)  # what to_integer makes

_TOP = 61
_ONE = 1 << _TOP
_LIMB = (1 << 62) - 1
_BOX = -1 << 32
_GREATEST = 0x7FFFFFFFFFFFFFFF
_high, _low, _negate = multiply_high_unsigned.hot, multiply_low.hot, negate.hot
_shift_right, _unsigned_less = shift_right.hot, unsigned_less.hot


@hot
def _raise(fcsr, flags):
    if flags != 0:
        put(fcsr, get(fcsr) | flags)


@hot
def _fraction_bits(bits):
    return 52 if bits == 64 else 23


@hot
def _largest_exponent(bits):
    return 0x7FF if bits == 64 else 0xFF


@hot
def _open(register, bits):
    """The bits of a float, zero-extended when single; an unboxed single is the canonical NaN."""
    if bits == 64:
        return register
    return register & 0xFFFFFFFF if register >> 32 == -1 else 0x7FC00000


@hot
def _close(raw, bits):
    return raw if bits == 64 else raw | _BOX


@hot
def _canonical(bits):
    return 0x7FF8000000000000 if bits == 64 else _BOX | 0x7FC00000


@hot
def _sign(raw, bits):
    return _shift_right(raw, bits - 1) & 1


@hot
def _magnitude(raw, bits):
    return raw & _GREATEST if bits == 64 else raw & 0x7FFFFFFF


@hot
def _infinity(bits):
    return _largest_exponent(bits) << _fraction_bits(bits)


@hot
def _is_nan(raw, bits):
    return _magnitude(raw, bits) > _infinity(bits)


@hot
def _is_signalling(raw, bits):
    return _is_nan(raw, bits) and (raw >> (_fraction_bits(bits) - 1)) & 1 == 0


@hot
def _signed(raw, sign, bits):
    """A magnitude with a sign, as a register."""
    return _close(raw | sign << (bits - 1), bits)


@hot
def _unpack(raw, bits):
    """(exponent, significand) of a finite number that is not zero."""
    fraction_bits = _fraction_bits(bits)
    fraction = raw & ((1 << fraction_bits) - 1)
    biased = (raw >> fraction_bits) & _largest_exponent(bits)
    bias = _largest_exponent(bits) >> 1
    if biased != 0:
        return biased - bias, (fraction | 1 << fraction_bits) << (_TOP - fraction_bits)
    return _normal(1 - bias, fraction << (_TOP - fraction_bits))


@hot
def _normal(exponent, significand):
    """Move the highest bit of a significand, 0 < it < 2**62, to where it belongs."""
    while significand < _ONE:
        significand <<= 1
        exponent -= 1
    return exponent, significand


@hot
def _jam(value, count):
    """value >> count, the lowest bit set if anything was shifted out; 0 <= value."""
    if count <= 0:
        return value
    if count > 62:
        return 1 if value != 0 else 0
    return value >> count | (1 if value & ((1 << count) - 1) != 0 else 0)


@hot
def _round(sign, significand, drop, rm):
    """significand >> drop, rounded."""
    result = significand >> drop
    rest = significand & ((1 << drop) - 1)
    half = 1 << (drop - 1)
    if rm == RNE:
        up = rest > half or (rest == half and result & 1 != 0)
    elif rm == RMM:
        up = rest >= half
    elif rm == RDN:
        up = sign != 0 and rest != 0
    elif rm == RUP:
        up = sign == 0 and rest != 0
    else:
        up = False
    return result + (1 if up else 0)


@hot
def _pack(sign, exponent, significand, bits, rm, fcsr):
    """Round an unpacked number to a register; raises OF, UF, NX."""
    never_inline()
    fraction_bits = _fraction_bits(bits)
    largest = _largest_exponent(bits)
    drop = _TOP - fraction_bits
    biased = exponent + (largest >> 1)
    inexact = NX if significand & ((1 << drop) - 1) != 0 else 0
    if biased >= 1:
        # The hidden bit adds one to the exponent, and so does a carry out of the fraction.
        raw = ((min(biased, largest - 1) - 1) << fraction_bits) + _round(sign, significand, drop, rm)
        if biased >= largest or raw >= _infinity(bits):
            _raise(fcsr, OF | NX)
            if rm == RTZ or (rm == RDN and sign == 0) or (rm == RUP and sign != 0):
                raw = _infinity(bits) - 1
            else:
                raw = _infinity(bits)
        else:
            _raise(fcsr, inexact)
        return _signed(raw, sign, bits)
    tiny = biased < 0 or _round(sign, significand, drop, rm) < 2 << fraction_bits
    shifted = _jam(significand, 1 - biased)
    if shifted & ((1 << drop) - 1) != 0:
        _raise(fcsr, UF | NX if tiny else NX)
    return _signed(_round(sign, shifted, drop, rm), sign, bits)


@hot
def _invalid(bits, fcsr):
    _raise(fcsr, NV)
    return _canonical(bits)


@hot
def _quiet(a, b, c, bits, fcsr):
    """The result when an operand is NaN."""
    if _is_signalling(a, bits) or _is_signalling(b, bits) or _is_signalling(c, bits):
        _raise(fcsr, NV)
    return _canonical(bits)


@hot
def _zero(sign_a, sign_b, bits, rm):
    """The sum of two numbers that cancel."""
    if sign_a == sign_b:
        return _signed(0, sign_a, bits)
    return _signed(0, 1 if rm == RDN else 0, bits)


# --- arithmetic ------------------------------------------------------------------


@hot
def add(a, b, rm, bits, fcsr):
    never_inline()
    return _add(_open(a, bits), _open(b, bits), rm, bits, fcsr)


@hot
def subtract(a, b, rm, bits, fcsr):
    never_inline()
    b = _open(b, bits)
    if not _is_nan(b, bits):
        b ^= 1 << (bits - 1)
    return _add(_open(a, bits), b, rm, bits, fcsr)


@hot
def _add(a, b, rm, bits, fcsr):
    never_inline()
    if _is_nan(a, bits) or _is_nan(b, bits):
        return _quiet(a, b, 0, bits, fcsr)
    sign_a, sign_b = _sign(a, bits), _sign(b, bits)
    infinity = _infinity(bits)
    if _magnitude(a, bits) == infinity:
        if _magnitude(b, bits) == infinity and sign_a != sign_b:
            return _invalid(bits, fcsr)
        return _close(a, bits)
    if _magnitude(b, bits) == infinity:
        return _close(b, bits)
    if _magnitude(a, bits) == 0:
        return _zero(sign_a, sign_b, bits, rm) if _magnitude(b, bits) == 0 else _close(b, bits)
    if _magnitude(b, bits) == 0:
        return _close(a, bits)
    if _magnitude(a, bits) < _magnitude(b, bits):
        a, b = b, a
        sign_a, sign_b = sign_b, sign_a
    exponent, x = _unpack(a, bits)
    exponent_b, y = _unpack(b, bits)
    y = _jam(y, exponent - exponent_b)
    total = x + y if sign_a == sign_b else x - y
    if total == 0:
        return _zero(sign_a, sign_b, bits, rm)
    if total > _LIMB:
        total = _jam(total, 1)
        exponent += 1
    exponent, total = _normal(exponent, total)
    return _pack(sign_a, exponent, total, bits, rm, fcsr)


@hot
def multiply(a, b, rm, bits, fcsr):
    never_inline()
    a, b = _open(a, bits), _open(b, bits)
    if _is_nan(a, bits) or _is_nan(b, bits):
        return _quiet(a, b, 0, bits, fcsr)
    sign = _sign(a, bits) ^ _sign(b, bits)
    infinite = _magnitude(a, bits) == _infinity(bits) or _magnitude(b, bits) == _infinity(bits)
    if _magnitude(a, bits) == 0 or _magnitude(b, bits) == 0:
        return _invalid(bits, fcsr) if infinite else _signed(0, sign, bits)
    if infinite:
        return _signed(_infinity(bits), sign, bits)
    exponent_a, x = _unpack(a, bits)
    exponent_b, y = _unpack(b, bits)
    product = _high(x << 2, y << 1)  # the upper bits of x * y, from bit 61 on
    if _low(x << 2, y << 1) != 0:
        product |= 1
    exponent = exponent_a + exponent_b
    if product > _LIMB:
        product = _jam(product, 1)
        exponent += 1
    return _pack(sign, exponent, product, bits, rm, fcsr)


@hot
def divide(a, b, rm, bits, fcsr):
    never_inline()
    a, b = _open(a, bits), _open(b, bits)
    if _is_nan(a, bits) or _is_nan(b, bits):
        return _quiet(a, b, 0, bits, fcsr)
    sign = _sign(a, bits) ^ _sign(b, bits)
    infinity = _infinity(bits)
    if _magnitude(a, bits) == infinity:
        return _invalid(bits, fcsr) if _magnitude(b, bits) == infinity else _signed(infinity, sign, bits)
    if _magnitude(b, bits) == infinity:
        return _signed(0, sign, bits)
    if _magnitude(b, bits) == 0:
        if _magnitude(a, bits) == 0:
            return _invalid(bits, fcsr)
        _raise(fcsr, DZ)
        return _signed(infinity, sign, bits)
    if _magnitude(a, bits) == 0:
        return _signed(0, sign, bits)
    exponent_a, rest = _unpack(a, bits)
    exponent_b, divisor = _unpack(b, bits)
    exponent = exponent_a - exponent_b
    if rest < divisor:
        rest <<= 1
        exponent -= 1
    quotient = 0
    for _ in range(_TOP + 1):
        quotient <<= 1
        if rest >= divisor:
            rest -= divisor
            quotient |= 1
        rest <<= 1
    if rest != 0:
        quotient |= 1
    return _pack(sign, exponent, quotient, bits, rm, fcsr)


@hot
def square_root(a, rm, bits, fcsr):
    never_inline()
    a = _open(a, bits)
    if _is_nan(a, bits):
        return _quiet(a, 0, 0, bits, fcsr)
    if _magnitude(a, bits) == 0:
        return _close(a, bits)
    if _sign(a, bits) != 0:
        return _invalid(bits, fcsr)
    if a == _infinity(bits):
        return _close(a, bits)
    exponent, radicand = _unpack(a, bits)
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
    return _pack(0, exponent >> 1, root, bits, rm, fcsr)


@hot
def _fused(a, b, c, rm, bits, fcsr):
    """a * b + c of opened operands, rounded once."""
    never_inline()
    infinity = _infinity(bits)
    infinite = _magnitude(a, bits) == infinity or _magnitude(b, bits) == infinity
    zero = _magnitude(a, bits) == 0 or _magnitude(b, bits) == 0
    if _is_nan(a, bits) or _is_nan(b, bits) or _is_nan(c, bits) or (infinite and zero):
        if infinite and zero and not (_is_nan(a, bits) or _is_nan(b, bits)):
            _raise(fcsr, NV)
        return _quiet(a, b, c, bits, fcsr)
    sign, sign_c = _sign(a, bits) ^ _sign(b, bits), _sign(c, bits)
    if infinite:
        if _magnitude(c, bits) == infinity and sign != sign_c:
            return _invalid(bits, fcsr)
        return _signed(infinity, sign, bits)
    if _magnitude(c, bits) == infinity:
        return _close(c, bits)
    if zero:
        return _zero(sign, sign_c, bits, rm) if _magnitude(c, bits) == 0 else _close(c, bits)
    exponent_a, x = _unpack(a, bits)
    exponent_b, y = _unpack(b, bits)
    # Two limbs of 62 bits; value (high * 2**62 + low) * 2**(exponent - 122).
    exponent = exponent_a + exponent_b
    high, low = _high(x << 1, y << 1), _low(x, y) & _LIMB
    if _magnitude(c, bits) != 0:
        exponent_c, z = _unpack(c, bits)
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
        low &= _LIMB
        if high == 0 and low == 0:
            return _zero(sign, sign ^ 1, bits, rm)
    if high == 0:
        high, low = low, 0
        exponent -= 62
    exponent += 1  # of the number whose significand is `high`
    while high < _ONE:
        low <<= 1
        high = high << 1 | low >> 62
        low &= _LIMB
        exponent -= 1
    if high > _LIMB:
        high = _jam(high, 1)
        exponent += 1
    return _pack(sign, exponent, high | (1 if low != 0 else 0), bits, rm, fcsr)


@hot
def _jam_limbs(high, low, count):
    if count == 0:
        return high, low
    if count >= 62:
        return 0, _jam(high, count - 62) | (1 if low != 0 else 0)
    rest = 1 if low & ((1 << count) - 1) != 0 else 0
    return high >> count, ((high << (62 - count)) & _LIMB) | low >> count | rest


@hot
def fused(a, b, c, signs, rm, bits, fcsr):
    """(-)a * b (+-) c: bit 0 of signs negates the product, bit 1 the addend."""
    never_inline()
    a, b, c = _open(a, bits), _open(b, bits), _open(c, bits)
    if signs & 1 != 0 and not _is_nan(a, bits):
        a ^= 1 << (bits - 1)
    if signs & 2 != 0 and not _is_nan(c, bits):
        c ^= 1 << (bits - 1)
    return _fused(a, b, c, rm, bits, fcsr)


# --- comparisons -------------------------------------------------------------------


@hot
def _order(raw, bits):
    """A number that orders like the float."""
    magnitude = _magnitude(raw, bits)
    return -magnitude if _sign(raw, bits) != 0 else magnitude


@hot
def compare(a, b, kind, rm, bits, fcsr):
    """kind 0: a == b (quiet), 1: a < b, 2: a <= b."""
    never_inline()
    a, b = _open(a, bits), _open(b, bits)
    if _is_nan(a, bits) or _is_nan(b, bits):
        if kind != 0 or _is_signalling(a, bits) or _is_signalling(b, bits):
            _raise(fcsr, NV)
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
    a, b = _open(a, bits), _open(b, bits)
    if _is_signalling(a, bits) or _is_signalling(b, bits):
        _raise(fcsr, NV)
    if _is_nan(a, bits):
        return _canonical(bits) if _is_nan(b, bits) else _close(b, bits)
    if _is_nan(b, bits):
        return _close(a, bits)
    x, y = _order(a, bits), _order(b, bits)
    less = x < y or (x == y and _sign(a, bits) != 0)
    return _close(a if less == (greatest == 0) else b, bits)


# --- conversions ---------------------------------------------------------------------


@hot
def from_integer(a, unsigned, rm, bits, fcsr):
    never_inline()
    if a == 0:
        return _close(0, bits)
    sign = 1 if unsigned == 0 and a < 0 else 0
    magnitude = _negate(a) if sign else a
    exponent = _TOP
    while magnitude < 0 or magnitude > _LIMB:  # as unsigned: 2**62 and more
        magnitude = _shift_right(magnitude, 1) | magnitude & 1
        exponent += 1
    exponent, magnitude = _normal(exponent, magnitude)
    return _pack(sign, exponent, magnitude, bits, rm, fcsr)


@hot
def narrow(a, rm, bits, fcsr):
    """Double to single."""
    never_inline()
    if _is_nan(a, 64):
        if _is_signalling(a, 64):
            _raise(fcsr, NV)
        return _canonical(32)
    if _magnitude(a, 64) == _infinity(64):
        return _signed(_infinity(32), _sign(a, 64), 32)
    if _magnitude(a, 64) == 0:
        return _signed(0, _sign(a, 64), 32)
    exponent, significand = _unpack(a, 64)
    return _pack(_sign(a, 64), exponent, significand, 32, rm, fcsr)


@hot
def widen(a, rm, bits, fcsr):
    """Single to double."""
    never_inline()
    a = _open(a, 32)
    if _is_nan(a, 32):
        if _is_signalling(a, 32):
            _raise(fcsr, NV)
        return _canonical(64)
    if _magnitude(a, 32) == _infinity(32):
        return _signed(_infinity(64), _sign(a, 32), 64)
    if _magnitude(a, 32) == 0:
        return _signed(0, _sign(a, 32), 64)
    exponent, significand = _unpack(a, 32)
    return _pack(_sign(a, 32), exponent, significand, 64, rm, fcsr)


@hot
def _least(kind):
    if kind == SIGNED_32:
        return -0x80000000
    return -_GREATEST - 1 if kind == SIGNED_64 else 0


@hot
def _most(kind):
    """As a pattern of 64 bits; 32-bit results are sign-extended later."""
    if kind == SIGNED_32:
        return 0x7FFFFFFF
    if kind == UNSIGNED_32:
        return 0xFFFFFFFF
    return _GREATEST if kind == SIGNED_64 else -1


@hot
def _saturated(value, kind, fcsr):
    _raise(fcsr, NV)
    return -1 if kind == UNSIGNED_32 and value != 0 else value


@hot
def to_integer(a, kind, rm, bits, fcsr):
    """Round to an integer; out of range gives the nearest bound and NV, NaN the greatest."""
    never_inline()
    a = _open(a, bits)
    sign = _sign(a, bits)
    if _is_nan(a, bits):
        return _saturated(_most(kind), kind, fcsr)
    if _magnitude(a, bits) == 0:
        return 0
    if _magnitude(a, bits) == _infinity(bits):
        return _saturated(_least(kind) if sign else _most(kind), kind, fcsr)
    exponent, significand = _unpack(a, bits)
    if exponent > 63:
        return _saturated(_least(kind) if sign else _most(kind), kind, fcsr)
    inexact = False
    if exponent > _TOP - 1:  # an integer: singles and doubles have no bits that low
        value = significand << (exponent - _TOP)
    else:
        drop = min(_TOP - exponent, 62)  # less than a quarter: all the same
        if _TOP - exponent > 62:
            significand = 1
        value = _round(sign, significand, drop, rm)
        inexact = significand & ((1 << drop) - 1) != 0
    # The magnitude, unsigned, against what the kind holds.
    limit = _negate(_least(kind)) if sign else _most(kind)
    if _unsigned_less(limit, value):
        return _saturated(_least(kind) if sign else _most(kind), kind, fcsr)
    _raise(fcsr, NX if inexact else 0)
    if sign:
        return _negate(value)
    return value - (1 << 32) if kind == UNSIGNED_32 and value >> 31 == 1 else value
