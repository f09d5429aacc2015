"""From hot Python functions to machine code: Numba's front end, then one run of LLVM for each entry.

Numba by itself optimises and generates every function it meets as if it were called from Python, links
its code into all that call it and optimises it there again.  Here a hot function is typed and lowered once
and otherwise only linked: an entry is linked from all it reaches, optimised and generated once, into
an object file that needs nothing of Numba (functions.py keeps it and loads it).  Imported only to compile.
"""

import contextlib
import functools
import gc

import llvmlite.binding as llvm
from llvmlite import ir
from numba import _dynfunc, from_dtype, types
from numba.core import cgutils, typed_passes, untyped_passes
from numba.core import ir as numba_ir
from numba.core.codegen import AOTCPUCodegen, CPUCodeLibrary
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.errors import TypingError
from numba.core.registry import CPUTarget, cpu_target
from numba.extending import intrinsic

from . import front_end

_I64 = ir.IntType(64)
_OBJECT = ir.IntType(8).as_pointer()
_LINKED_AT_ONCE = 16
_OPTIONS = {
    "nopython": True, "nogil": True, "error_model": "numpy", "_nrt": False,
    "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
}  # fmt: skip


class _Library(CPUCodeLibrary):
    """The code of one hot function, as it was lowered, and the libraries of those that it calls."""

    def finalize(self):
        self._raise_if_finalized()
        self._finalized = True

    def add_llvm_module(self, module):
        module.data_layout = self._codegen._data_layout
        self._final_module.link_in(module)

    def get_pointer_to_function(self, name):
        return 0  # Python calls nothing in this library

    def reached(self):
        """This library and all that it needs, each once."""
        found, new = {}, [self]
        while new:
            library = new.pop()
            if id(library) not in found:
                found[id(library)] = library
                new += library._linking_libraries
        return found.values()

    def object_code(self, symbols):
        """All libraries reached, as one object file in which only these symbols are seen from outside."""
        whole = self._linked([library._final_module for library in self.reached()])
        for each in (*whole.functions, *whole.global_variables):
            if not each.is_declaration and each.name not in symbols:
                each.linkage = "internal"
        self._final_module = whole
        passes, builder = self._codegen._module_pass_manager()
        passes.run(whole, builder)
        whole.verify()
        return self._codegen._tm.emit_object(whole)

    def _linked(self, modules):
        """One module of all these, which stay as they are.

        The larger a module is, the longer it takes to link another one to it. So each part is made of a few modules
        only, and the parts are linked in pairs.
        """
        parts = []
        for first in range(0, len(modules), _LINKED_AT_ONCE):
            part = llvm.parse_assembly(str(self._codegen._create_empty_module(self.name)))
            for module in modules[first : first + _LINKED_AT_ONCE]:
                part.link_in(module, preserve=True)
            parts.append(part)
        while len(parts) > 1:
            for one, other in zip(parts[::2], parts[1::2]):
                one.link_in(other)
            parts = parts[::2]
        return parts[0]


class _Codegen(AOTCPUCodegen):
    _library_class = _Library

    def _customize_tm_features(self):
        return self._get_host_cpu_features()


def _no_executable(library, fndesc, env):
    """Stands for the executable code, which is not made: Numba tells compiled functions apart by this object."""
    name = fndesc.qualname.split(".")[-1]
    return _dynfunc.make_function(fndesc.lookup_module(), name, "", 1, env, (library,))


class _Target(CPUTarget):
    typing_context = cpu_target.typing_context

    @functools.cached_property
    def target_context(self):
        cpu_target.target_context.refresh()  # Numba makes its own runtime first
        own = {"_internal_codegen": _Codegen("emu", "host"), "aot_mode": True, "get_executable": _no_executable}
        return cpu_target.target_context.subtarget(**own, **front_end.settled(cpu_target.target_context))


_target = _Target("cpu")


@register_pass(mutates_CFG=False, analysis_only=True)
class _FieldBounds(AnalysisPass):
    """Refuses a constant index beyond a field's words, where the next field's would be read or written."""

    _name = "field bounds"

    def __init__(self):  # abstract in Numba
        super().__init__()

    def run_pass(self, state):
        for block in state.func_ir.blocks.values():
            for statement in block.body:
                if isinstance(statement, numba_ir.StaticSetItem):
                    self._check(state.typemap, statement.target, statement)
                elif isinstance(statement, numba_ir.Assign) and getattr(statement.value, "op", "") == "static_getitem":
                    self._check(state.typemap, statement.value.value, statement.value)
        return False

    @staticmethod
    def _check(types_of, field, item):
        kind, index = types_of[field.name], item.index
        if isinstance(kind, types.NestedArray) and isinstance(index, int) and not 0 <= index < kind.shape[0]:
            raise TypingError(f"index {index} of a field of {kind.shape[0]} words", loc=item.loc)


class _Pipeline(front_end.Pipeline):
    """Numba's passes, without those for what hot code does not have: closures, arrays, loops over literals, raises."""

    def define_pipelines(self):
        untyped, typed = untyped_passes, typed_passes
        pipeline = front_end.PassManager("hot")
        for each in (
            untyped.TranslateByteCode, untyped.FixupArgs, untyped.IRProcessing, untyped.DeadBranchPrune,
            untyped.GenericRewrites, untyped.ReconstructSSA,
            typed.NopythonTypeInference, _FieldBounds, typed.PreLowerStripPhis, typed.IRLegalization,
            typed.AnnotateTypes, typed.NativeLowering, typed.NoPythonBackend,
        ):  # fmt: skip
            pipeline.add_pass(each, each.__name__)
        pipeline.finalize()
        return [pipeline]


class Dispatcher(front_end.Dispatcher):
    """A function that hot code calls."""

    targetdescr = _target

    def __init__(self, function):
        super().__init__(function, targetoptions=_OPTIONS, pipeline_class=_Pipeline)


@contextlib.contextmanager
def _no_collector():
    """Switch the garbage collector off: it would take a tenth of Numba's time, and Numba keeps most objects."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def object_code(pieces):
    """Object file with a C function of words for each (entry, symbol): what functions.py calls.

    For an entry with `for_python` also symbol.python, the same function in the form that Python calls (PyMethodDef,
    METH_FASTCALL).
    """
    return lowered(pieces)()


def lowered(pieces):
    """Type and lower what these entries reach; a function that optimises and generates it, and returns the object file.

    What is lowered serves all that call it later in this process, and in those that are forked from it.
    """
    codegen, symbols = _target.target_context.codegen(), set()
    library = codegen.create_library(pieces[0][1])
    for entry, symbol in pieces:
        first = entry.first.numba if entry.first else None
        signature = (first or types.int64, *(types.int64,) * (entry.arity - 1))[: entry.arity]
        whole = Dispatcher(entry.function)
        with _no_collector():
            whole.compile(signature)
        compiled = whole.overloads[signature]
        module = _target.target_context.create_module(symbol)
        border = _border(module, compiled, signature, symbol)
        symbols.add(symbol)
        if entry.for_python:
            symbols.add(_python_border(module, border, entry.arity).name)
        library.add_ir_module(module)
        library.add_linking_library(compiled.library)
    return functools.partial(library.object_code, symbols)


def _border(module, compiled, signature, symbol):
    """A function with C's calling convention that calls a compiled one."""
    context = _target.target_context
    function = ir.Function(module, ir.FunctionType(_I64, [_I64] * len(signature)), symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    arguments = [
        builder.inttoptr(word, context.get_value_type(kind)) if isinstance(kind, types.Record) else word
        for word, kind in zip(function.args, signature, strict=True)
    ]
    result_type = compiled.signature.return_type
    status, result = context.call_internal_no_propagate(builder, compiled.fndesc, result_type(*signature), arguments)
    with cgutils.if_unlikely(builder, status.is_error):
        builder.call(ir.Function(module, ir.FunctionType(ir.VoidType(), []), "llvm.trap"), [])
    if result_type == types.none:
        builder.ret(_I64(0))
    else:
        builder.ret(context.cast(builder, result, result_type, types.int64))
    return function


def _python_border(module, border, arity):
    """A function that Python calls with an array of objects: integers in, the interpreter lock left, an integer out."""

    def declare(name, result, *arguments):
        return ir.Function(module, ir.FunctionType(result, arguments), name)

    kind = ir.FunctionType(_OBJECT, [_OBJECT, _OBJECT.as_pointer(), _I64])
    function = ir.Function(module, kind, f"{border.name}.python")
    _, objects, count = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    with builder.if_then(builder.icmp_signed("!=", count, _I64(arity)), likely=False):
        builder.call(declare("PyErr_BadArgument", ir.IntType(32)), [])
        builder.ret(_OBJECT(None))
    to_word = declare("PyLong_AsUnsignedLongLongMask", _I64, _OBJECT)
    words = [builder.call(to_word, [builder.load(builder.gep(objects, [_I64(n)]))]) for n in range(arity)]
    error = builder.call(declare("PyErr_Occurred", _OBJECT), [])
    with builder.if_then(builder.icmp_unsigned("!=", error, _OBJECT(None)), likely=False):
        builder.ret(_OBJECT(None))
    state = builder.call(declare("PyEval_SaveThread", _OBJECT), [])
    result = builder.call(border, words)
    builder.call(declare("PyEval_RestoreThread", ir.VoidType(), _OBJECT), [state])
    builder.ret(builder.call(declare("PyLong_FromLongLong", _OBJECT, _I64), [result]))
    return function


def record_type(dtype):
    """Numba's type of a NumPy record."""
    return from_dtype(dtype)


def intrinsic_type(function, options):
    """Numba's type of an intrinsic."""
    made = intrinsic(**options)(function) if options else intrinsic(function)
    cpu_target.typing_context.refresh()
    return made, cpu_target.typing_context.resolve_value_type(made)
