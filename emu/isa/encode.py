"""Instructions from operands: the inverse of decoding, for tests and small programs (cold)."""

from . import decode  # noqa: F401 (declares the rows)
from .table import BY_NAME


class EncodeError(ValueError):
    """An operand does not fit its field."""


def _place(row, name, value):
    pieces = row.fields[name]
    stored = value - 8 if name.endswith("'") else value
    bits = sum(p.place(stored) for p in pieces)
    if row.value(name, bits) != value:
        raise EncodeError(f"{row.name}: {name} = {value} does not fit")
    return bits


def encode(name, *operands, **fields):
    """Bits of an instruction: operands in the order of the assembly form, or by field.

    encode("addi", 10, 10, 1); encode("c.lw", **{"rd'": 8, "uimm": 4, "rs1'": 9}).
    Fields left out are 0. EncodeError when one does not fit.
    """
    row = BY_NAME[name]
    named = [operand for operand in row.operands if operand in row.fields]
    if len(operands) > len(named):
        raise EncodeError(f"{name} takes {named}, not {len(operands)} operands")
    given = dict(zip(named, operands, strict=False)) | fields
    bits = row.match
    for field, value in given.items():
        if field not in row.fields:
            raise EncodeError(f"{name} has no field {field!r}, only {sorted(row.fields)}")
        bits |= _place(row, field, value)
    if not row.matches(bits):
        raise EncodeError(f"{name}: {given} is a reserved encoding")
    return bits


def assemble(*instructions):
    """Bytes of a program: bits, each 2 or 4 bytes long."""
    return b"".join(bits.to_bytes(4 if bits & 3 == 3 else 2, "little") for bits in instructions)
