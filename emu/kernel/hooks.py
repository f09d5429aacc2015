"""Where the scheduler core and a policy meet: a table of hooks.

A policy is a Python file with functions named after hooks and marked @hook.  Each
gets the machine `m` and integers.  Hooks run with the lock of the queue they are
given held; they keep their own order of threads (queue.py helps) and change no
state, take no lock, wake nobody: the core does.  `enqueue`, `pick` and `dequeue`
are required.

hook        arguments              result
select_cpu  m, thread, me, reason  queue for a thread that becomes runnable (PLACE_*); no lock held
enqueue     m, queue, thread       the thread joins the queue's order
pick        m, queue               takes a thread out of the order and returns it, -1 when empty
dequeue     m, queue, thread       the thread leaves the order without running
balance     m, me, attempt         queue to take a thread from, -1 to give up; no lock held
tick        m, queue, thread       the running thread used up a budget; 1: switch now
timeslice   m, queue, thread       how long it may run, in ns

In every process a table of addresses (CPU.hooks) leads to the compiled hooks; a
call costs about a nanosecond and a half, and hooks are compiled and cached on their own.
"""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path

from ..hot import Callback, hot
from ..limits import MAX_HOOKS
from ..shm.layout import MACHINE
from ..shm.memory import address_of, call_2, call_3, call_4

SELECT_CPU, ENQUEUE, PICK, DEQUEUE, BALANCE, TICK, TIMESLICE = range(7)
NAMES = ("select_cpu", "enqueue", "pick", "dequeue", "balance", "tick", "timeslice")
ARITY = (4, 3, 2, 3, 3, 3, 3)  # machine included
REQUIRED = ("enqueue", "pick", "dequeue")
assert len(NAMES) <= MAX_HOOKS

# Why a thread has to be placed (select_cpu's reason).
PLACE_SPAWN, PLACE_WAKE, PLACE_PREEMPT = range(3)

BUILTIN = ("random", "inko")


class PolicyError(ValueError):
    """A policy that cannot be loaded; the message is for the user."""


def load_policy(name):
    """The module of a built-in policy or of a file's path."""
    if name in BUILTIN:
        return importlib.import_module(f"emu.kernel.policies.{name}")
    if not name.endswith(".py"):
        raise PolicyError(
            f"unknown policy {name!r}: expected {', '.join(BUILTIN)} or the path of a .py file"
        )
    path = Path(name).resolve()
    if not path.is_file():
        raise PolicyError(f"policy file {name!r} does not exist")
    module_name = f"emu_policy_{path.stem}_{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[module_name]
            raise PolicyError(f"policy file {name!r} cannot be loaded: {error}") from error
    module = sys.modules[module_name]
    check_policy(name, module)
    return module


def check_policy(name, module):
    """Raise PolicyError unless the module has the required hooks, rightly declared."""
    for hook_name in REQUIRED:
        if not isinstance(getattr(module, hook_name, None), Callback):
            raise PolicyError(f"policy {name!r} has no @hook function {hook_name!r}")
    for hook_name, arity in zip(NAMES, ARITY, strict=True):
        found = getattr(module, hook_name, None)
        if isinstance(found, Callback) and found.arity != arity:
            raise PolicyError(
                f"policy {name!r}: hook {hook_name!r} takes {found.arity} arguments, expected {arity}"
            )


def install(cpu, module):
    """Put the addresses of a policy's hooks into an actor's table (0: no such hook)."""
    for index, hook_name in enumerate(NAMES):
        found = getattr(module, hook_name, None)
        cpu["hooks"][index] = found.address if isinstance(found, Callback) else 0


@hot
def has_hook(m, me, index):
    return m.cpus[me].hooks[index] != 0


@hot
def call_pick(m, me, queue):
    return call_2(m.cpus[me].hooks[PICK], address_of(m), queue)


@hot
def call_hook(m, me, index, a, b):
    """Call a hook of two arguments beside the machine."""
    return call_3(m.cpus[me].hooks[index], address_of(m), a, b)


@hot
def call_select(m, me, i, reason):
    return call_4(m.cpus[me].hooks[SELECT_CPU], address_of(m), i, me, reason)


def hook(function):
    """Declare a policy's hook: a compiled function that gets the machine and integers."""
    return Callback(function, function.__code__.co_argcount, MACHINE.numba)
