"""What a program in Python may not have, found before Numba looks for types, and what Numba says, in one line.

Numba knows lists, texts and exceptions, but they need its runtime, which a guest has not.  The pass also binds names to
what they stand for: a plain function to what compiles it, module.name to the thing itself, shifts to Python's.
"""

import re
import types as python_types

from numba.core import ir as numba_ir
from numba.core.compiler_machinery import AnalysisPass, register_pass

from .functions import Hot, Intrinsic
from .guest_build import BadProgram, Words, building, is_verb

_BUILTINS = {range, abs, min, max, int, float, bool, len, divmod, round}
_REFUSED = {  # operations of Numba's expressions, and kinds of its statements: what they are in Python
    "build_list": "lists", "build_set": "sets", "build_map": "dictionaries", numba_ir.StoreMap: "dictionaries",
    "make_function": "functions inside functions", numba_ir.Yield: "generators", numba_ir.EnterWith: "with",
    numba_ir.SetAttr: "attributes", numba_ir.DelAttr: "attributes", numba_ir.DelItem: "del",
    numba_ir.Raise: "raise and assert", numba_ir.StaticRaise: "raise and assert",
    numba_ir.TryRaise: "raise and assert", numba_ir.StaticTryRaise: "raise and assert",
    numba_ir.DynamicRaise: "raise and assert", numba_ir.DynamicTryRaise: "raise and assert",
}  # fmt: skip
_NAMES = {  # names that Python's compiler puts there, or that people would like to use
    "mark_try_block": "try", "end_try_block": "try", "AssertionError": "raise and assert", "print": "print",
    "str": "texts", "format": "texts", "list": "lists", "dict": "dictionaries", "set": "sets",
}  # fmt: skip
_OPCODES = {"LOAD_BUILD_CLASS": "classes", "STORE_GLOBAL": "global names that change", "SETUP_WITH": "with",
            "BEFORE_WITH": "with", "IMPORT_NAME": "imports inside functions"}  # fmt: skip
_ADVICE = {
    "lists": "make it guest.words(n) outside of the function",
    "raise and assert": "end the program with guest.exit(status)",
    "try": "ask before, for example whether a divisor is 0",
    "texts": "guest.write('text') writes one, and that is all",
    "print": "use guest.print_int(x) and guest.write('text')",
    "attributes": "use guest.words, integers and tuples",
    "global names that change": "use guest.words(1)",
}


def _refuse(what, line, advice=""):
    advice = advice or _ADVICE.get(what, "use integers, floats, tuples and what emu.guest has")
    raise BadProgram(f"a guest has no {what}: {advice}", line)


@register_pass(mutates_CFG=False, analysis_only=False)
class Rules(AnalysisPass):
    """Names that stand for functions are bound to what compiles them; what a guest cannot have is refused."""

    _name = "rules of guest programs"

    def __init__(self):  # abstract in Numba
        super().__init__()

    def run_pass(self, state):
        try:
            return self._run(state)
        except BadProgram as error:
            error.function = error.function or state.func_id.func
            raise

    def _run(self, state):
        self._function, self._texts, self._modules = state.func_ir, set(), {}
        self._is_verb = is_verb(state.func_id.func)
        for block in state.func_ir.blocks.values():
            for statement in block.body:
                self._check(statement)
        for block in state.func_ir.blocks.values():
            block.body = [each for statement in block.body for each in self._meant(statement)]
        return True

    def _check(self, statement):
        value = getattr(statement, "value", None)
        for kind in (type(statement), type(value), getattr(value, "op", None)):
            if kind in _REFUSED:
                _refuse(_REFUSED[kind], statement.loc.line)
        if not isinstance(statement, numba_ir.Assign):
            self._check_texts(statement)
        elif isinstance(value, numba_ir.Expr) and value.op != "call":
            if value.op == "getattr":
                self._attribute(statement, value)
            self._check_texts(value)
        if isinstance(getattr(statement, "value", None), (numba_ir.Global, numba_ir.FreeVar)):
            self._name_of(statement, statement.value)
        elif isinstance(value, numba_ir.Const):
            self._constant(statement, value)

    def _attribute(self, statement, value):
        """module.name is the thing itself."""
        module = self._modules.get(value.value.name)
        if module is None:
            _refuse("attributes", value.loc.line)
        if not hasattr(module, value.attr):
            raise BadProgram(f"{module.__name__} has no {value.attr!r}", value.loc.line)
        statement.value = numba_ir.Global(value.attr, getattr(module, value.attr), value.loc)

    def _name_of(self, statement, named):
        value, line = named.value, named.loc.line
        if value is divmod and not self._is_verb:
            statement.value = numba_ir.Global(named.name, building[-1].verbs[divmod], named.loc)
        elif isinstance(value, python_types.ModuleType):
            self._modules[statement.target.name] = value
        elif isinstance(value, (python_types.FunctionType, Hot)):
            value = value.function if isinstance(value, Hot) else value
            statement.value = numba_ir.Global(named.name, building[-1].dispatcher(value), named.loc)
        elif isinstance(value, (int, float)) or (
            isinstance(value, tuple) and all(type(v) in (int, float) for v in value)
        ):
            for each in value if isinstance(value, tuple) else (value,):
                self._fits(each, line)
        elif named.name in _NAMES:
            _refuse(_NAMES[named.name], line)
        elif value is numba_ir.UNDEFINED:
            raise BadProgram(f"the name {named.name!r} is not defined", line)
        elif not self._may_be_used(value):
            kind = type(value).__name__
            _refuse(
                f"{named.name}" if callable(value) else f"{kind} ({named.name!r})",
                line,
                _ADVICE["lists"] * hasattr(value, "__len__"),
            )

    @staticmethod
    def _may_be_used(value):
        known = isinstance(value, (Words, Intrinsic)) or getattr(value, "__module__", "") == "math"
        return known or any(value is each for each in _BUILTINS)

    def _constant(self, statement, constant):
        if isinstance(constant.value, str):
            self._texts.add(statement.target.name)
        elif isinstance(constant.value, (bytes, complex, frozenset)):
            _refuse(type(constant.value).__name__, constant.loc.line)
        elif isinstance(constant.value, int):
            self._fits(constant.value, constant.loc.line)

    @staticmethod
    def _fits(value, line):
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise BadProgram(f"{value} does not fit into a word of 64 bits, with sign", line)

    def _check_texts(self, part):
        """A text may only be an argument of a call, of which Numba then says whether it takes one."""
        if self._texts and any(each.name in self._texts for each in part.list_vars()):
            _refuse("texts", part.loc.line)

    def _meant(self, statement):
        """A statement, or those that mean the same by Python's arithmetic."""
        value = getattr(statement, "value", None)
        if getattr(value, "op", "") not in ("binop", "inplace_binop") or self._is_verb:
            return [statement]
        verb = building[-1].verbs.get(value.immutable_fn if value.op == "inplace_binop" else value.fn)
        if verb is None:
            return [statement]
        name = numba_ir.Var(
            statement.target.scope, f"${verb.__name__}.{statement.target.name}.{id(statement)}", value.loc
        )
        called = numba_ir.Expr.call(name, [value.lhs, value.rhs], (), value.loc)
        bound = numba_ir.Global(verb.__name__, verb, value.loc)
        self._function._definitions[name.name] = [bound]
        statement.value = called
        return [numba_ir.Assign(bound, name, value.loc), statement]


_NOISE = re.compile(
    r"^(Failed in|During:|File |<source|-+\^|.*pipeline \(step|There are \d|Overload of|-> |raised from|- )"
)


def told(error):
    """What one of Numba's errors says, in one line, and the line of the program that it is about (0: not known)."""
    text = str(error)
    opcode = re.search(r"opcode \((\w+)\)", text)
    if opcode:
        what = _OPCODES.get(opcode[1], opcode[1])
        return f"a guest has no {what}: {_ADVICE.get(what, 'use functions and integers')}", int(
            re.findall(r"\((\d+)\)", text)[-1]
        )
    at = getattr(error, "loc", None)
    line = at.line if at else next((int(n) for n in re.findall(r"line (\d+)", text)), 0)
    tried = re.search(r">>> (.*)", text)
    name = re.search(r"Function\(<[\w -]+ (\w+)", text)
    if tried:
        what = f"{name[1]} does not take this: {tried[1]}" if name else f"{tried[1]}: it does not take these"
    else:
        lines = [each.strip() for each in text.splitlines()]
        what = next((each for each in lines if each and not _NOISE.match(each)), text.strip())
    what = re.sub(r"Literal\[int\]\((-?\d+)\)", r"\1", what)
    return what.replace("int64", "int").replace("float64", "float").replace("unicode_type", "text")[:200], line
