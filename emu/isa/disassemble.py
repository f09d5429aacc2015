"""Instructions as text (cold): for trap reports, traces and test failures."""

import re

from .decode import row_of
from .registers import CSR_NAMES, F_NAMES, ROUNDING_NAMES, X_NAMES


def length(bits):
    """Bytes of the instruction that begins with these bits: 2 or 4."""
    return 4 if bits & 3 == 3 else 2


def _operand(row, name, bits, pc):
    value = row.value(name, bits)
    plain = name.rstrip("'")
    if plain in ("rd", "rs1", "rs2"):
        return X_NAMES[value]
    if plain in ("fd", "fs1", "fs2", "fs3"):
        return F_NAMES[value]
    if plain == "offset":
        return f"{pc + value:#x}"
    if plain == "upper":
        return f"{value >> 12 & 0xFFFFF:#x}"
    if plain == "csr":
        return CSR_NAMES.get(value, f"{value:#x}")
    if plain == "rm":
        return ROUNDING_NAMES[value]
    return str(value)


def disassemble(bits, pc=0):
    """One instruction, with ABI register names and absolute branch targets."""
    row = row_of(bits)
    if row is None:
        return f".insn {length(bits)}, {bits & (0xFFFFFFFF if length(bits) == 4 else 0xFFFF):#x}"
    name = row.name
    if "aq" in row.fields:
        name += ("", ".rl", ".aq", ".aqrl")[row.value("aq", bits) << 1 | row.value("rl", bits)]

    def replace(match):
        return _operand(row, match[0], bits, pc) if match[0] in row.fields else match[0]

    text = f"{name} {re.sub(r'[a-z][a-z0-9]*' + chr(39) + '?', replace, row.assembly)}".rstrip()
    return text.removesuffix(", dyn")
