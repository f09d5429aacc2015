"""Turns the expressions of an instruction's body into LLVM code.

Values are 64-bit integers (i64) and truth values (i1).  Names are looked up among the
instruction's operands, then among the globals of the file that holds the row: there, an
operation (operations.py) is inlined and a hot function is called.
"""

import ast

from .operations import I64, Operation
from .soft.floats import FloatOperation

_BINARY = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor",
    ast.LShift: "shl", ast.RShift: "ashr",
}  # fmt: skip
_COMPARISON = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


class LoweringError(Exception):
    """A body uses something that instructions cannot."""


class Lowering:
    """Expressions into the code of `builder`.

    `operands`: name -> value; `names`: the globals of the row's file.  What is no plain expression is left to
    the arm: `arm.verb(name, nodes)`, `arm.floating(operation, values)`, `arm.call(function, *values)`.
    """

    def __init__(self, arm, operands, names):
        self.arm, self.builder, self.operands, self.names = arm, arm.builder, operands, names

    def value(self, node):
        """The value of an expression (None from a verb that has none)."""
        return getattr(self, "_" + type(node).__name__, self._unknown)(node)

    def integer(self, node):
        """The value as i64."""
        value = self.value(node)
        return value if value.type == I64 else self.builder.zext(value, I64)

    def _unknown(self, node):
        raise LoweringError(f"{ast.unparse(node)!r} is no expression of an instruction body")

    def _Constant(self, node):
        return I64(node.value)

    def _Name(self, node):
        if node.id in self.operands:
            return self.operands[node.id]
        known = self.names[node.id]
        return I64(known) if isinstance(known, int) else self._unknown(node)

    def _BinOp(self, node):
        return getattr(self.builder, _BINARY[type(node.op)])(self.value(node.left), self.value(node.right))

    def _UnaryOp(self, node):
        value = self.value(node.operand)
        return self.builder.neg(value) if isinstance(node.op, ast.USub) else self.builder.not_(value)

    def _Compare(self, node):
        comparison = _COMPARISON[type(node.ops[0])]
        return self.builder.icmp_signed(comparison, self.value(node.left), self.value(node.comparators[0]))

    def _IfExp(self, node):
        return self.builder.select(*(self.value(part) for part in (node.test, node.body, node.orelse)))

    def _Call(self, node):
        name = node.func.id
        if name == "int":
            return self.integer(node.args[0])
        known = self.names[name]
        if isinstance(known, Operation):
            return known.build(self.builder, *(self.value(a) for a in node.args))
        if isinstance(known, FloatOperation):
            return self.arm.floating(known, [self.integer(a) for a in node.args])
        if hasattr(known, "py_func"):
            return self.arm.call(known, *(self.integer(a) for a in node.args))
        return self.arm.verb(name, node.args)


def float_operation(row):
    """The FloatOperation that a row's body calls, or None."""
    called = (row.names.get(name) for name in row.function.__code__.co_names)
    return next((found for found in called if isinstance(found, FloatOperation)), None)
