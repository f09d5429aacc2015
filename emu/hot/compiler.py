"""From hot Python functions to machine code: Numba's front end, then one run of LLVM for each object file.

Numba by itself optimises and generates every function it meets as if it were called from Python, links
its code into all that call it and optimises it there again.  Here a hot function is typed and lowered once
and otherwise only linked: an entry is linked from all it reaches, optimised and generated once, into
an object file that needs nothing of Numba (object_files.py keeps it and loads it).  Imported only to compile.

A function of emu that is never inlined is *shared*: it has an object file of its own, and all others call it there.
What they are linked from has, in its place, a stub that LLVM inlines: a call of its symbol.
"""

import contextlib
import functools
import gc
import hashlib
from dataclasses import dataclass
from pathlib import Path

import llvmlite.binding as llvm
from numba import _dynfunc, from_dtype, types
from numba.core import ir as numba_ir
from numba.core import typed_passes, untyped_passes
from numba.core.codegen import AOTCPUCodegen, CPUCodeLibrary
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.errors import TypingError
from numba.core.registry import CPUTarget, cpu_target
from numba.extending import intrinsic

from . import borders, cache, front_end, object_files

_LINKED_AT_ONCE = 16
_OPTIONS = {
    "nopython": True, "nogil": True, "error_model": "numpy", "_nrt": False,
    "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
}  # fmt: skip


class _Library(CPUCodeLibrary):
    """The code of one hot function, as it was lowered, and the libraries of those that it calls."""

    function = None  # the Python function; None for the borders of entries (borders.py)
    stub = None  # of a shared one: what others are linked from in its place, an LLVM module
    place = None  # of a shared one: its object file
    is_shared = False

    def add_ir_module(self, module):
        if self.function is not None and _may_be_shared(self.function):
            for each in module.functions:
                if hasattr(each, "is_never_inlined"):
                    each.attributes.discard("noinline")  # in its own object file it is inlined
                    self.is_shared = True
        super().add_ir_module(module)

    def finalize(self):
        self._raise_if_finalized()
        self._finalized = True

    def add_llvm_module(self, module):
        module.data_layout = self._codegen._data_layout
        self._final_module.link_in(module)

    def get_pointer_to_function(self, name):
        return 0  # Python calls nothing in this library

    def reached(self):
        """(libraries, shared): what this one's object file is linked from, and what that calls in others."""
        libraries, shared, waiting = {id(self): self}, {}, [*self._linking_libraries]
        while waiting:
            library = waiting.pop()
            if id(library) in libraries or id(library) in shared:
                continue
            if getattr(library, "stub", None):
                shared[id(library)] = library
            else:
                libraries[id(library)] = library
                waiting += library._linking_libraries
        return list(libraries.values()), list(shared.values())

    def object_code(self, symbols):
        """The object file, in which only these symbols are seen from outside."""
        libraries, shared = self.reached()
        whole = self._linked([each._final_module for each in libraries] + [each.stub for each in shared])
        for each in (*whole.functions, *whole.global_variables):
            if not each.is_declaration and each.name not in symbols:
                each.linkage = "internal"
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

    def compile_extra(self, function):
        self.state.library = self.state.targetctx.codegen().create_library(function.__qualname__)
        self.state.library.function = function
        return super().compile_extra(function)

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

    def add_overload(self, result):
        if result.library.is_shared:
            _share(result)
        super().add_overload(result)


def _may_be_shared(function):
    """Whether the folder of its source file says all that its code depends on, at any time."""
    inside = Path(function.__code__.co_filename).resolve().is_relative_to(cache.SOURCE_ROOT)
    return inside and function.__closure__ is None and "<locals>" not in function.__qualname__


def _share(result):
    """Give a function's library a symbol that others call, and the stub that calls it."""
    library, code = result.library, result.library.function.__code__
    folder = cache.entry_folder(code.co_filename)
    kinds = hashlib.sha256(repr(result.fndesc.argtypes).encode()).hexdigest()[:20]
    library.place = folder, f"{folder}.{library.function.__qualname__}.{code.co_firstlineno}.{kinds}"
    body, stub = borders.shared(_target.target_context, result.fndesc, library.place[1])
    library.add_llvm_module(llvm.parse_assembly(str(body)))
    library.stub = llvm.parse_assembly(str(stub))


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


@dataclass
class Part:
    """What becomes one object file: entries, or a shared function."""

    place: tuple[str, str]  # where it goes
    library: _Library
    symbols: set[str]
    needs: list[tuple[str, str]]  # the places of what it calls

    @property
    def is_stored(self):
        """Whether its object file is in the cache, undamaged."""
        return object_files.is_stored(self.place)

    def generate(self):
        """Have LLVM optimise and generate it; the object file's content."""
        return object_files.content(self.needs, self.library.object_code(self.symbols))

    def store(self):
        """Generate it and put it into the cache. OSError when that cannot be written."""
        object_files.store(self.place, self.generate())


def lowered(pieces, place):
    """Type and lower what entries reach; the Part of the entries, to be put at this place, and those that they need.

    The entries' object file has, for each (entry, symbol), a C function of words. For an entry with `for_python` also
    symbol.python, the same function in the form that Python calls (PyMethodDef, METH_FASTCALL).
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
        of_words = borders.of_words(_target.target_context, module, compiled, signature, symbol)
        symbols.add(symbol)
        if entry.for_python:
            symbols.add(borders.of_objects(module, of_words).name)
        library.add_ir_module(module)
        library.add_linking_library(compiled.library)
    library.place = place
    return _parts(library, symbols)


def _parts(library, symbols):
    """The part of a library, and those that it needs, each once."""
    parts, waiting = {}, [(library, symbols)]
    while waiting:
        library, symbols = waiting.pop()
        if library.place not in parts:
            _, shared = library.reached()
            parts[library.place] = Part(library.place, library, symbols, [each.place for each in shared])
            waiting += ((each, {each.place[1]}) for each in shared)
    return list(parts.values())


def record_type(dtype):
    """Numba's type of a NumPy record."""
    return from_dtype(dtype)


def intrinsic_type(function, options):
    """Numba's type of an intrinsic."""
    made = intrinsic(**options)(function) if options else intrinsic(function)
    cpu_target.typing_context.refresh()
    return made, cpu_target.typing_context.resolve_value_type(made)
