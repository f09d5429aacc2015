"""Running one instruction on given operands, for the tests of the extensions.

A test file of an extension maps each of its rows to what it should compute, written down a second time in plain
Python on unsigned 64-bit integers; `check` runs the row on all pairs of CORNERS.  Rows of other shapes have lines of
their own.
`rows` are a file's rows; tests/isa/test_coverage.py sees to it that every row of the table is in some file.
"""

import re
import struct

from emu.isa.encode import assemble, encode
from emu.isa.table import BY_NAME
from emu.shm.exits import EXIT_ECALL
from tests.isa.harness import BASE

MASK = (1 << 64) - 1
CORNERS = (
    0, 1, 2, 31, 32, 33, 63, 64, 0x7F, 0x80, 0xFF00, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, 0x0123456789ABCDEF,
    (1 << 63) - 1, 1 << 63, (1 << 63) + 1, MASK - 1, MASK,
)  # fmt: skip
RD, RS1, RS2 = 8, 9, 10  # also registers of compressed instructions
DATA = BASE + 0x4000
FLAGS = {"NX": 1, "UF": 2, "OF": 4, "DZ": 8, "NV": 16}
MODES = {"rne": 0, "rtz": 1, "rdn": 2, "rup": 3, "rmm": 4}


def signed(value, bits=64):
    value &= (1 << bits) - 1
    return value - (value >> (bits - 1) << bits)


def word(value):
    """The low 32 bits, sign-extended, as unsigned 64."""
    return signed(value, 32) & MASK


def register(value):
    return signed(value)


def run(bare, bits, **state):
    """Registers after one instruction; `state`: x9=…, f1=…, fcsr=…"""
    bare.load(BASE, assemble(bits, encode("ecall")))
    for name, value in state.items():
        if name == "fcsr":
            bare.thread["fcsr"] = value
        else:
            (bare.x if name[0] == "x" else bare.f)[int(name[1:])] = register(value)
    outcome = bare.run(pc=BASE)
    assert outcome.reason == EXIT_ECALL, outcome
    return outcome


def check(bare, name, expected, immediates=None):
    """A row `rd, rs1, rs2` (or rd, rs1; or rd, rs1, immediate) computes expected(a, b) for all corners."""
    row = BY_NAME[name]
    shape = re.findall(r"[a-z][a-z0-9]*", row.assembly)
    if shape == ["rd", "rs1"]:
        for a in CORNERS:
            result = run(bare, encode(name, RD, RS1), x9=a).x[RD]
            assert result & MASK == expected(a) & MASK, f"{name} {a:#x}: {result & MASK:#x}"
        return
    seconds = immediates if shape[2:] != ["rs2"] else CORNERS
    for b in seconds:
        bits = encode(name, RD, RS1, RS2 if shape[2:] == ["rs2"] else b)
        for a in CORNERS:
            result = run(bare, bits, x9=a, x10=b).x[RD]
            assert result & MASK == expected(a, b) & MASK, f"{name} {a:#x}, {b:#x}: {result & MASK:#x}"


# --- floating point ---------------------------------------------------------------------

_SPECIAL = {
    "s": {"nan": 0x7FC00000, "snan": 0x7F800001, "max": 0x7F7FFFFF, "min": 0x00800000, "tiny": 1},
    "d": {
        "nan": 0x7FF8000000000000, "snan": 0x7FF0000000000001, "max": 0x7FEFFFFFFFFFFFFF,
        "min": 0x0010000000000000, "tiny": 1,
    },
}  # fmt: skip


def number(text, kind):
    """Register contents of a number: of format s, d, or an integer (x)."""
    if kind == "x":
        return int(text, 0) & MASK
    box = MASK ^ 0xFFFFFFFF if kind == "s" else 0
    if text in _SPECIAL[kind]:
        return box | _SPECIAL[kind][text]
    if text.startswith("0x") and "p" not in text:
        return int(text, 16)  # the register's bits
    value = float.fromhex(text) if "p" in text else float(text)
    return box | int.from_bytes(struct.pack("<f" if kind == "s" else "<d", value), "little")


def check_float(bare, line):
    """'fadd.d 1 2 -> 3', 'fdiv.d 1 0 -> inf DZ', 'fadd.s rup 1 0x1p-30 -> 0x1.000002p0 NX'."""
    left, _, right = line.partition("->")
    name, *operands = left.split()
    result, *flags = right.split()
    row = BY_NAME[name]
    mode = MODES[operands.pop(0)] if operands[0] in MODES else 0
    formats = re.findall(r"\.([sdwlx]u?)(?=\.|$)", name)
    kinds = dict.fromkeys(("rd", "rs1", "rs2"), "x")
    for slot in row.floats:  # fcvt.s.d has two formats, the result's first
        named = [f for f in formats if f in ("s", "d")] or ["s"]
        kinds[slot] = named[0] if slot == "rd" else named[-1]
    state = {}
    for slot, text, n in zip(("rs1", "rs2", "rs3"), operands, (9, 10, 11), strict=False):
        in_float = slot == "rs3" or slot in row.floats
        state[f"{'f' if in_float else 'x'}{n}"] = number(text, kinds["rs1" if slot == "rs3" else slot])
    fields = [RD, *(9, 10, 11)[: len(operands)]] + ([mode] if "rm" in row.fields else [])
    for static in (True, False):
        if not static and "rm" in row.fields:
            fields[-1] = 7
        for before in (0, 1):  # with inexact raised before, the fast arm is tried
            outcome = run(bare, encode(name, *fields), fcsr=mode << 5 | before, **state)
            value = (outcome.f if "rd" in row.floats else outcome.x)[RD] & MASK
            raised = sum(FLAGS[f] for f in flags) | before
            assert (value, outcome.fcsr & 31) == (number(result, kinds["rd"]), raised), (
                f"{line}: {value:#x}, flags {outcome.fcsr & 31:#x}"
            )
