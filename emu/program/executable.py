"""Programs in Python, from functions to an executable: compiled once, kept in the compile cache, refused in one line.

A program is a function and all that it reaches by global names: functions, numbers, arrays of words.  Its key in the
cache is a hash of all that, walked in the functions' code, beside what hot code's keys have (cache.py); so a program
that was compiled before is there again at once, and Numba is not imported.  What the walk cannot name is refused when
it is compiled, so it needs no place in the key.
"""

import hashlib
import operator
import os
import threading
import types
from pathlib import Path

from ..hot import Hot, cache
from ..hot.guest_build import BadProgram, Words
from ..hot.later import Later
from .arithmetic import power, quotient, quotient_and_remainder, remainder, shift_left, shift_right
from .calls import STUBS
from .link import LinkError, link
from .start import INTEGER, KEPT, integer, runtime

_code = Later("emu.hot.guest_code")
_VERBS = {
    operator.lshift: shift_left, operator.ilshift: shift_left,
    operator.rshift: shift_right, operator.irshift: shift_right, operator.pow: power, operator.ipow: power,
    operator.floordiv: quotient, operator.ifloordiv: quotient, divmod: quotient_and_remainder,
}  # fmt: skip
_EXPORTS = {INTEGER: (integer, ("int64",)), "fmod": (remainder, ("float64", "float64"))}
_made = {}  # key -> executable
_one_at_a_time = threading.Lock()  # threads of one process may each have a machine; the compiler builds one program


class ProgramError(Exception):
    """A program that cannot be one, in one line: file, line, what is wrong and what to do."""


def executable(function, arity, name):
    """The bytes of an ELF file that calls a function with so many integers. ProgramError."""
    _check(function, arity)
    key = _key(function, arity, name)
    with _one_at_a_time:
        if key not in _made:
            _made[key] = _stored(key) or _compiled(function, arity, name, key)
        return _made[key]


def _check(function, arity):
    if not isinstance(function, types.FunctionType):
        raise ProgramError(f"{function!r}: expected a Python function")
    code, defaults = function.__code__, len(function.__defaults__ or ())
    if code.co_flags & 0x0C or code.co_kwonlyargcount or not code.co_argcount - defaults <= arity <= code.co_argcount:
        _refuse(function, 0, f"takes {code.co_argcount} arguments, was given {arity} integers")


def _refuse(function, line, what, cause=None):
    code = function.__code__
    where = f"{os.path.basename(code.co_filename)}, line {line or code.co_firstlineno}"
    raise ProgramError(f"{where}: {function.__name__}: {what}") from cause


def _compiled(function, arity, name, key):
    try:
        made = _code.object_of(function, arity, _VERBS, runtime(name, arity), _EXPORTS, KEPT)
        image = link(*made, STUBS)
    except BadProgram as error:
        _refuse(error.function or function, error.line, error.what, error)
    except LinkError as error:
        _refuse(function, 0, f"uses {error}, which a guest does not have", error)
    except Exception as error:  # of Numba, which has many; the cause stays with it
        _refuse(function, 0, f"cannot be compiled: {' '.join(str(error).split())[:200]}", error)
    try:
        cache.store(_path(key), key, image)
    except OSError:  # emu works without a cache
        return image
    return image


# --- the cache ----------------------------------------------------------------------------------------------


def _path(key):
    folder, _, symbol = key.partition(".")
    return cache.object_file(folder, symbol)


def _stored(key):
    return cache.load(_path(key), key)


def _key(function, arity, name):
    folder = cache.folder_of_files(cache.SOURCE_ROOT / "guest.py", Path(__file__).resolve())
    known, parts = {}, [str(arity), repr(name)]
    _walk(function, known, parts)
    return f"{folder}.{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


def _walk(value, known, parts):
    """Note a value that a program's function names; what was noted already is its number."""
    value = value.function if isinstance(value, Hot) else value
    if id(value) in known:
        parts.append(f"#{known[id(value)]}")
        return
    if isinstance(value, (types.FunctionType, Words)):
        known[id(value)] = len(known)
    if isinstance(value, Words):
        parts.append(f"words {value.content}")
    elif isinstance(value, types.FunctionType) and value.__module__.startswith("emu.program."):
        parts.append(f"verb {value.__module__}.{value.__qualname__}")
    elif isinstance(value, types.FunctionType):
        parts.append(f"function {value.__name__} {value.__defaults__!r}")
        _walk_code(value.__code__, value.__globals__, known, parts)
        for cell in value.__closure__ or ():
            _walk(cell.cell_contents, known, parts)
    else:
        parts.append(f"{type(value).__name__} {value!r}" if type(value) in (int, float, bool, tuple) else _named(value))


def _named(value):
    return f"{type(value).__name__} {getattr(value, '__module__', '')}.{getattr(value, '__name__', '')}"


def _walk_code(code, world, known, parts):
    lines = [*code.co_lines()]
    parts.append(
        f"{os.path.basename(code.co_filename)!r} {lines} {code.co_code.hex()} {code.co_names} {code.co_varnames}"
    )
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            _walk_code(each, world, known, parts)
        else:
            parts.append(repr(each))
    for name in code.co_names:
        if name in world:
            _walk(world[name], known, parts)
        for module in {id(v): v for n in code.co_names if isinstance(v := world.get(n), types.ModuleType)}.values():
            if hasattr(module, name) and not module.__name__.startswith("emu."):
                _walk(getattr(module, name), known, parts)
