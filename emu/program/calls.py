"""System calls of programs in Python, and the few instructions that LLVM cannot be asked for.

LLVM as llvmlite has it reads no assembly for RISC-V, so `ecall` stands in functions of machine code, STUBS, that the
linker adds.  A function's arguments are in a0…a7 (RISC-V ABI), which is where a system call's are: its number is in a7,
and the kernel changes a0 alone, or a0…a4 where a call returns words.
"""

from llvmlite import ir

from ..abi.registers import A0
from ..hot import intrinsic, types
from ..isa.encode import assemble, encode

_I64 = ir.IntType(64)
_A5, _A6, _A7, _RA = A0 + 5, A0 + 6, A0 + 7, 1
_WRITE, _EXIT, _CLONE = 64, 93, 220
_ECALL, _RET = encode("ecall"), encode("jalr", 0, 0, _RA)
STUBS = {
    "emu.call": assemble(_ECALL, _RET),
    # The words that a1…a4 return are stored where a5 points to.
    "emu.call_for_words": assemble(_ECALL, *(encode("sd", A0 + n, 8 * n - 8, _A5) for n in range(1, 5)), _RET),
    # A new thread has the registers of this one but for a0 and sp: it calls a5 with a6, and then exits.
    "emu.clone": assemble(
        _ECALL,
        encode("beq", A0, 0, 8),
        _RET,
        encode("addi", A0, _A6, 0),
        encode("jalr", _RA, 0, _A5),
        encode("addi", _A7, 0, _EXIT),
        _ECALL,
    ),
}


def _stub(builder, name, number, arguments):
    """Call one of STUBS for a system call; what is in a0 then."""
    kind = ir.FunctionType(_I64, [_I64] * 8)
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, [*arguments, *[_I64(0)] * (7 - len(arguments)), number])


def _are_integers(*kinds):
    return all(isinstance(each, (types.Integer, types.Boolean)) for each in kinds)


@intrinsic
def _call(typingctx, number, a0, a1, a2, a3, a4, a5):
    if not _are_integers(number, a0, a1, a2, a3, a4, a5):
        return None

    def codegen(context, builder, signature, args):
        number, *arguments = args
        return _stub(builder, "emu.call", number, arguments)

    return types.int64(*[types.int64] * 7), codegen


def call(number, a0=0, a1=0, a2=0, a3=0, a4=0, a5=0):
    """Make any call of Linux or of emu's own (emu/guests/emu.h) by its number; its result, where negative an error."""
    return _call(number, a0, a1, a2, a3, a4, a5)


@intrinsic
def call_for_words(typingctx, number, a0):
    """Make a call that returns words in a1…a4 beside its result: a tuple of five."""

    def codegen(context, builder, signature, args):
        number, first = args
        with builder.goto_entry_block():
            room = builder.alloca(ir.ArrayType(_I64, 4))
        room_at = builder.ptrtoint(room, _I64)
        found = _stub(builder, "emu.call_for_words", number, [first, *[_I64(0)] * 4, room_at])
        rest = [builder.load(builder.gep(room, [_I64(0), _I64(n)])) for n in range(4)]
        return context.make_tuple(builder, signature.return_type, [found, *rest])

    return types.UniTuple(types.int64, 5)(types.int64, types.int64), codegen


@intrinsic(preferliteral=True)
def write(typingctx, text):
    """Write a text, which stands there, to standard output."""
    if not isinstance(text, types.StringLiteral):
        return None
    data = text.literal_value.encode()

    def codegen(context, builder, signature, args):
        kind = ir.ArrayType(ir.IntType(8), len(data))
        constant = ir.GlobalVariable(builder.module, kind, builder.module.get_unique_name("emu.text"))
        constant.global_constant, constant.linkage = True, "private"
        constant.initializer = ir.Constant(kind, bytearray(data))
        return _stub(builder, "emu.call", _I64(_WRITE), [_I64(1), builder.ptrtoint(constant, _I64), _I64(len(data))])

    return types.int64(text), codegen


@intrinsic
def clone(typingctx, flags, stack, word, body, argument):
    """Start a thread that calls body(argument) on this stack; its tid, which also is in `word`, cleared at its end."""
    if not _are_integers(flags, stack, word, body, argument):
        return None

    def codegen(context, builder, signature, args):
        flags, stack, word, body, argument = args
        return _stub(builder, "emu.clone", _I64(_CLONE), [flags, stack, word, _I64(0), word, body, argument])

    return types.int64(*[types.int64] * 5), codegen
