"""From Python functions of a guest's program to RISC-V code: Numba's front end as for hot code, LLVM's RISC-V back end.

Numba types a function and lowers it to LLVM code, in which nothing depends on the host but the name of the target: both
have 64-bit pointers and the same layout of all that a program can have.  So the code of all functions is linked, given
the target's name and generated for RV64GC.  Compiled are a program's first function, all that it calls and all that it
starts as threads, anew for each program: results are kept by who calls this (program/executable.py).

What differs from hot code of the kernel: plain functions are taken without a mark; arithmetic is Python's (a division
by zero, a negative shift and a wrong index end the program with one line, and shifts may be longer than 63), but
integers wrap at 64 bits; what a guest cannot have is refused with its line (guest_rules.py).

Rejected: a compiler of our own from Python's syntax to instructions.  It would have to infer types, allocate registers
and optimise to be of use for measurements, and Numba's code compares with C's.
"""

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import callconv, lowering, typed_passes, types, untyped_passes
from numba.core.compiler_machinery import register_pass
from numba.core.errors import ForceLiteralArg, NumbaError, TypingError, UnsupportedBytecodeError

from . import compiler, front_end, guest_arrays  # noqa: F401 (guest_arrays: so that Numba knows them)
from .guest_build import MAIN, BadProgram, Program, building, failure, is_verb, place_of, where
from .guest_rules import Rules, told

_I64 = ir.IntType(64)
_TRIPLE, _FEATURES = "riscv64-unknown-elf", "+m,+a,+f,+d,+c,-relax"
_OPTIONS = {**compiler._OPTIONS, "error_model": "guest"}
_UNRESOLVED = ".numba.unresolved$"


# --- compilation ----------------------------------------------------------------------------------------


class _ErrorModel(callconv.ErrorModel):
    """A division by zero ends the program."""

    raise_on_fp_zero_division = True

    def fp_zero_division(self, builder, exc_args=None, loc=None):
        failure(builder, where(), (exc_args or ("division by zero",))[0])
        return True


callconv.error_models["guest"] = _ErrorModel


class _Lower(lowering.Lower):
    def lower_inst(self, statement):
        building[-1].line = place_of(self.library.function, statement.loc.line)
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
            untyped.TranslateByteCode, untyped.FixupArgs, untyped.IRProcessing, Rules, untyped.DeadBranchPrune,
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
        except (NumbaError, UnsupportedBytecodeError) as error:
            if is_verb(self.py_func):  # whoever calls it is told
                kinds = (k.dispatcher.py_func.__name__ if hasattr(k, "dispatcher") else str(k) for k in signature)
                raise TypingError(f">>> guest.{self.py_func.__name__}({', '.join(kinds)})") from error
            raise BadProgram(*told(error), self.py_func) from error


def object_of(main, arity, verbs, runtime, exports, kept):
    """The object file of a program, `main` and what it reaches; and [(symbol, Words)], its arrays.

    verbs: {operator: intrinsic that stands for it}; runtime: LLVM's text of what every program has; exports:
    {symbol: (function, names of its arguments' types)} of what that calls; kept: the symbols that stay.
    """
    program = Program(verbs, _Dispatcher)
    building.append(program)
    try:
        with compiler._no_collector():
            library, symbols = _lowered(program, main, arity, exports)
            return _generated(library, {*symbols, *kept}, runtime), list(program.words.values())
    finally:
        building.pop()


def _lowered(program, main, arity, exports):
    context = compiler._target.target_context
    library = context.codegen().create_library("emu.borders")
    module = context.create_module("emu.borders")
    symbols = set()
    for symbol, (function, kinds) in exports.items():
        _border(
            context, module, library, program.dispatcher(function), [getattr(types, kind) for kind in kinds], symbol
        )
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
        what = "an integer or nothing, as it comes" if isinstance(result_type, types.Optional) else result_type
        raise BadProgram(f"returns {what}: expected an integer, the exit status, or nothing", 0, dispatcher.py_func)
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


def _resolve(whole):
    """Give addresses to the words that Numba has functions called through that were not compiled yet (recursion)."""
    names = [each.name for each in whole.global_variables if each.name.startswith(_UNRESOLVED)]
    lines = [f'@"{name}" = constant ptr @"{name.removeprefix(_UNRESOLVED)}"' for name in names]
    lines += [f'declare void @"{name.removeprefix(_UNRESOLVED)}"()' for name in names]
    return "\n".join(lines)


def _generated(library, symbols, runtime):
    machine = _machine()
    libraries, shared = library.reached()
    assert not shared, "a verb is never inlined: it would be the host's code"
    whole = library._linked([each._final_module for each in libraries])
    whole.triple, whole.data_layout = _TRIPLE, str(machine.target_data)
    for text in (_resolve(whole), runtime):
        parsed = llvm.parse_assembly(text)
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
