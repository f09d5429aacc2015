"""A program in Python while it is compiled: what its compiler (guest_code.py) and the verbs (emu/program) share.

Needs no Numba, so a program that is in the cache is spawned without it.
"""

import os

from llvmlite import ir

from .later import Later

FAIL, MAIN = "emu.fail", "emu.main"  # symbols: of the runtime's function that ends a program, of the first function
_I64, _BYTE_POINTER = ir.IntType(64), ir.IntType(8).as_pointer()
_arrays = Later("emu.hot.guest_arrays")
building = []  # the program that is being compiled


class BadProgram(Exception):
    """A program that cannot be compiled: what is wrong, in which line (0: where the function begins)."""

    def __init__(self, what, line=0, function=None):
        super().__init__(what)
        self.what, self.line, self.function = what, line, function


class Program:
    """A program while it is compiled: its functions, those that threads begin with, its arrays of words."""

    def __init__(self, verbs, compiler):
        self.verbs = verbs  # {operator: intrinsic that stands for it}
        self.bodies, self.words = {}, {}
        self.line = ""  # that is being lowered
        self._compiler, self._dispatchers = compiler, {}

    def dispatcher(self, function):
        if function not in self._dispatchers:
            self._dispatchers[function] = self._compiler(function)
        return self._dispatchers[function]

    def body(self, function):
        """The symbol of what a thread executes that begins with this function."""
        if function.__code__.co_argcount != 1:
            raise BadProgram("begins a thread, so it takes one argument, an integer", 0, function)
        return self.bodies.setdefault(function, f"emu.body.{len(self.bodies)}")

    def symbol_of_words(self, words):
        return self.words.setdefault(id(words), (f"emu.words.{len(self.words)}", words))[0]


def is_verb(function):
    """Whether a function is no user's, but of emu.guest."""
    return function.__module__.startswith("emu.program.")


def place_of(function, line):
    """How errors name a line of a program, or the verb in which a program goes wrong."""
    if is_verb(function):
        return f"guest.{function.__name__}"
    return f"{os.path.basename(function.__code__.co_filename)}, line {line}"


def where():
    """The line that is being lowered."""
    return building[-1].line


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
        return _arrays.WordsType(len(self))


def failure(builder, place, what):
    """Code that ends the program with one line; the block ends there."""
    text = f"emu: {place}: {what}\n".encode(errors="replace")
    kind = ir.ArrayType(ir.IntType(8), len(text))
    constant = ir.GlobalVariable(builder.module, kind, builder.module.get_unique_name("emu.text"))
    constant.global_constant, constant.linkage, constant.initializer = (
        True,
        "private",
        ir.Constant(kind, bytearray(text)),
    )
    fail = builder.module.globals.get(FAIL)
    if fail is None:
        fail = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [_BYTE_POINTER, _I64]), FAIL)
        fail.attributes.add("noreturn")
    builder.call(fail, [builder.bitcast(constant, _BYTE_POINTER), _I64(len(text))])
    builder.unreachable()


def fail_if(builder, condition, what):
    with builder.if_then(condition, likely=False):
        failure(builder, where(), what)


def word_pointer(context, builder, kind, address, index):
    """A pointer to a word of an array, whose index is checked."""
    fail_if(builder, builder.icmp_unsigned(">=", index, _I64(kind.count)), f"index out of range of {kind.name}")
    pointer = builder.inttoptr(address, _I64.as_pointer())
    return builder.gep(pointer, [index])
