"""Borders: how a compiled function is called from other object files, through its address and from Python.

Numba's functions have a calling convention of their own: a status is returned, the result goes to an address.
"""

from llvmlite import ir
from numba.core import cgutils, types

_I64 = ir.IntType(64)
_OBJECT = ir.IntType(8).as_pointer()


def _called(context, builder, described, signature, arguments):
    """The result of a call of Numba's function; hot code raises nothing."""
    status, result = context.call_internal_no_propagate(builder, described, signature, arguments)
    with cgutils.if_unlikely(builder, status.is_error):
        builder.call(builder.module.declare_intrinsic("llvm.trap", (), ir.FunctionType(ir.VoidType(), [])), [])
    return result


def of_words(context, module, compiled, signature, symbol):
    """A C function of words that calls a compiled one."""
    function = ir.Function(module, ir.FunctionType(_I64, [_I64] * len(signature)), symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    arguments = [
        builder.inttoptr(word, context.get_value_type(kind)) if isinstance(kind, types.Record) else word
        for word, kind in zip(function.args, signature, strict=True)
    ]
    result_type = compiled.signature.return_type
    result = _called(context, builder, compiled.fndesc, result_type(*signature), arguments)
    if result_type == types.none:
        builder.ret(_I64(0))
    else:
        builder.ret(context.cast(builder, result, result_type, types.int64))
    return function


def of_objects(module, words):
    """A function that Python calls with an array of objects: integers in, the interpreter lock left, an integer out."""

    def declare(name, result, *arguments):
        return ir.Function(module, ir.FunctionType(result, arguments), name)

    kind = ir.FunctionType(_OBJECT, [_OBJECT, _OBJECT.as_pointer(), _I64])
    function = ir.Function(module, kind, f"{words.name}.python")
    _, objects, count = function.args
    arity = len(words.args)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    with builder.if_then(builder.icmp_signed("!=", count, _I64(arity)), likely=False):
        builder.call(declare("PyErr_BadArgument", ir.IntType(32)), [])
        builder.ret(_OBJECT(None))
    to_word = declare("PyLong_AsUnsignedLongLongMask", _I64, _OBJECT)
    arguments = [builder.call(to_word, [builder.load(builder.gep(objects, [_I64(n)]))]) for n in range(arity)]
    error = builder.call(declare("PyErr_Occurred", _OBJECT), [])
    with builder.if_then(builder.icmp_unsigned("!=", error, _OBJECT(None)), likely=False):
        builder.ret(_OBJECT(None))
    state = builder.call(declare("PyEval_SaveThread", _OBJECT), [])
    result = builder.call(words, arguments)
    builder.call(declare("PyEval_RestoreThread", ir.VoidType(), _OBJECT), [state])
    builder.ret(builder.call(declare("PyLong_FromLongLong", _OBJECT, _I64), [result]))
    return function


def shared(context, described, symbol):
    """Two modules: a function of this symbol that calls Numba's, and Numba's as a stub that calls this symbol.

    The first goes where the function itself is, the second to those that call it elsewhere.  Arguments and result of
    the symbol are values as they are in registers.
    """
    kind = ir.FunctionType(
        context.get_value_type(described.restype), [context.get_value_type(each) for each in described.argtypes]
    )
    body = context.create_module(symbol)
    function = ir.Function(body, kind, symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    builder.ret(_called(context, builder, described, described.restype(*described.argtypes), function.args))

    stub = context.create_module(f"{symbol}.stub")
    function = context.declare_function(stub, described)
    function.attributes.add("alwaysinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    arguments = context.call_conv.decode_arguments(builder, described.argtypes, function)
    result = builder.call(ir.Function(stub, kind, symbol), arguments)
    context.call_conv.return_value(builder, context.get_return_value(builder, described.restype, result))
    return body, stub
