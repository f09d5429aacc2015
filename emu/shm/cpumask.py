"""Masks of CPUs: sets with a bit for each CPU, as values in hot code, and as fields of shared records.

A field is declared by `mask("online")` and is CPU_WORDS words.  `has_cpu`, `set_cpu` and `clear_cpu` look at or change
one bit of a field.  Setting and clearing are atomic and full fences, and return whether the bit was set before: where
several CPUs clear one bit, exactly one of them sees that it was set.  `load_mask` reads a whole field into a value.  It
reads each word once, but not all words at the same moment: a reader that must not miss a bit which is being set reads
after a fence, as with a single word.  Values are combined by the functions whose names begin with mask_; a value is a
tuple of words and is never changed.

Cold code has masks as Python integers: `to_int`, `to_words`.
Rejected: a loop over the words at each use, since one line becomes five.
"""

from llvmlite import ir

from ..abi.words import WORD, signed
from ..hot import intrinsic, types
from ..limits import CPU_WORDS
from .atomics import field_pointer, literal

_I64 = ir.IntType(64)


def _mask_type():
    return types.UniTuple(types.int64, CPU_WORDS)


def _are_masks(*given):
    """Whether all arguments of an intrinsic are masks. Where one is not, Numba's error names the calling line."""
    return all(each == _mask_type() for each in given)


def _words(builder, mask):
    return [builder.extract_value(mask, k) for k in range(CPU_WORDS)]


def _mask(words, builder):
    made = ir.Constant(ir.ArrayType(_I64, CPU_WORDS), None)
    for k, word in enumerate(words):
        made = builder.insert_value(made, word, k)
    return made


# --- fields -----------------------------------------------------------------------------------------


@intrinsic(prefer_literal=True)
def load_mask(typingctx, record, field):
    """The mask in a field; each word is one relaxed load."""
    name = literal(field)
    if name is None:
        return None

    def codegen(context, builder, signature, args):
        first = field_pointer(builder, record, args[0], name)
        words = [builder.load_atomic(builder.gep(first, [_I64(k)]), "monotonic", 8) for k in range(CPU_WORDS)]
        return _mask(words, builder)

    return _mask_type()(record, field), codegen


@intrinsic(prefer_literal=True)
def store_mask(typingctx, record, field, mask):
    """Set a field to a mask; each word is one relaxed store. Nobody else may write it meanwhile."""
    name = literal(field)
    if name is None or not _are_masks(mask):
        return None

    def codegen(context, builder, signature, args):
        first = field_pointer(builder, record, args[0], name)
        for k, word in enumerate(_words(builder, args[2])):
            builder.store_atomic(word, builder.gep(first, [_I64(k)]), "monotonic", 8)
        return context.get_dummy_value()

    return types.void(record, field, mask), codegen


@intrinsic(prefer_literal=True)
def any_cpu(typingctx, record, field):
    """Whether a field's mask is not empty; each word is one relaxed load."""
    name = literal(field)
    if name is None:
        return None

    def codegen(context, builder, signature, args):
        first = field_pointer(builder, record, args[0], name)
        found = _I64(0)
        for k in range(CPU_WORDS):
            found = builder.or_(found, builder.load_atomic(builder.gep(first, [_I64(k)]), "monotonic", 8))
        return builder.icmp_signed("!=", found, _I64(0))

    return types.boolean(record, field), codegen


def _bit(builder, cpu):
    return builder.shl(_I64(1), builder.and_(cpu, _I64(63)))


def _on_bit(operate, doc):
    """An operation on the bit of one CPU: operate(builder, address of its word, its bit) -> the word found."""

    @intrinsic(prefer_literal=True)
    def on_bit(typingctx, record, field, cpu):
        name = literal(field)
        if name is None:
            return None

        def codegen(context, builder, signature, args):
            first = field_pointer(builder, record, args[0], name)
            number = context.cast(builder, args[2], signature.args[2], types.int64)
            bit = _bit(builder, number)
            found = operate(builder, builder.gep(first, [builder.lshr(number, _I64(6))]), bit)
            return builder.icmp_signed("!=", builder.and_(found, bit), _I64(0))

        return types.boolean(record, field, cpu), codegen

    on_bit.__doc__ = doc
    return on_bit


has_cpu = _on_bit(
    lambda builder, word, bit: builder.load_atomic(word, "monotonic", 8),
    "Whether a CPU is in a field's mask; one relaxed load.",
)
set_cpu = _on_bit(
    lambda builder, word, bit: builder.atomic_rmw("or", word, bit, "seq_cst"),
    "Put a CPU into a field's mask, atomically; whether it was there before. A full fence.",
)
clear_cpu = _on_bit(
    lambda builder, word, bit: builder.atomic_rmw("and", word, builder.not_(bit), "seq_cst"),
    "Take a CPU out of a field's mask, atomically; whether it was there before. A full fence.",
)


@intrinsic(prefer_literal=True)
def has_all_cpus(typingctx, record, field, count):
    """Whether the first `count` CPUs are all in a field's mask; one load where they are 64 at most."""
    name = literal(field)
    if name is None:
        return None

    def codegen(context, builder, signature, args):
        first = field_pointer(builder, record, args[0], name)
        wanted = context.cast(builder, args[2], signature.args[2], types.int64)

        def in_a_row(k):
            """How many CPUs of a word, from its first one on, are in the mask."""
            word = builder.load_atomic(builder.gep(first, [_I64(k)]), "monotonic", 8)
            return builder.cttz(builder.not_(word), ir.IntType(1)(0))

        row = in_a_row(0)
        found = builder.icmp_signed(">=", row, wanted)
        before = builder.block
        with builder.if_then(builder.icmp_signed(">", wanted, _I64(64)), likely=False):
            total, goes_on = row, builder.icmp_signed("==", row, _I64(64))
            for k in range(1, CPU_WORDS):
                row = in_a_row(k)
                total = builder.add(total, builder.select(goes_on, row, _I64(0)))
                goes_on = builder.and_(goes_on, builder.icmp_signed("==", row, _I64(64)))
            found_far = builder.icmp_signed(">=", total, wanted)
            far = builder.block
        result = builder.phi(ir.IntType(1))
        result.add_incoming(found, before)
        result.add_incoming(found_far, far)
        return result

    return types.boolean(record, field, count), codegen


# --- values -----------------------------------------------------------------------------------------


def _each_word(combine, doc):
    """A mask made of two, word by word."""

    @intrinsic
    def combined(typingctx, a, b):
        if not _are_masks(a, b):
            return None

        def codegen(context, builder, signature, args):
            pairs = zip(_words(builder, args[0]), _words(builder, args[1]))
            return _mask([combine(builder, x, y) for x, y in pairs], builder)

        return _mask_type()(a, b), codegen

    combined.__doc__ = doc
    return combined


mask_and = _each_word(lambda builder, x, y: builder.and_(x, y), "The CPUs that are in both masks.")
mask_or = _each_word(lambda builder, x, y: builder.or_(x, y), "The CPUs that are in one of the masks.")
mask_minus = _each_word(lambda builder, x, y: builder.and_(x, builder.not_(y)), "The CPUs of a that are not in b.")


def _constant(word, doc):
    @intrinsic
    def made(typingctx):
        def codegen(context, builder, signature, args):
            return _mask([_I64(word)] * CPU_WORDS, builder)

        return _mask_type()(), codegen

    made.__doc__ = doc
    return made


mask_none = _constant(0, "The empty mask.")
mask_all = _constant(-1, "The mask of all CPUs that a machine can have.")


@intrinsic
def mask_above(typingctx, cpu):
    """The mask of all CPUs with higher numbers. -1: of all."""

    def codegen(context, builder, signature, args):
        words = []
        for k in range(CPU_WORDS):
            count = builder.sub(builder.add(args[0], _I64(1)), _I64(64 * k))  # low bits of this word that are 0
            shifted = builder.shl(_I64(-1), builder.and_(count, _I64(63)))
            upper = builder.select(builder.icmp_signed(">=", count, _I64(64)), _I64(0), shifted)
            words.append(builder.select(builder.icmp_signed("<=", count, _I64(0)), _I64(-1), upper))
        return _mask(words, builder)

    return _mask_type()(types.int64), codegen


@intrinsic
def mask_of(typingctx, cpu):
    """The mask of one CPU."""

    def codegen(context, builder, signature, args):
        bit, at = _bit(builder, args[0]), builder.lshr(args[0], _I64(6))
        words = [builder.select(builder.icmp_signed("==", at, _I64(k)), bit, _I64(0)) for k in range(CPU_WORDS)]
        return _mask(words, builder)

    return _mask_type()(types.int64), codegen


@intrinsic
def mask_has(typingctx, mask, cpu):
    """Whether a CPU is in a mask."""
    if not _are_masks(mask):
        return None

    def codegen(context, builder, signature, args):
        number = context.cast(builder, args[1], signature.args[1], types.int64)
        at, word = builder.lshr(number, _I64(6)), _I64(0)
        for k, each in enumerate(_words(builder, args[0])):
            word = builder.select(builder.icmp_signed("==", at, _I64(k)), each, word)
        return builder.icmp_signed("!=", builder.and_(word, _bit(builder, number)), _I64(0))

    return types.boolean(mask, cpu), codegen


@intrinsic
def mask_is_empty(typingctx, mask):
    """Whether no CPU is in a mask."""
    if not _are_masks(mask):
        return None

    def codegen(context, builder, signature, args):
        first, *others = _words(builder, args[0])
        for each in others:
            first = builder.or_(first, each)
        return builder.icmp_signed("==", first, _I64(0))

    return types.boolean(mask), codegen


@intrinsic
def mask_first(typingctx, mask):
    """The lowest CPU of a mask, -1 when it is empty."""
    if not _are_masks(mask):
        return None

    def codegen(context, builder, signature, args):
        found = _I64(-1)
        for k, word in reversed(list(enumerate(_words(builder, args[0])))):
            here = builder.add(builder.cttz(word, ir.IntType(1)(0)), _I64(64 * k))
            found = builder.select(builder.icmp_signed("!=", word, _I64(0)), here, found)
        return found

    return types.int64(mask), codegen


@intrinsic
def mask_count(typingctx, mask):
    """How many CPUs are in a mask."""
    if not _are_masks(mask):
        return None

    def codegen(context, builder, signature, args):
        total = _I64(0)
        for word in _words(builder, args[0]):
            total = builder.add(total, builder.ctpop(word))
        return total

    return types.int64(mask), codegen


@intrinsic
def mask_word(typingctx, mask, index):
    """One word of a mask, for an event: the CPUs from 64 * index on."""
    if not _are_masks(mask):
        return None

    def codegen(context, builder, signature, args):
        word = _I64(0)
        for k, each in enumerate(_words(builder, args[0])):
            word = builder.select(builder.icmp_signed("==", args[1], _I64(k)), each, word)
        return word

    return types.int64(mask, types.int64), codegen


# --- cold code ----------------------------------------------------------------------------------------


def to_int(words):
    """A field's mask, as NumPy reads it, as an integer: bit k for CPU k."""
    return sum((int(word) & WORD) << (64 * k) for k, word in enumerate(words))


def to_words(mask):
    """The words of a mask that is an integer. Bits of CPUs that no machine can have are dropped."""
    return [signed(mask >> (64 * k)) for k in range(CPU_WORDS)]
