"""Words of guest programs, and how a program ends that goes wrong: what verbs and the compiler of programs share.

Needs no Numba, so a program that is in the cache is spawned without it.
"""

from llvmlite import ir

from .later import Later

FAIL, MAIN = "emu.fail", "emu.main"  # symbols: of the runtime's function that ends a program, of the first function
_I64, _BYTE_POINTER = ir.IntType(64), ir.IntType(8).as_pointer()
_code = Later("emu.hot.guest_code")


class BadProgram(Exception):
    """A program that cannot be compiled: what is wrong, in which line (0: where the function begins)."""

    def __init__(self, what, line=0, function=None):
        super().__init__(what)
        self.what, self.line, self.function = what, line, function


class Words:
    """An array of 64-bit words of a program: shared by its threads, and as `content` says when it starts."""

    def __init__(self, content):
        self.content = content

    def __len__(self):
        return len(self.content)

    def __repr__(self):
        return f"words({len(self)})"

    @property
    def _numba_type_(self):
        return _code.WordsType(len(self))


def failure(builder, place, what):
    """Code that ends the program with one line; the block ends there."""
    text = f"emu: {place}: {what}\n".encode()
    kind = ir.ArrayType(ir.IntType(8), len(text))
    constant = ir.GlobalVariable(builder.module, kind, builder.module.get_unique_name("emu.text"))
    constant.global_constant, constant.linkage, constant.initializer = True, "private", ir.Constant(kind, bytearray(text))
    fail = builder.module.globals.get(FAIL)
    if fail is None:
        fail = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [_BYTE_POINTER, _I64]), FAIL)
        fail.attributes.add("noreturn")
    builder.call(fail, [builder.bitcast(constant, _BYTE_POINTER), _I64(len(text))])
    builder.unreachable()


def fail_if(builder, condition, what):
    with builder.if_then(condition, likely=False):
        failure(builder, _code.where(), what)


def word_pointer(context, builder, kind, address, index):
    """A pointer to a word of an array, whose index is checked."""
    fail_if(builder, builder.icmp_unsigned(">=", index, _I64(kind.count)), f"index out of range of {kind.name}")
    pointer = builder.inttoptr(address, _I64.as_pointer())
    return builder.gep(pointer, [index])
