"""Numba's type of the arrays of words that programs in Python have: array[k], array[k] = x, len(array).

The type knows the length, so that an index is compared with a constant; the value is the address.
"""

import operator

from llvmlite import ir
from numba.core import datamodel, types
from numba.core.imputils import lower_builtin, lower_constant
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from .guest_build import building, word_pointer

_I64 = ir.IntType(64)


class WordsType(types.Type):
    """Numba's type of an array of `count` words; its value is the address."""

    def __init__(self, count):
        self.count = count
        super().__init__(name=f"words({count})")


class _WordsModel(datamodel.models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _I64)


datamodel.register_default(WordsType)(_WordsModel)


@lower_constant(WordsType)
def _words_constant(context, builder, kind, words):
    name = building[-1].symbol_of_words(words)
    found = builder.module.globals.get(name)
    if found is None:
        found = ir.GlobalVariable(builder.module, ir.ArrayType(_I64, kind.count), name)
    return found.ptrtoint(_I64)


@infer_global(operator.getitem)
class _GetWord(AbstractTemplate):
    def generic(self, args, kws):
        if isinstance(args[0], WordsType) and isinstance(args[1], types.Integer):
            return signature(types.int64, args[0], types.int64)
        return None


@infer_global(operator.setitem)
class _SetWord(AbstractTemplate):
    def generic(self, args, kws):
        if isinstance(args[0], WordsType) and all(
            isinstance(each, (types.Integer, types.Boolean)) for each in args[1:]
        ):
            return signature(types.none, args[0], types.int64, types.int64)
        return None


@infer_global(len)
class _CountWords(AbstractTemplate):
    def generic(self, args, kws):
        return signature(types.int64, args[0]) if isinstance(args[0], WordsType) else None


@lower_builtin(operator.getitem, WordsType, types.Integer)
def _get_word(context, builder, signature, args):
    return builder.load(word_pointer(context, builder, signature.args[0], *args))


@lower_builtin(operator.setitem, WordsType, types.Integer, types.Integer)
def _set_word(context, builder, signature, args):
    builder.store(args[2], word_pointer(context, builder, signature.args[0], *args[:2]))
    return context.get_dummy_value()


@lower_builtin(len, WordsType)
def _count_words(context, builder, signature, args):
    return _I64(signature.args[0].count)
