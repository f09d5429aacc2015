"""Atomics on 64-bit words of shared memory, by record and field, or by address.

These compile to the host's atomic instructions and work between processes.
A comment at each use says which access of another process it is paired with.  Orders: *_relaxed
is a plain access that the compiler may not move, split or repeat; acquire and release are those of
C11; the read-modify-writes are sequentially consistent, hence full fences.
"""

import platform

from llvmlite import ir

from ..hot import intrinsic, types

_I64 = ir.IntType(64)
_PAUSE = ("llvm.x86.sse2.pause", []) if platform.machine() == "x86_64" else ("llvm.aarch64.hint", [ir.IntType(32)(1)])
_BYTE_POINTER = ir.IntType(8).as_pointer()


def field_pointer(builder, record_type, record, name):
    """A pointer to the first 64-bit word of a field, for intrinsics that are given a record and a field's name."""
    base = builder.bitcast(record, _BYTE_POINTER)
    return builder.bitcast(builder.gep(base, [_I64(record_type.offset(name))]), _I64.as_pointer())


def literal(name):
    """The text of a name that is known when code is made, else None."""
    return name.literal_value if isinstance(name, types.StringLiteral) else None


def _load(order, doc):
    @intrinsic(preferliteral=True)
    def load(typingctx, record, field):
        name = literal(field)
        if name is None:
            return None

        def codegen(context, builder, signature, args):
            return builder.load_atomic(field_pointer(builder, record, args[0], name), order, 8)

        return types.int64(record, field), codegen

    load.__doc__ = doc
    return load


def _store(order, doc):
    @intrinsic(preferliteral=True)
    def store(typingctx, record, field, value):
        name = literal(field)
        if name is None:
            return None

        def codegen(context, builder, signature, args):
            pointer = field_pointer(builder, record, args[0], name)
            word = context.cast(builder, args[2], signature.args[2], types.int64)
            builder.store_atomic(word, pointer, order, 8)
            return context.get_dummy_value()

        return types.void(record, field, value), codegen

    store.__doc__ = doc
    return store


def _modify(operation, doc):
    @intrinsic(preferliteral=True)
    def modify(typingctx, record, field, value):
        name = literal(field)
        if name is None:
            return None

        def codegen(context, builder, signature, args):
            pointer = field_pointer(builder, record, args[0], name)
            word = context.cast(builder, args[2], signature.args[2], types.int64)
            return builder.atomic_rmw(operation, pointer, word, "seq_cst")

        return types.int64(record, field, value), codegen

    modify.__doc__ = doc
    return modify


load_relaxed = _load("monotonic", "Value of a field; no order with other accesses.")
load_acquire = _load("acquire", "Value of a field; later accesses stay behind it.")
load_seq_cst = _load("seq_cst", "Value of a field, in the one order of all seq_cst accesses.")
store_relaxed = _store("monotonic", "Set a field; no order with other accesses.")
store_release = _store("release", "Set a field; earlier accesses stay before it.")
exchange = _modify("xchg", "Set a field, return the old value; a full fence.")
fetch_add = _modify("add", "Add to a field, return the old value; a full fence.")
fetch_or = _modify("or", "Set bits of a field, return the old value; a full fence.")
fetch_and = _modify("and", "Keep bits of a field, return the old value; a full fence.")


@intrinsic(preferliteral=True)
def compare_exchange(typingctx, record, field, expected, value):
    """Set a field to `value` if it holds `expected`; returns whether it did. A full fence."""
    name = literal(field)
    if name is None:
        return None

    def codegen(context, builder, signature, args):
        pointer = field_pointer(builder, record, args[0], name)
        old = context.cast(builder, args[2], signature.args[2], types.int64)
        new = context.cast(builder, args[3], signature.args[3], types.int64)
        result = builder.cmpxchg(pointer, old, new, "seq_cst", "seq_cst")
        return builder.extract_value(result, 1)

    return types.boolean(record, field, expected, value), codegen


@intrinsic
def fence(typingctx):
    """A sequentially consistent fence."""

    def codegen(context, builder, signature, args):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def pause(typingctx):
    """Tell the host core that this is a spin loop."""

    def codegen(context, builder, signature, args):
        name, arguments = _PAUSE
        kind = ir.FunctionType(ir.VoidType(), [a.type for a in arguments])
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        builder.call(function, arguments)
        return context.get_dummy_value()

    return types.void(), codegen
