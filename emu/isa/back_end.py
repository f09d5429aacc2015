"""What makes code of an instruction's body: the interface that the interpreter and the translator implement.

A body (table.py) computes values and has effects (effects.py).  `BackEnd.body` walks it: lower.py turns expressions
into LLVM code of `builder`, and what is no plain expression comes here, each by a method of its own.  The interpreter's
client finds operands by a decoded word's register numbers (interpreter/arms.py); the translator's knows them, and
notes effects to be filled in later (translator/templates.py).

All values are i64, but for truth values (i1) in `branch`.
"""

import ast

from .lower import Lowering
from .operations import I64

LOADS = {f"load_{kind}": (bits // 8, kind[0] == "s") for kind, bits in (
    ("s8", 8), ("u8", 8), ("s16", 16), ("u16", 16), ("s32", 32), ("u32", 32), ("64", 64))}  # fmt: skip
STORES = {f"store_{bits}": bits // 8 for bits in (8, 16, 32, 64)}


class BackEnd:
    """`row`: the instruction; `builder`: where its code goes."""

    def __init__(self, row, builder):
        self.row, self.builder = row, builder

    # --- values ------------------------------------------------------------------------

    def operand(self, name):
        """The value of one of the body's parameters (effects.py)."""
        raise NotImplementedError

    def result(self, value):
        """The value is that of rd or fd."""
        raise NotImplementedError

    def floating(self, operation, values):
        """The result of a FloatOperation, whose flags are raised."""
        raise NotImplementedError

    def call(self, function, *values):
        """The result of a hot function."""
        raise NotImplementedError

    # --- effects: size in bytes, addresses are the guest's ------------------------------

    def load(self, size, signed, address):
        raise NotImplementedError

    def store(self, size, address, value):
        raise NotImplementedError

    def effect(self, name, values):
        """Any other verb of effects.py; its value, if it has one. Constants of the body come as Python's."""
        raise NotImplementedError

    # --- the body ----------------------------------------------------------------------

    def verb(self, name, nodes):
        """A verb in the body; `nodes` are its arguments."""
        values = [node.value if isinstance(node, ast.Constant) else self.lowering.value(node) for node in nodes]
        if name in LOADS:
            return self.load(*LOADS[name], *values)
        if name in STORES:
            return self.store(STORES[name], *values)
        return self.effect(name, values)

    def body(self):
        """Make the code of the whole body."""
        operands = {name: self.operand(name) for name in self.row.parameters}
        self.lowering = Lowering(self, operands, self.row.names)
        *statements, last = self.row.body.body
        for statement in statements:
            self.lowering.value(statement.value)
        value = self.lowering.value(last.value)
        if isinstance(last, ast.Return) and value is not None:
            self.result(value if value.type == I64 else self.builder.zext(value, I64))
