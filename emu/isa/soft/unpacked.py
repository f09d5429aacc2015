"""Floating-point numbers as integers: formats, unpacking, rounding, packing (hot). For arithmetic.py and conversion.py.

`raw` are the bits of a float, zero-extended when single; `bits` is 32 or 64, `rm` a rounding mode 0 to 4,
`fcsr` the address of the word that accrues the flags.

A finite number that is not zero is unpacked as sign, exponent e and significand s with
2**61 <= s < 2**62, value s * 2**(e - 61).  Bits shifted out of s leave a 1 in its lowest bit (`jammed`), which is
far below the bits that rounding looks at.  Tininess is detected after rounding.  Results that are NaN are canonical.
"""

from ...hot import hot, never_inline
from ...shm.memory import get, put
from ..arithmetic import shift_right

NX, UF, OF, DZ, NV = 1, 2, 4, 8, 16
RNE, RTZ, RDN, RUP, RMM = range(5)

TOP = 61
ONE = 1 << TOP
LIMB = (1 << 62) - 1
BOX = -1 << 32
GREATEST = 0x7FFFFFFFFFFFFFFF
_shift_right = shift_right.hot


@hot
def raise_flags(fcsr, flags):
    if flags != 0:
        put(fcsr, get(fcsr) | flags)


@hot
def fraction_width(bits):
    return 52 if bits == 64 else 23


@hot
def largest_exponent(bits):
    return 0x7FF if bits == 64 else 0xFF


@hot
def opened(register, bits):
    """The bits of a float, zero-extended when single; an unboxed single is the canonical NaN."""
    if bits == 64:
        return register
    return register & 0xFFFFFFFF if register >> 32 == -1 else 0x7FC00000


@hot
def closed(raw, bits):
    return raw if bits == 64 else raw | BOX


@hot
def canonical_nan(bits):
    return 0x7FF8000000000000 if bits == 64 else BOX | 0x7FC00000


@hot
def sign_of(raw, bits):
    return _shift_right(raw, bits - 1) & 1


@hot
def magnitude_of(raw, bits):
    return raw & GREATEST if bits == 64 else raw & 0x7FFFFFFF


@hot
def infinity_of(bits):
    return largest_exponent(bits) << fraction_width(bits)


@hot
def is_nan(raw, bits):
    return magnitude_of(raw, bits) > infinity_of(bits)


@hot
def is_signalling(raw, bits):
    return is_nan(raw, bits) and (raw >> (fraction_width(bits) - 1)) & 1 == 0


@hot
def signed_magnitude(raw, sign, bits):
    """A magnitude with a sign, as a register."""
    return closed(raw | sign << (bits - 1), bits)


@hot
def unpacked(raw, bits):
    """(exponent, significand) of a finite number that is not zero."""
    fraction_bits = fraction_width(bits)
    fraction = raw & ((1 << fraction_bits) - 1)
    biased = (raw >> fraction_bits) & largest_exponent(bits)
    bias = largest_exponent(bits) >> 1
    if biased != 0:
        return biased - bias, (fraction | 1 << fraction_bits) << (TOP - fraction_bits)
    return normalised(1 - bias, fraction << (TOP - fraction_bits))


@hot
def normalised(exponent, significand):
    """Move the highest bit of a significand, 0 < it < 2**62, to where it belongs."""
    while significand < ONE:
        significand <<= 1
        exponent -= 1
    return exponent, significand


@hot
def jammed(value, count):
    """value >> count, the lowest bit set if anything was shifted out; 0 <= value."""
    if count <= 0:
        return value
    if count > 62:
        return 1 if value != 0 else 0
    return value >> count | (1 if value & ((1 << count) - 1) != 0 else 0)


@hot
def rounded(sign, significand, drop, rm):
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
def packed(sign, exponent, significand, bits, rm, fcsr):
    """Round an unpacked number to a register; raises OF, UF, NX."""
    never_inline()
    fraction_bits = fraction_width(bits)
    largest = largest_exponent(bits)
    drop = TOP - fraction_bits
    biased = exponent + (largest >> 1)
    inexact = NX if significand & ((1 << drop) - 1) != 0 else 0
    if biased >= 1:
        # The hidden bit adds one to the exponent, and so does a carry out of the fraction.
        raw = ((min(biased, largest - 1) - 1) << fraction_bits) + rounded(sign, significand, drop, rm)
        if biased >= largest or raw >= infinity_of(bits):
            raise_flags(fcsr, OF | NX)
            if rm == RTZ or (rm == RDN and sign == 0) or (rm == RUP and sign != 0):
                raw = infinity_of(bits) - 1
            else:
                raw = infinity_of(bits)
        else:
            raise_flags(fcsr, inexact)
        return signed_magnitude(raw, sign, bits)
    tiny = biased < 0 or rounded(sign, significand, drop, rm) < 2 << fraction_bits
    shifted = jammed(significand, 1 - biased)
    if shifted & ((1 << drop) - 1) != 0:
        raise_flags(fcsr, UF | NX if tiny else NX)
    return signed_magnitude(rounded(sign, shifted, drop, rm), sign, bits)


@hot
def invalid(bits, fcsr):
    raise_flags(fcsr, NV)
    return canonical_nan(bits)


@hot
def quiet_nan(a, b, c, bits, fcsr):
    """The result when an operand is NaN."""
    if is_signalling(a, bits) or is_signalling(b, bits) or is_signalling(c, bits):
        raise_flags(fcsr, NV)
    return canonical_nan(bits)


@hot
def cancelled(sign_a, sign_b, bits, rm):
    """The sum of two numbers that cancel."""
    if sign_a == sign_b:
        return signed_magnitude(0, sign_a, bits)
    return signed_magnitude(0, 1 if rm == RDN else 0, bits)
