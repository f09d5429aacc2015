"""Policies: finding one by name or by its file, checking what it declares, compiling its hooks, installing them.

Every process of a machine loads the policy itself, since a compiled hook has an address of its own in each.  What a
policy file must look like: emu/policy.py; what its functions may not do: hook_rules.py.
"""

import hashlib
import importlib
import sys
from pathlib import Path

from ..errors import PolicyError
from ..hot import Callback
from ..kernel.sched.hooks import HOOKS, NAMES
from ..kernel.sched.runqueue import QUEUE_KINDS
from ..limits import MAX_PARAMETERS
from .hook_rules import broken_rule

REQUIRED = ("enqueue", "pick", "dequeue")
NOT_LOCK_FREE = ("dequeue", "preempts", "remove_thread")
BUILTIN = ("random", "inko", "codezero", "bsd4", "alux", "eevdf")


def load_policy(name):
    """The module of a built-in policy or of a file's path."""
    if name in BUILTIN:
        module = importlib.import_module(f"emu.policies.{name}")
        check_policy(name, module)
        return module
    if not name.endswith(".py"):
        raise PolicyError(f"unknown policy {name!r}: expected {', '.join(BUILTIN)} or the path of a .py file")
    path = Path(name).resolve()
    if not path.is_file():
        raise PolicyError(f"policy file {name!r} does not exist")
    text = path.read_bytes()
    module_name = f"emu_policy_{path.stem}_{hashlib.sha256(text).hexdigest()[:12]}"
    if module_name not in sys.modules:
        module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(module_name, path))
        sys.modules[module_name] = module
        try:
            exec(compile(text, path, "exec"), module.__dict__)  # not from Python's bytecode file, which may be older
        except Exception as error:
            del sys.modules[module_name]
            why = _advice(error) if isinstance(error, ImportError) else error
            raise PolicyError(f"policy file {name!r} cannot be loaded: {_where(error, path)}{why}") from error
    module = sys.modules[module_name]
    check_policy(name, module)
    return module


def _advice(error):
    """What to do about an import that fails: older policies import by names that have moved."""
    if (error.name or "").startswith("emu"):
        return f"{error}: a policy imports everything that it needs from emu.policy"
    return str(error)


def _where(error, path):
    """The line of a user's file that an error comes from."""
    line, trace = getattr(error, "lineno", None), error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"line {line}: " if line else ""


def check_policy(name, module):
    """Raise PolicyError unless the module has the required hooks, each with the right arguments."""
    queues = getattr(module, "QUEUES", "per-cpu")
    lock_free = queues == "lock-free"
    for hook_name in REQUIRED:
        if lock_free and hook_name in NOT_LOCK_FREE:
            continue
        if not isinstance(getattr(module, hook_name, None), Callback):
            raise PolicyError(f"policy {name!r} has no @hook function {hook_name!r}")
    for hook_name, arity in HOOKS.items():
        found = getattr(module, hook_name, None)
        if isinstance(found, Callback) and found.arity != arity:
            raise PolicyError(
                f"policy {name!r}, line {_line(found)}: hook {hook_name!r} takes {found.arity} arguments, "
                f"expected {arity}"
            )
    for found in vars(module).values():
        if isinstance(found, Callback) and found.function.__module__ == module.__name__:
            if found.function.__name__ not in HOOKS:
                raise PolicyError(
                    f"policy {name!r}, line {_line(found)}: {found.function.__name__!r} is no hook; "
                    f"expected one of {', '.join(HOOKS)}"
                )
    parameters = getattr(module, "PARAMETERS", {})
    if len(parameters) > MAX_PARAMETERS or not all(
        isinstance(p, tuple) and len(p) in (2, 3) and isinstance(p[0], int) for p in parameters.values()
    ):
        raise PolicyError(f"policy {name!r}: PARAMETERS is a dict of name: (integer, text), {MAX_PARAMETERS} at most")
    if queues not in QUEUE_KINDS:
        raise PolicyError(f"policy {name!r}: QUEUES is 'global', 'lock-free' or absent, not {queues!r}")
    for hook_name in NOT_LOCK_FREE if lock_free else ():
        if hasattr(module, hook_name):
            raise PolicyError(f"policy {name!r}: lock-free queues have no hook {hook_name!r}")


def hooks_of(module):
    """The hooks that a policy has."""
    found = (getattr(module, name, None) for name in HOOKS)
    return [each for each in found if isinstance(each, Callback)]


def compile_policy(name, module):
    """Compile every hook; PolicyError says which one is wrong, and where."""
    broken = broken_rule(module)
    if broken:
        raise PolicyError(f"policy {name!r}, {broken}")
    for found in hooks_of(module):
        try:
            found.compile()
        except Exception as error:  # Numba's own errors are many
            text = " ".join(str(error).split())
            raise PolicyError(
                f"policy {name!r}, line {_line(found)}: hook {found.function.__name__!r} does not compile: {text[:300]}"
            ) from error


def _line(found):
    return found.function.__code__.co_firstlineno


def parameters_of(name, module, given=()):
    """The values of a policy's parameters, in order; `given` are (name, text) pairs that change some."""
    declared = getattr(module, "PARAMETERS", {})
    values = {key: entry[0] for key, entry in declared.items()}
    for key, text in given:
        if key not in values:
            known = ", ".join(values) or "none"
            raise PolicyError(f"policy {name!r} has no parameter {key!r}: it has {known}")
        choices = declared[key][2] if len(declared[key]) > 2 else ()
        try:
            values[key] = choices.index(text) if text in choices else int(text)
        except ValueError:
            values[key] = None
        if values[key] is None or (choices and not 0 <= values[key] < len(choices)):
            expected = f"{', '.join(choices)} or 0 to {len(choices) - 1}" if choices else "an integer"
            raise PolicyError(f"parameter {key}={text!r} of policy {name!r}: expected {expected}")
    return list(values.values())


def install(cpu, module):
    """Put the addresses of a policy's hooks into an actor's table (0: no such hook)."""
    for index, hook_name in enumerate(NAMES):
        found = getattr(module, hook_name, None)
        cpu["hooks"][index] = found.address if isinstance(found, Callback) else 0
