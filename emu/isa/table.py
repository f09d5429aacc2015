"""The instruction table: each instruction declared once, everything else derived.

    @insn("addi rd, rs1, imm", "imm:12 rs1 000 rd 0010011")
    def addi(a, imm):
        return a + imm

The first string is the assembly form, the second the encoding from the most
significant bit down: binary digits (`-`: ignored), registers (rd, rs1, rs2, fd,
fs1, fs2, fs3; with ' the three-bit ones of compressed instructions), `rm`, `aq`,
`rl`, and immediates with the bits they hold: `imm[11:5]`, `offset[12|10:5]`,
`imm:12` = `imm[11:0]`.  imm, offset (relative to pc) and upper are signed; uimm,
shamt and csr are not; zimm travels in the place of rs1.  `unless="rd=0"` excludes
patterns.  What a body may contain: see effects.py.

A compressed instruction is a row of its own, with the body of another one:

    compressed("c.addi rd, imm", "000 imm[5] rd imm[4:0] 01", "addi rd, rd, imm")

Always: no two rows match the same bits (`check`, run when isa/decode.py is
imported), and op numbers are dense from FIRST_OP in the order of declaration.
"""

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

# Ops of decoded words that are no instruction.
OP_UNDECODED = 0  # the word of fresh memory
OP_ILLEGAL = 1
OP_PAGE_END = 2  # behind a page's last parcel
OP_STRADDLE = 3  # a 4-byte instruction that begins in a page's last parcel
FIRST_OP = 4
OP_REGION = 1016  # an entry of translated code, whose number is the immediate (translator/)
OP_BREAK = 1017  # a debugger's breakpoint, in the place of an instruction (cpu_worker/breakpoints.py)

_SIGNED = {"imm": True, "offset": True, "upper": True, "uimm": False, "shamt": False, "csr": False}
_REGISTERS = {"rd": "rd", "rs1": "rs1", "rs2": "rs2", "fd": "rd", "fs1": "rs1", "fs2": "rs2", "zimm": "rs1"}


class TableError(Exception):
    """A row is malformed, or two rows overlap."""


@dataclass(frozen=True)
class Piece:
    """`width` bits of the instruction from bit `source` are bits of a field from bit `target`."""

    source: int
    width: int
    target: int

    @property
    def mask(self):
        return ((1 << self.width) - 1) << self.source

    def take(self, bits):
        return ((bits >> self.source) & ((1 << self.width) - 1)) << self.target

    def place(self, value):
        return ((value >> self.target) & ((1 << self.width) - 1)) << self.source


@dataclass(frozen=True)
class Slot:
    """One of the three register numbers of a decoded word: a field of the instruction, or a constant."""

    field: str = ""  # "" : constant
    constant: int = 0


@dataclass
class Row:
    name: str
    op: int
    assembly: str  # what follows the name
    length: int  # bytes
    mask: int
    match: int
    fields: dict  # name -> pieces, least significant first
    unless: tuple  # (mask, value) pairs that are not this instruction
    slots: dict  # rd, rs1, rs2 -> Slot; those that the body uses
    immediate: str  # the field that is the immediate, or ""
    function: Callable  # what it does
    base: "Row" = None  # of a compressed instruction: the one it stands for
    floats: frozenset = field(default_factory=frozenset)  # slots that are floating-point registers

    def matches(self, bits):
        return bits & self.mask == self.match and all(bits & m != v for m, v in self.unless)

    def value(self, name, bits):
        """The value of a field; three-bit registers are already those of the whole file."""
        pieces = self.fields[name]
        number = sum(p.take(bits) for p in pieces)
        if name.endswith("'"):
            return number + 8
        if _SIGNED.get(name) and number >> (self.width(name) - 1):
            number -= 1 << self.width(name)
        return number

    def width(self, name):
        """One more than the field's highest bit."""
        return max(p.target + p.width for p in self.fields[name])

    def signed(self, name):
        return _SIGNED.get(name, False)

    @property
    def operands(self):
        return re.findall(r"[a-z][a-z0-9]*'?", self.assembly)

    @functools.cached_property
    def body(self):
        """The function as ast.FunctionDef. Only who compiles it needs that; to parse all takes longer than the rest."""
        return ast.parse(textwrap.dedent(inspect.getsource(self.function))).body[0]

    @property
    def names(self):
        """What the body's names mean: its file's globals."""
        return self.function.__globals__

    @property
    def parameters(self):
        return [a.arg for a in self.body.args.args]


ROWS = []
BY_NAME = {}


def _ranges(text):
    """'12|10:5' as (high, low) pairs."""
    for part in text.split("|"):
        high, _, low = part.partition(":")
        yield int(high), int(low or high)


def _parse_encoding(name, encoding):
    """Mask, match, fields and length in bytes."""
    items = []  # (width, literal or None, field, target)
    for token in encoding.split():
        if re.fullmatch(r"[01-]+", token):
            items.append((len(token), token, None, 0))
            continue
        plain, _, count = token.partition(":")
        bracket = re.fullmatch(r"(\w+)\[([\d:|]+)\]", token)
        if bracket:
            items += [(h - lo + 1, None, bracket[1], lo) for h, lo in _ranges(bracket[2])]
        elif "[" not in token and count:
            items.append((int(count), None, plain, 0))
        elif token in ("rm", "aq", "rl"):
            items.append((3 if token == "rm" else 1, None, token, 0))
        elif token in _REGISTERS or token == "fs3":
            items.append((5, None, token, 0))
        elif token.endswith("'") and token[:-1] in _REGISTERS:
            items.append((3, None, token, 0))
        else:
            raise TableError(f"{name}: cannot read {token!r} in the encoding")
    size = sum(width for width, *_ in items)
    if size not in (16, 32):
        raise TableError(f"{name}: the encoding has {size} bits, not 16 or 32")
    mask = match = 0
    fields = {}
    position = size
    for width, literal, field_name, target in items:
        position -= width
        if literal is None:
            fields.setdefault(field_name, []).insert(0, Piece(position, width, target))
            continue
        for n, digit in enumerate(reversed(literal)):
            if digit != "-":
                mask |= 1 << (position + n)
                match |= int(digit) << (position + n)
    return mask, match, {k: tuple(v) for k, v in fields.items()}, size // 8


def _parse_unless(name, fields, text):
    """'rd=0, imm=0' as (mask, value) pairs."""
    pairs = []
    for clause in filter(None, (c.strip() for c in text.split(","))):
        field_name, _, number = clause.partition("=")
        pieces = fields[field_name]
        pairs.append((sum(p.mask for p in pieces), sum(p.place(int(number)) for p in pieces)))
    if "rm" in fields:  # rounding modes 5 and 6 are reserved
        pairs += [(fields["rm"][0].mask, fields["rm"][0].place(mode)) for mode in (5, 6)]
    if len(pairs) > 2:
        raise TableError(f"{name}: the decoder has room for two exclusions, not {len(pairs)}")
    return tuple(pairs)


def _immediate(fields):
    return next((name for name in fields if name in _SIGNED), "")


def _add(row):
    if row.name in BY_NAME:
        raise TableError(f"{row.name} is declared twice")
    ROWS.append(row)
    BY_NAME[row.name] = row


def insn(form, encoding, unless=""):
    """Declare an instruction; the function below is what it does."""
    name, _, assembly = form.partition(" ")

    def declare(function):
        mask, match, fields, length = _parse_encoding(name, encoding)
        registers = {_REGISTERS[f]: f for f in fields if f in _REGISTERS}
        _add(
            Row(
                name=name,
                op=FIRST_OP + len(ROWS),
                assembly=assembly,
                length=length,
                mask=mask,
                match=match,
                fields=fields,
                unless=_parse_unless(name, fields, unless),
                slots={slot: Slot(f) for slot, f in registers.items()},
                immediate=_immediate(fields),
                function=function,
                floats=frozenset(s for s, f in registers.items() if f.startswith("f")),
            )  # fmt: skip
        )
        return function

    return declare


def compressed(form, encoding, expansion, unless=""):
    """Declare a 2-byte instruction that does what `expansion`, an instruction declared before, does."""
    name, _, assembly = form.partition(" ")
    mask, match, fields, length = _parse_encoding(name, encoding)
    base_name, *given = re.findall(r"[^\s,()]+", expansion)
    base = BY_NAME[base_name]
    if len(given) != len(base.operands):
        raise TableError(f"{name}: {expansion!r} does not fit {base.name} {base.assembly}")
    slots = {}
    for operand, value in zip(base.operands, given, strict=True):
        if operand not in _REGISTERS:
            continue  # the immediate: this row's own, or 0
        constant = re.fullmatch(r"x(\d+)", value)
        slots[_REGISTERS[operand]] = Slot(constant=int(constant[1])) if constant else Slot(value)
    _add(
        Row(
            name=name,
            op=FIRST_OP + len(ROWS),
            assembly=assembly,
            length=length,
            mask=mask,
            match=match,
            fields=fields,
            unless=_parse_unless(name, fields, unless),
            slots=slots,
            immediate=_immediate(fields),
            function=base.function,
            base=base,
            floats=base.floats,
        )  # fmt: skip
    )


def _overlap(a, b):
    """Whether two of the same length, with no bit in which both are fixed and differ, share a pattern."""
    mask, match = a.mask | b.mask, a.match | b.match
    return not any(m & ~mask == 0 and match & m == v for m, v in a.unless + b.unless)


def check():
    """Raise TableError unless every pattern of bits is at most one instruction."""
    earlier = {2: [], 4: []}  # by length, as (match, mask, row): whoever imports the table waits for this
    for a in ROWS:
        match, mask, others = a.match, a.mask, earlier[a.length]
        for b_match, b_mask, b in others:
            if not (match ^ b_match) & mask & b_mask and _overlap(a, b):
                raise TableError(f"{a.name} and {b.name} match the same bits")
        others.append((match, mask, a))
        if (a.match & 3 == 3) != (a.length == 4):
            raise TableError(f"{a.name}: the two lowest bits do not say {a.length} bytes")
