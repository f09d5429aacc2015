"""What an instruction does, as text to be filled in: a row's body, turned once into LLVM assembly with gaps.

    template = template_of(row)
    template.steps      what to write, in order: Text, Effect or Result
    template.declares   lines that the module needs

The gaps of a text, for str.format: the operands of the body by name (`{a}`, `{imm}`), and `{p}`, a prefix that makes
the names of values unique.  Effects are left to who fills the template in (region_code.py), because their code depends
on where guest memory is and on what comes next.
"""

import functools
import re
from dataclasses import dataclass, field

from llvmlite import ir

from ..back_end import BackEnd
from ..operations import I64
from ..table import BY_NAME

_OPERANDS = ("a", "b", "c", "imm", "pc", "next", "zimm")
_RESULT = "r"
_GIVEN = {*_OPERANDS, _RESULT}


@dataclass(frozen=True)
class Text:
    """Lines of assembly."""

    text: str


@dataclass(frozen=True)
class Effect:
    """What a verb does: its name, its arguments (texts with gaps, or constants of the body), the name of its value."""

    name: str
    arguments: tuple
    value: str


@dataclass(frozen=True)
class Result:
    """The value of rd or fd, an i64."""

    value: str


@dataclass
class Template:
    steps: list = field(default_factory=list)
    declares: frozenset = frozenset()
    values: tuple = ()  # of residue_of: the rounding error, a float of type `kind`, and whether it can be told, an i1
    kind: str = ""


class _Recorder(BackEnd):
    """Makes a row's code in a scratch function, in which effects are calls of functions that do not exist."""

    def __init__(self, row):
        module = ir.Module()
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * len(_OPERANDS)), "body")
        self.operands = dict(zip(_OPERANDS, function.args, strict=True))
        for name, argument in self.operands.items():
            argument.name = name
        super().__init__(row, ir.IRBuilder(function.append_basic_block("entry")))
        self.module, self.block = module, function.entry_basic_block
        self.effects, self.value = {}, None  # call instruction -> (name, arguments)

    def operand(self, name):
        return self.operands[name if name in self.operands else "imm"]

    def result(self, value):
        self.value = value

    def effect(self, name, values):
        kinds = [v.type for v in values if isinstance(v, ir.Value)]
        callee = ir.Function(self.module, ir.FunctionType(I64, kinds), self.module.get_unique_name(f"!{name}"))
        call = self.builder.call(callee, [v for v in values if isinstance(v, ir.Value)])
        self.effects[call] = name, values
        return call

    def load(self, size, signed, address):
        return self.effect("load", [size, signed, address])

    def store(self, size, address, value):
        self.effect("store", [size, address, value])

    def floating(self, operation, values):
        result, right = operation.fast(self.builder, *values)
        return self.effect("exact", [operation, right, result, *values])

    def call(self, function, *values):
        raise NotImplementedError("no body of a row calls a hot function itself")


def _gaps(text):
    """LLVM assembly with its braces doubled, and its local names as gaps."""
    text = text.replace("{", "{{").replace("}", "}}")
    return re.sub(r'%"([^"]+)"', lambda m: f"{{{m[1]}}}" if m[1] in _GIVEN else f'%"{{p}}{m[1]}"', text)


def template_of(row):
    """The template of a row; compressed rows have that of the row that they stand for."""
    return _made((row.base or row).name)


@functools.cache
def _made(name):
    made = _Recorder(BY_NAME[name])
    made.body()
    template, lines = Template(), []
    for instruction in made.block.instructions:
        if instruction not in made.effects:
            lines.append(f"  {str(instruction).strip()}\n")
            continue
        if lines:
            template.steps.append(Text(_gaps("".join(lines))))
            lines = []
        name, values = made.effects[instruction]
        arguments = tuple(_gaps(v.get_reference()) if isinstance(v, ir.Value) else v for v in values)
        template.steps.append(Effect(name, arguments, _gaps(instruction.get_reference())))
    if lines:
        template.steps.append(Text(_gaps("".join(lines))))
    if made.value is not None:
        template.steps.append(Result(_gaps(made.value.get_reference())))
    template.declares = _intrinsics(made.module)
    return template


def _intrinsics(module):
    declared = (each for each in module.functions if each.is_declaration and each.name.startswith("llvm."))
    return frozenset(str(each).strip() for each in declared)


@functools.cache
def residue_of(operation, arity):
    """The rounding error of a FloatOperation: gaps `{r}`, its result, and `{a}`, `{b}`, `{c}`, its arguments."""
    module = ir.Module()
    names = (_RESULT, *_OPERANDS[:arity])
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * len(names)), "residue")
    for name, argument in zip(names, function.args, strict=True):
        argument.name = name
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    error, holds = operation.residue(builder, *function.args)
    text = "".join(f"  {str(each).strip()}\n" for each in builder.block.instructions)
    references = tuple(_gaps(value.get_reference()) for value in (error, holds))
    return Template([Text(_gaps(text))], _intrinsics(module), references, str(error.type))
