"""Memory of programs in Python: words of arrays, atomic accesses, raw addresses, room on the stack.

Words of arrays are 64 bits wide and checked against the array's length; an address is not checked, as in C.  The
atomic accesses are sequentially consistent.
"""

from llvmlite import ir

from ..hot import intrinsic, types
from ..hot.guest_build import Words, building, fail_if, word_pointer
from ..hot.later import Later

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_arrays = Later("emu.hot.guest_arrays")


def words(content):
    """An array of words for a program: so many zeros, or these integers. It is made outside of functions, by name."""
    if isinstance(content, int):
        content = [0] * content
    given = [int(word) for word in content]
    wrong = next((word for word in given if not -(1 << 63) <= word < 1 << 63), None)
    if wrong is not None or not given or given != list(content):
        raise ValueError(
            f"words({wrong if wrong is not None else content!r}): expected a number or integers of 64 bits"
        )
    return Words(given)


def _are_integers(kinds):
    return all(isinstance(each, (types.Integer, types.Boolean)) for each in kinds)


def _on_word(array, integers, result, access):
    """The signature and code of an intrinsic on a word of an array: `integers` are the index and then values."""
    if not isinstance(array, _arrays.WordsType) or not _are_integers(integers):
        return None

    def codegen(context, builder, signature, args):
        index, *values = args[1:]
        found = access(builder, word_pointer(context, builder, array, args[0], index), *values)
        return context.get_dummy_value() if result == types.void else found

    return result(array, *[types.int64] * len(integers)), codegen


@intrinsic
def load(typingctx, array, index):
    """A word, read atomically."""
    return _on_word(array, (index,), types.int64, lambda builder, pointer: builder.load_atomic(pointer, "seq_cst", 8))


@intrinsic
def store(typingctx, array, index, value):
    """Set a word atomically."""

    def access(builder, pointer, value):
        builder.store_atomic(value, pointer, "seq_cst", 8)

    return _on_word(array, (index, value), types.void, access)


@intrinsic
def add(typingctx, array, index, value):
    """Add to a word atomically; what it was before."""

    def access(builder, pointer, value):
        return builder.atomic_rmw("add", pointer, value, "seq_cst")

    return _on_word(array, (index, value), types.int64, access)


@intrinsic
def exchange(typingctx, array, index, value):
    """Set a word atomically; what it was before."""

    def access(builder, pointer, value):
        return builder.atomic_rmw("xchg", pointer, value, "seq_cst")

    return _on_word(array, (index, value), types.int64, access)


@intrinsic
def compare_exchange(typingctx, array, index, expected, value):
    """Set a word if it is as expected, atomically; whether it was."""

    def access(builder, pointer, expected, value):
        return builder.extract_value(builder.cmpxchg(pointer, expected, value, "seq_cst", "seq_cst"), 1)

    return _on_word(array, (index, expected, value), types.boolean, access)


@intrinsic
def address(typingctx, array, index):
    """The address of a word, for calls."""
    return _on_word(array, (index,), types.int64, lambda builder, pointer: builder.ptrtoint(pointer, _I64))


# --- by address ---------------------------------------------------------------------------------------------


def _at(integers, result, access):
    """The signature and code of an intrinsic on memory by its address: the address, then values."""
    if not _are_integers(integers):
        return None

    def codegen(context, builder, signature, args):
        return access(builder, *args) or context.get_dummy_value()

    return result(*[types.int64] * len(integers)), codegen


def _pointer(builder, address, bits):
    return builder.inttoptr(address, ir.IntType(bits).as_pointer())


@intrinsic
def peek(typingctx, address):
    """The word at an address."""
    return _at((address,), types.int64, lambda builder, address: builder.load(_pointer(builder, address, 64)))


@intrinsic
def poke(typingctx, address, value):
    """Set the word at an address."""

    def access(builder, address, value):
        builder.store(value, _pointer(builder, address, 64))

    return _at((address, value), types.void, access)


@intrinsic
def peek_byte(typingctx, address):
    """The byte at an address."""

    def access(builder, address):
        return builder.zext(builder.load(_pointer(builder, address, 8)), _I64)

    return _at((address,), types.int64, access)


@intrinsic
def poke_byte(typingctx, address, value):
    """Set the byte at an address."""

    def access(builder, address, value):
        builder.store(builder.trunc(value, ir.IntType(8)), _pointer(builder, address, 8))

    return _at((address, value), types.void, access)


@intrinsic
def load_half(typingctx, address):
    """The 32 bits at an address, with sign, read atomically: what futexes compare."""

    def access(builder, address):
        return builder.sext(builder.load_atomic(_pointer(builder, address, 32), "seq_cst", 4), _I64)

    return _at((address,), types.int64, access)


@intrinsic
def exchange_half(typingctx, address, value):
    """Set the 32 bits at an address atomically; what they were before, with sign."""

    def access(builder, address, value):
        old = builder.atomic_rmw("xchg", _pointer(builder, address, 32), builder.trunc(value, _I32), "seq_cst")
        return builder.sext(old, _I64)

    return _at((address, value), types.int64, access)


@intrinsic
def compare_exchange_half(typingctx, address, expected, value):
    """Set the 32 bits at an address if they are as expected, atomically; what they were before, with sign."""

    def access(builder, address, expected, value):
        old, new = builder.trunc(expected, _I32), builder.trunc(value, _I32)
        found = builder.cmpxchg(_pointer(builder, address, 32), old, new, "seq_cst", "seq_cst")
        return builder.sext(builder.extract_value(found, 0), _I64)

    return _at((address, expected, value), types.int64, access)


@intrinsic
def room(typingctx):
    """The address of 32 bytes on the stack, the function's own while it runs."""

    def codegen(context, builder, signature, args):
        with builder.goto_entry_block():
            made = builder.alloca(ir.ArrayType(_I64, 4))
        return builder.ptrtoint(made, _I64)

    return types.int64(), codegen


@intrinsic
def bits_of(typingctx, number):
    """The 64 bits of a float."""
    return types.int64(types.float64), lambda context, builder, signature, args: builder.bitcast(args[0], _I64)


@intrinsic
def float_of(typingctx, bits):
    """The float of 64 bits."""
    double = ir.DoubleType()
    return types.float64(types.int64), lambda context, builder, signature, args: builder.bitcast(args[0], double)


@intrinsic(preferliteral=True)
def wrong(typingctx, what):
    """End the program with one line that says what is wrong."""
    if not isinstance(what, types.StringLiteral):
        return None

    def codegen(context, builder, signature, args):
        fail_if(builder, ir.IntType(1)(1), what.literal_value)
        return context.get_dummy_value()

    return types.void(what), codegen


@intrinsic
def body(typingctx, function):
    """The address of code that calls a function of one integer, for a new thread."""
    kind = getattr(function, "dispatcher_type", function)  # where a function names itself
    if not hasattr(kind, "dispatcher"):
        return None

    def codegen(context, builder, signature, args):
        name = building[-1].body(kind.dispatcher.py_func)
        found = builder.module.globals.get(name) or ir.Function(builder.module, ir.FunctionType(_I64, [_I64]), name)
        return builder.ptrtoint(found, _I64)

    return types.int64(function), codegen
