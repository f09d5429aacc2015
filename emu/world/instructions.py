"""What an instruction reads, writes and does to memory, by the op of its decoded word: tables made from the rows."""

import numpy as np

from ..isa.decode import BACK_OPS, EXACT_OPS, FAR_OPS
from ..isa.table import ROWS
from ..isa.words import OP_MASK

PLAIN, LOAD, STORE, ATOMIC, LOAD_RESERVED, STORE_CONDITIONAL, FENCE, OTHER_MEMORY = range(8)
NONE, FIELD = -2, -1  # of a register: it has none; its number is in the word
FLOATS = 32  # numbers of floating-point registers begin here
SIGNED = 1 << 8

KIND = np.zeros(OP_MASK + 1, np.int64)
SIZE = np.zeros(OP_MASK + 1, np.int64)  # of a load or store in bytes, with SIGNED
LENGTH = np.zeros(OP_MASK + 1, np.int64)  # of the instruction in bytes
READS_1, READS_2, WRITES = (np.full(OP_MASK + 1, NONE, np.int64) for _ in range(3))
IS_FLOAT_1, IS_FLOAT_2, IS_FLOAT_RD = (np.zeros(OP_MASK + 1, np.int64) for _ in range(3))


def _kind_and_size(row):
    code = row.function.__code__
    verbs = set(code.co_names)
    words = [constant for constant in code.co_consts if constant in (32, 64)]
    for verb, kind in (("amo", ATOMIC), ("load_reserved", LOAD_RESERVED), ("store_conditional", STORE_CONDITIONAL)):
        if verb in verbs:
            return kind, words[0] // 8
    if "order_memory" in verbs:
        return FENCE, 0
    if verbs & {"zero_block", "manage_block"}:
        return OTHER_MEMORY, 0
    for verb in verbs:
        name, _, bits = verb.rpartition("_")
        if name in ("load", "store") and bits.lstrip("su").isdigit():
            return (LOAD if name == "load" else STORE), int(bits.lstrip("su")) // 8 + SIGNED * bits.startswith("s")
    return PLAIN, 0


def _register(row, slot):
    declared = row.slots.get(slot)
    if declared is None or declared.field == "zimm":
        return NONE
    return FIELD if declared.field else declared.constant


for _row in ROWS:
    _variants = (names.get(_row.name) for names in (BACK_OPS, FAR_OPS, EXACT_OPS))  # the same, at another place
    for _op in (_row.op, *filter(None, _variants)):
        KIND[_op], SIZE[_op] = _kind_and_size(_row)
        LENGTH[_op] = _row.length
        READS_1[_op], READS_2[_op] = _register(_row, "rs1"), _register(_row, "rs2")
        WRITES[_op] = _register(_row, "rd")
        IS_FLOAT_1[_op], IS_FLOAT_2[_op] = "rs1" in _row.floats, "rs2" in _row.floats
        IS_FLOAT_RD[_op] = "rd" in _row.floats
