"""Numba's front end for hot code, without the work that it would do again for each of two thousand functions.

The front end is Python, and most of the time of a cold start. What is here leaves its results as they are: it keeps
what Numba would make anew for each call or function (a record's name, the signature of an operator, the size of a
type), does not ask every registry for news before each function, and runs the passes without the timers, events and
repeated analyses that a user of Numba may want to see.
"""

import functools

from numba.core import base, compiler_machinery, dispatcher, ir, postproc, sigutils, transforms, types, typing
from numba.core import compiler as numba_compiler

# --- what is kept ---------------------------------------------------------------------------------------

_record_text = types.Record.__repr__


def _kept_text(record):
    """A record's name in Numba: Numba asks for it at every step, and ours has thousands of characters."""
    if "_text" not in record.__dict__:
        record._text = _record_text(record)
    return record._text


_call_type = types.Function.get_call_type


def _kept_call_type(function, context, args, kws):
    """The signature of an operator or intrinsic for these types: Numba would try all forms at each call."""
    known = function.__dict__.setdefault("_call_types", {})
    key = (args, *kws.items())
    if key not in known:
        known[key] = _call_type(function, context, args, kws)
    return known[key]


_WITHOUT_VARIABLES = {ir.Loc, str, int, bool, type(None), ir.Const, ir.Global, ir.FreeVar, ir.Arg}


def _list_variables(_, value):
    """The variables in a part of an instruction, in order, without a long look at what cannot be one."""
    found = []
    _add_variables(found, value)
    return found


def _add_variables(found, value):
    kind = type(value)
    if kind is ir.Var:
        found.append(value)
    elif kind in _WITHOUT_VARIABLES:
        return
    elif isinstance(value, (list, tuple)):
        for part in value:
            _add_variables(found, part)
    elif isinstance(value, dict):
        for part in value.values():
            _add_variables(found, part)
    elif isinstance(value, ir.Inst):
        found += value.list_vars()


_post_process = postproc.PostProcessor.run


def _post_process_once(processor, emit_dels=False, extend_lifetimes=False):
    """Analyse a hot function where variables' ends are marked, before it is lowered; other passes need the form only.

    Numba analyses after each pass, since the function may be a generator.
    """
    function = processor.func_ir
    if emit_dels or not hasattr(function, "is_hot"):
        _post_process(processor, emit_dels, extend_lifetimes)
    else:
        function.blocks = transforms.canonicalize_cfg(function.blocks)
        function.generator_info = None


types.Record.__repr__ = _kept_text
types.Function.get_call_type = _kept_call_type
ir.Inst._rec_list_vars = _list_variables
postproc.PostProcessor.run = _post_process_once
base._has_loc = functools.cache(base._has_loc)


def settled(context):
    """What a target context does instead, once it has loaded all registries."""
    sizes = {}
    of_intrinsics = next(iter(context._registries))  # where Numba puts what they lower to, when they are first called

    def refresh():
        context.install_registry(of_intrinsics)

    def get_abi_sizeof(kind):
        if kind not in sizes:
            sizes[kind] = kind.get_abi_size(context.target_data)
        return sizes[kind]

    return {
        "refresh": refresh, "get_abi_sizeof": get_abi_sizeof, "get_arg_packer": functools.cache(context.get_arg_packer)
    }  # fmt: skip


# --- the passes -----------------------------------------------------------------------------------------


class PassManager(compiler_machinery.PassManager):
    """Runs the passes, and nothing between them: those that need an analysis of the function make it."""

    def run(self, state):
        for kind, _ in self.passes:
            each = compiler_machinery._pass_registry.get(kind).pass_inst
            each.analysis = self._analysis
            each.run_pass(state)
            state.func_ir.is_hot = True


class _UpToDate:
    """Stands for a typing context whose registries need not be asked."""

    @staticmethod
    def refresh():
        return


class Pipeline(numba_compiler.CompilerBase):
    """Compiles one function. A subclass defines its passes."""

    def __init__(self, typing_context, *arguments):
        super().__init__(_UpToDate, *arguments)
        self.state.typingctx = typing_context


def _general(kind):
    """A constant's type as that of any word."""
    return types.unliteral(kind) if isinstance(kind, (types.IntegerLiteral, types.BooleanLiteral)) else kind


class Dispatcher(dispatcher.Dispatcher):
    """Numba's object for a function that hot code calls: it compiles without timers and a cache on disk."""

    def get_call_template(self, args, kws):
        """The overload that a call reaches: one for all constants, where Numba would make one for each."""
        signature, folded = self._compiler.fold_argument_types(args, kws)
        general = tuple(_general(each) for each in folded)
        self.compile(general)
        name = self.py_func.__name__
        template = typing.make_concrete_template(name, key=name, signatures=self.nopython_signatures)
        return template, signature, general, {}

    def compile(self, signature):
        arguments, return_type = sigutils.normalize_signature(signature)
        known = self.overloads.get(tuple(arguments))
        if known is not None:
            return known.entry_point
        with self._compiling_counter:
            result = self._compiler.compile(arguments, return_type)
            self.add_overload(result)
        return result.entry_point
