"""From an instruction's bits to its decoded word, driven by tables that are made from the rows.

The layout of a decoded word: words.py.  Bits that are no instruction become
OP_ILLEGAL with the bits as the immediate.
"""

import numpy as np

from ..hot import hot
from ..limits import PARCELS_PER_PAGE
from . import rows  # noqa: F401  (declares all instructions)
from .lower import float_operation
from .registers import SINK
from .table import FIRST_OP, OP_ILLEGAL, OP_REGION, ROWS, Piece, check
from .words import IMM_SHIFT, OP_MASK, RD_SHIFT, RM_MASK, RS1_SHIFT, RS2_SHIFT

_BUCKETS = 64

check()


def _twin_modes(row):
    """The static rounding modes of a row for which its fast arm is not made, as bits."""
    operation = float_operation(row)
    return sum(1 << mode for mode in range(8) if operation.needs_twin(mode)) if operation else 0


# Some rows have variants with ops of their own: a jump forward within its page, which needs no look at budget and
# interrupts, has the row's op, one backward and one into another page have others; and floating point in a rounding
# mode that the fast arm is not made for.
JUMP_ROWS = [row for row in ROWS if row.immediate == "offset"]
EXACT_ROWS = [row for row in ROWS if "rm" in row.fields and _twin_modes(row)]
_FIRST_BACK, _FIRST_FAR = FIRST_OP + len(ROWS), FIRST_OP + len(ROWS) + len(JUMP_ROWS)
_FIRST_EXACT = _FIRST_FAR + len(JUMP_ROWS)
BACK_OPS = {row.name: _FIRST_BACK + n for n, row in enumerate(JUMP_ROWS)}
FAR_OPS = {row.name: _FIRST_FAR + n for n, row in enumerate(JUMP_ROWS)}
EXACT_OPS = {row.name: _FIRST_EXACT + n for n, row in enumerate(EXACT_ROWS)}

assert _FIRST_EXACT + len(EXACT_ROWS) <= OP_REGION


def _pieces(row):
    """The pieces that make up the immediate of a decoded word."""
    pieces = list(row.fields[row.immediate]) if row.immediate else []
    if "rm" in row.fields:
        pieces.append(Piece(row.fields["rm"][0].source, 3, 0))
    if "fs3" in row.fields:
        pieces.append(Piece(row.fields["fs3"][0].source, 5, 8))
    return pieces


def _slot(row, name):
    """(shift, mask, base): number = (bits >> shift & mask) + base."""
    slot = row.slots.get(name)
    if slot is None:
        return 0, 0, 0
    if not slot.field:
        return 0, 0, slot.constant
    piece = row.fields[slot.field][0]
    return piece.source, (1 << piece.width) - 1, 8 if slot.field.endswith("'") else 0


def _bucket(bits):
    return 32 + (bits >> 2 & 31) if bits & 3 == 3 else (bits & 3) << 3 | (bits >> 13 & 7)


def _tables():
    """One line per row, the pieces of all immediates, and the rows of each bucket."""
    lines, pieces, buckets = [], [], [[] for _ in range(_BUCKETS)]
    for row in ROWS:
        first = len(pieces)
        pieces += [(p.source, (1 << p.width) - 1, p.target) for p in _pieces(row)]
        unless = (*row.unless, (0, -1), (0, -1))[:2]
        signed = row.immediate and row.signed(row.immediate)
        sign = 1 << (row.width(row.immediate) - 1) if signed else 0
        sink = "rd" in row.slots and "rd" not in row.floats
        lines.append(
            (row.mask, row.match, *unless[0], *unless[1], *_slot(row, "rd"), *_slot(row, "rs1"),
             *_slot(row, "rs2"), int(sink), first, len(pieces), sign, row.op)
        )  # fmt: skip
        buckets[_bucket(row.match)].append(len(lines) - 1)
    first, candidates = [0], []
    for bucket in buckets:
        candidates += bucket
        first.append(len(candidates))
    return tuple(np.array(t, dtype=np.int64) for t in (lines, pieces, first, candidates))


_LINES, _PIECES, _FIRST, _CANDIDATES = _tables()


def _variants():
    """For each op, that of its variant, 0 for none, and the rounding modes that need the variant, as bits."""
    variants, modes = (np.zeros(OP_MASK + 1, dtype=np.int64) for _ in range(2))
    for row in JUMP_ROWS:
        variants[row.op] = BACK_OPS[row.name]
    for row in EXACT_ROWS:
        variants[row.op] = EXACT_OPS[row.name]
        modes[row.op] = _twin_modes(row)
    return variants, modes


_VARIANTS, _MODES = _variants()
_NR_JUMPS = len(JUMP_ROWS)  # from the variant of a jump backward to that of one into another page


@hot
def _number(line, column, bits):
    return ((bits >> line[column]) & line[column + 1]) + line[column + 2]


@hot
def _pack(line, bits):
    rd = _number(line, 6, bits)
    if rd == 0 and line[15] != 0:
        rd = SINK
    imm = 0
    for n in range(line[16], line[17]):
        imm |= ((bits >> _PIECES[n, 0]) & _PIECES[n, 1]) << _PIECES[n, 2]
    imm = (imm ^ line[18]) - line[18]
    return (
        line[19]
        | rd << RD_SHIFT
        | _number(line, 9, bits) << RS1_SHIFT
        | _number(line, 12, bits) << RS2_SHIFT
        | imm << IMM_SHIFT
    )


@hot
def decode(bits):
    """The decoded word of an instruction; `bits` is 16 or 32 bits wide, zero-extended."""
    bucket = 32 + ((bits >> 2) & 31) if bits & 3 == 3 else (bits & 3) << 3 | ((bits >> 13) & 7)
    for n in range(_FIRST[bucket], _FIRST[bucket + 1]):
        line = _LINES[_CANDIDATES[n]]
        if bits & line[0] == line[1] and bits & line[2] != line[3] and bits & line[4] != line[5]:
            return _pack(line, bits)
    return OP_ILLEGAL | bits << IMM_SHIFT


@hot
def decode_in_place(bits, i):
    """The decoded word of an instruction at parcel `i` of its page, variants chosen."""
    word = decode(bits)
    op = word & OP_MASK
    if _VARIANTS[op] == 0:
        return word
    if _MODES[op] != 0:
        wanted = (_MODES[op] >> ((word >> IMM_SHIFT) & RM_MASK)) & 1 != 0
        return word & ~OP_MASK | _VARIANTS[op] if wanted else word
    target = i + (word >> (IMM_SHIFT + 1))
    if target < 0 or target >= PARCELS_PER_PAGE:
        return word & ~OP_MASK | (_VARIANTS[op] + _NR_JUMPS)
    return word & ~OP_MASK | _VARIANTS[op] if target <= i else word


def row_of(bits):
    """The row that an instruction's bits belong to, or None (cold)."""
    if bits & 3 != 3:
        bits &= 0xFFFF
    for n in range(_FIRST[_bucket(bits)], _FIRST[_bucket(bits) + 1]):
        row = ROWS[_CANDIDATES[n]]
        if row.matches(bits):
            return row
    return None
