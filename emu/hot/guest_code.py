"""From Python functions of a guest's program to RISC-V code: Numba's front end as for hot code, LLVM's RISC-V back end.

Numba types a function and lowers it to LLVM code, in which nothing depends on the host but the name of the target: both
have 64-bit pointers and the same layout of all that a program can have.  So the code of all functions is linked, given
the target's name and generated for RV64GC.  Compiled are: a program's first function, `main`, all that it calls, and
all that it starts as threads; `build` is what others call, under Numba's lock.

What differs from hot code of the kernel: plain functions are taken without a mark; arithmetic is Python's (a division
by zero, a negative shift and a wrong index end the program with one line, and shifts may be longer than 63), except that
integers wrap at 64 bits; what a guest cannot have is refused with its line (_Rules).

Rejected: a compiler of our own from Python's syntax to instructions.  It would have to infer types, allocate registers
and optimise to be of use for measurements, and Numba's code compares with C's.
"""

import operator
import os
import re
import types as python_types

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import callconv, datamodel, lowering, typed_passes, types, untyped_passes
from numba.core import ir as numba_ir
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.errors import ForceLiteralArg, NumbaError, TypingError
from numba.core.imputils import lower_builtin, lower_constant
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from . import compiler, front_end
from .functions import Hot, Intrinsic
from .guest_words import MAIN, BadProgram, Words, failure, word_pointer

_I64, _VOID = ir.IntType(64), ir.VoidType()
_TRIPLE, _FEATURES = "riscv64-unknown-elf", "+m,+a,+f,+d,+c,-relax"
_BUILTINS = {range, abs, min, max, int, float, bool, len, divmod, round, pow, enumerate, zip}
_OPTIONS = {**compiler._OPTIONS, "error_model": "guest"}
_building = []  # the program that is being compiled


class Program:
    """A program while it is compiled: its functions, those that threads begin with, its arrays of words."""

    def __init__(self, verbs):
        self.verbs = verbs  # {operator: hot function that stands for it}
        self.bodies, self.words, self.line = {}, {}, 0
        self._dispatchers = {}

    def dispatcher(self, function):
        if function not in self._dispatchers:
            self._dispatchers[function] = _Dispatcher(function)
        return self._dispatchers[function]

    def body(self, function):
        """The symbol of what a thread executes that begins with this function."""
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


# --- arrays of words ------------------------------------------------------------------------------------


class WordsType(types.Type):
    """Numba's type of an array of `count` words; its value is the address."""

    def __init__(self, count):
        self.count = count
        super().__init__(name=f"words({count})")


def is_words(kind):
    return isinstance(kind, WordsType)


def address_of_body(builder, function):
    """The address of what a thread executes that begins with this function."""
    name = _building[-1].body(function)
    found = builder.module.globals.get(name) or ir.Function(builder.module, ir.FunctionType(_I64, [_I64]), name)
    return builder.ptrtoint(found, _I64)


class _WordsModel(datamodel.models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _I64)


datamodel.register_default(WordsType)(_WordsModel)


@lower_constant(WordsType)
def _words_constant(context, builder, kind, words):
    name = _building[-1].symbol_of_words(words)
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
        if isinstance(args[0], WordsType) and isinstance(args[1], types.Integer):
            if not isinstance(args[2], (types.Integer, types.Boolean)):
                raise TypingError(f"words hold integers, not {args[2]}")
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


# --- what is refused, and what is meant otherwise -----------------------------------------------------------

_REFUSED = {
    "build_list": "a list", "build_set": "a set", "build_map": "a dictionary", "make_function": "a function inside a function",
    "yield": "a generator", "setattr": "an attribute that is set", "storemap": "a dictionary", "delitem": "del",
    "delattr": "del", "raise": "raise or assert", "with": "with", "format": "a text that is put together",
}  # fmt: skip
_KINDS = {
    numba_ir.SetAttr: "setattr", numba_ir.DelAttr: "delattr", numba_ir.StoreMap: "storemap", numba_ir.DelItem: "delitem",
    numba_ir.Raise: "raise", numba_ir.StaticRaise: "raise", numba_ir.TryRaise: "raise", numba_ir.StaticTryRaise: "raise",
    numba_ir.DynamicRaise: "raise", numba_ir.DynamicTryRaise: "raise", numba_ir.EnterWith: "with",
}  # fmt: skip
_ADVICE = {
    "a list": "make it guest.words(n) outside of the function",
    "raise or assert": "end the program with guest.exit(status)",
    "a text that is put together": "write its parts with guest.write and guest.print_int",
}


def _refuse(what, loc, advice=""):
    advice = advice or _ADVICE.get(what, "")
    raise BadProgram(f"a guest has no {what}{f': {advice}' if advice else ''}", loc.line)


@register_pass(mutates_CFG=False, analysis_only=False)
class _Rules(AnalysisPass):
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
        if type(statement) in _KINDS:
            _refuse(_REFUSED[_KINDS[type(statement)]], statement.loc)
        value = getattr(statement, "value", None)
        if not isinstance(statement, numba_ir.Assign):
            self._check_texts(statement)
            return
        if isinstance(value, numba_ir.Yield):
            _refuse("a generator", statement.loc)
        if isinstance(value, numba_ir.Expr):
            if value.op in _REFUSED:
                _refuse(_REFUSED[value.op], value.loc)
            if value.op == "getattr":
                self._attribute(statement, value)
            elif value.op != "call":
                self._check_texts(value)
        if isinstance(statement.value, (numba_ir.Global, numba_ir.FreeVar)):
            self._name_of(statement, statement.value)
        elif isinstance(statement.value, numba_ir.Const):
            self._constant(statement, statement.value)

    def _attribute(self, statement, value):
        """module.name is the thing itself."""
        module = self._modules.get(value.value.name)
        if module is None:
            _refuse(f"attributes such as .{value.attr}", value.loc, "use guest.words, integers and tuples")
        if not hasattr(module, value.attr):
            raise BadProgram(f"{module.__name__} has no {value.attr!r}", value.loc.line)
        statement.value = numba_ir.Global(value.attr, getattr(module, value.attr), value.loc)

    def _name_of(self, statement, named):
        value = named.value
        if isinstance(value, python_types.ModuleType):
            self._modules[statement.target.name] = value
        elif isinstance(value, (python_types.FunctionType, Hot)):
            value = value.function if isinstance(value, Hot) else value
            statement.value = numba_ir.Global(named.name, _building[-1].dispatcher(value), named.loc)
        elif isinstance(value, (int, float)) or (isinstance(value, tuple) and all(type(v) in (int, float) for v in value)):
            for each in value if isinstance(value, tuple) else (value,):
                self._fits(each, named.loc)
        elif value is print:
            _refuse("print", named.loc, "use guest.print_int(x) and guest.write('text')")
        elif not self._may_be_used(value):
            advice = "make it guest.words(…)" if hasattr(value, "__len__") else ""
            what = f"{named.name!r}, which is {type(value).__name__} {getattr(value, '__name__', '')}".rstrip()
            _refuse(what, named.loc, advice or "use integers, floats, tuples and what emu.guest has")

    @staticmethod
    def _may_be_used(value):
        known = isinstance(value, (Words, Intrinsic)) or getattr(value, "__module__", "") == "math"
        return known or any(value is each for each in _BUILTINS)

    def _constant(self, statement, constant):
        if isinstance(constant.value, str):
            self._texts.add(statement.target.name)
        elif isinstance(constant.value, (bytes, complex, frozenset)):
            _refuse(f"{type(constant.value).__name__}", constant.loc, "use integers and floats")
        elif isinstance(constant.value, int):
            self._fits(constant.value, constant.loc)

    @staticmethod
    def _fits(value, loc):
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise BadProgram(f"{value} does not fit into a word of 64 bits, with sign", loc.line)

    def _check_texts(self, part):
        """A text may only be an argument of a call, of which Numba then says whether it takes one."""
        if self._texts and any(each.name in self._texts for each in part.list_vars()):
            _refuse("texts", part.loc, "guest.write('text') writes one, and that is all")

    def _meant(self, statement):
        """A statement, or those that mean the same with Python's shifts."""
        value = getattr(statement, "value", None)
        if getattr(value, "op", "") not in ("binop", "inplace_binop") or self._is_verb:
            return [statement]
        verb = _building[-1].verbs.get(value.immutable_fn if value.op == "inplace_binop" else value.fn)
        if verb is None:
            return [statement]
        name = numba_ir.Var(statement.target.scope, f"${verb.__name__}.{statement.target.name}.{id(statement)}", value.loc)
        called = numba_ir.Expr.call(name, [value.lhs, value.rhs], (), value.loc)
        bound = numba_ir.Global(verb.__name__, _building[-1].dispatcher(verb), value.loc)
        self._function._definitions[name.name] = [bound]
        statement.value = called
        return [numba_ir.Assign(bound, name, value.loc), statement]


_NOISE = re.compile(r"^(Failed in|During:|File |<source|-+\^|.*pipeline \(step|There are \d|Overload of|-> |raised from|- )")


def told(error):
    """What one of Numba's errors says, in one line, and the line of the program that it is about (0: not known)."""
    text = str(error)
    at = getattr(error, "loc", None)
    line = at.line if at else next((int(n) for n in re.findall(r"line (\d+)", text)), 0)
    tried = re.search(r">>> (.*)", text)
    name = re.search(r"Function\(<[\w -]+ (\w+)", text)
    if tried:
        what = f"{name[1] if name else 'a call'} does not take this: {tried[1]}"
    else:
        lines = [each.strip() for each in text.splitlines()]
        what = next((each for each in lines if each and not _NOISE.match(each)), text.strip())
    return what.replace("int64", "int").replace("float64", "float").replace("unicode_type", "text")[:200], line


# --- compilation ----------------------------------------------------------------------------------------


class _ErrorModel(callconv.ErrorModel):
    """A division by zero ends the program."""

    raise_on_fp_zero_division = True

    def fp_zero_division(self, builder, exc_args=None, loc=None):
        failure(builder, where(), (exc_args or ("division by zero",))[0])
        return True


callconv.error_models["guest"] = _ErrorModel


def where():
    """The line that is being lowered, for failures."""
    return _building[-1].line if _building else ""


class _Lower(lowering.Lower):
    def lower_inst(self, statement):
        _building[-1].line = place_of(self.library.function, statement.loc.line)
        super().lower_inst(statement)


@register_pass(mutates_CFG=True, analysis_only=False)
class _NativeLowering(typed_passes.BaseNativeLowering):
    _name = "lowering of guest programs"

    @property
    def lowering_class(self):
        return _Lower


class _Pipeline(compiler._Pipeline):
    def define_pipelines(self):
        untyped, typed = untyped_passes, typed_passes
        pipeline = front_end.PassManager("guest")
        for each in (
            untyped.TranslateByteCode, untyped.FixupArgs, untyped.IRProcessing, _Rules, untyped.DeadBranchPrune,
            untyped.GenericRewrites, untyped.ReconstructSSA,
            typed.NopythonTypeInference, typed.PreLowerStripPhis, typed.IRLegalization,
            typed.AnnotateTypes, _NativeLowering, typed.NoPythonBackend,
        ):  # fmt: skip
            pipeline.add_pass(each, each.__name__)
        pipeline.finalize()
        return [pipeline]


class _Dispatcher(front_end.Dispatcher):
    """A function of a program."""

    targetdescr = compiler._target

    def __init__(self, function):
        super().__init__(function, targetoptions=_OPTIONS, pipeline_class=_Pipeline)

    def compile(self, signature):
        try:
            return super().compile(signature)
        except ForceLiteralArg:
            raise  # it is how Numba asks for a literal
        except NumbaError as error:
            raise BadProgram(*told(error), self.py_func) from error


def object_of(main, arity, verbs, runtime, exports, kept):
    """The object file of a program: `main` and what it reaches, as `_start` calls it; and [(symbol, Words)] of its arrays.

    verbs: {operator: function that stands for it}; runtime: LLVM's text of what every program has; exports:
    {symbol: (function, names of its arguments' types)} of what that calls; kept: the symbols that stay.
    """
    program = Program(verbs)
    _building.append(program)
    try:
        with compiler._no_collector():
            library, symbols = _lowered(program, main, arity, exports)
            return _generated(library, {*symbols, *kept}, runtime), list(program.words.values())
    finally:
        _building.pop()


def _lowered(program, main, arity, exports):
    context = compiler._target.target_context
    library = context.codegen().create_library("emu.borders")
    module = context.create_module("emu.borders")
    symbols = set()
    for symbol, (function, kinds) in exports.items():
        _border(context, module, library, program.dispatcher(function), [getattr(types, kind) for kind in kinds], symbol)
        symbols.add(symbol)
    _border(context, module, library, program.dispatcher(main), [types.int64] * arity, MAIN, is_main=True)
    done = set()
    while rest := [each for each in program.bodies if each not in done]:
        for function in rest:
            done.add(function)
            symbol = program.bodies[function]
            _border(context, module, library, program.dispatcher(function), [types.int64], symbol)
            symbols.add(symbol)
    library.add_ir_module(module)
    return library, symbols


def _border(context, module, library, dispatcher, kinds, symbol, is_main=False):
    """A C function that calls a compiled one."""
    dispatcher.compile(tuple(kinds))
    compiled = dispatcher.overloads[tuple(kinds)]
    result_type = compiled.signature.return_type
    returns = result_type if result_type == types.float64 else types.int64
    if is_main and result_type != types.none and not isinstance(result_type, (types.Integer, types.Boolean)):
        raise BadProgram(f"returns {result_type}: expected an integer, the exit status, or nothing", 0, dispatcher.py_func)
    arguments = [context.get_value_type(kind) for kind in kinds]
    function = ir.Function(module, ir.FunctionType(context.get_value_type(returns), arguments), symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    _, result = context.call_internal_no_propagate(builder, compiled.fndesc, compiled.signature, function.args)
    if isinstance(result_type, (types.Number, types.Boolean)):
        builder.ret(context.cast(builder, result, result_type, returns))
    else:
        builder.ret(_I64(0))
    library.add_linking_library(compiled.library)


def _machine():
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(_TRIPLE)
    return target.create_target_machine(
        cpu="generic-rv64", features=_FEATURES, opt=2, reloc="static", codemodel="medium"
    )


def _generated(library, symbols, runtime):
    machine = _machine()
    libraries, shared = library.reached()
    assert not shared, "a verb is never inlined: it would be the host's code"
    whole = library._linked([each._final_module for each in libraries])
    whole.triple, whole.data_layout = _TRIPLE, str(machine.target_data)
    parsed = llvm.parse_assembly(runtime)
    parsed.triple, parsed.data_layout = _TRIPLE, str(machine.target_data)
    whole.link_in(parsed)
    for each in (*whole.functions, *whole.global_variables):
        if not each.is_declaration and each.name not in symbols:
            each.linkage = "internal"
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(whole, builder)
    whole.verify()
    return machine.emit_object(whole)
