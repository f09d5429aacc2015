"""Operations of instruction bodies: pure functions of register contents, as LLVM code.

    @operation
    def word(builder, a):
        "The low 32 bits, sign-extended."
        return builder.sext(builder.trunc(a, I32), I64)

A body calls `word(a)`; lower.py calls it with a builder when it makes the arm.
Arguments are 64-bit integers, the result is one or a truth value (i1).  Hot code calls `word.hot(a)`.
"""

from functools import cached_property

from llvmlite import ir

from ..hot import intrinsic, types

I1, I32, I64, I128 = ir.IntType(1), ir.IntType(32), ir.IntType(64), ir.IntType(128)


class Operation:
    def __init__(self, build):
        self.build = build
        self.__doc__ = build.__doc__

    def __call__(self, *arguments):
        raise TypeError("an operation is not called but lowered; hot code calls its .hot")

    @cached_property
    def hot(self):
        """The same as a Numba intrinsic."""
        build, arity = self.build, self.build.__code__.co_argcount - 1

        def typed():
            def codegen(context, builder, signature, args):
                value = build(builder, *args)
                return builder.zext(value, I64) if value.type == I1 else value

            return types.int64(*(types.int64,) * arity), codegen

        if arity == 1:
            return intrinsic(lambda typingctx, a: typed())
        if arity == 2:
            return intrinsic(lambda typingctx, a, b: typed())
        return intrinsic(lambda typingctx, a, b, c: typed())


def operation(build):
    """Decorator: an operation from a function of a builder and its arguments."""
    return Operation(build)
