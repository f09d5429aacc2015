"""Where the scheduler core and a policy meet: a table of hooks, on one page.

A policy is a Python file with functions named after hooks and marked @hook.  Each gets
the machine `m` and integers.  The core locks, changes states, interrupts, books time;
a policy only keeps an order of threads and answers questions.  Hooks run with the lock
of the queue they are given held (the four marked * run without); they take no lock, change
no state and wake nobody.  `enqueue`, `pick` and `dequeue` are required.

hook          arguments                  what it does, or returns
enqueue       m, queue, thread, reason   the thread, now runnable, joins the queue's order (ENQUEUE_*)
pick          m, queue                   takes the next thread out of the order; -1: none that may run now
dequeue       m, queue, thread           the thread leaves the order without running
stopped       m, queue, thread, reason   the thread that ran on CPU `queue` sleeps, exits or moves (STOP_*)
yielded       m, queue, thread           it gives way by its own wish; `enqueue` follows
tick          m, queue, thread           every 100,000 instructions of the running thread; 1: switch now
timeslice     m, queue, thread           how long it may run in ns (without `tick`; else slice_ns)
preempts      m, queue, thread, running  1: the thread that just joined shall run before the running one
select_cpu *  m, thread, me, reason      the queue for a thread that becomes runnable (PLACE_*)
balance *     m, me, attempt             a queue to take a thread from, -1: give up. An idle CPU asks with
                                         attempt 0, 1, …; a busy one every 4 ms with PERIODIC
add_thread    m, queue, thread           the thread is registered with this scheduler (spawned or moved here)
remove_thread m, queue, thread           it is registered no more (exited or moved away)
cpu_online    m, queue                   the CPU begins to take threads; the queue's words are all 0
cpu_offline   m, queue                   it has given its threads away
add_task *    m, task                    a task begins, before its first thread; its words are all 0 (kse-7, alux-10)
remove_task * m, task                    it has ended: none of its threads is left

Who runs them: pick, stopped, yielded, tick, timeslice and balance run on a CPU, which is balance's `me`.  All others
are also run by actors that are no CPUs, since the system server starts and wakes threads and the timekeeper wakes them:
`me` of select_cpu may be 62 or 63 (61: the supervisor), so compare it with m.nr_cpus before using it as a queue.
Not allowed in hooks, and refused with the line: functions that call themselves, raise, assert (hook_rules.py).

To work with: m.threads[thread].policy and m.queues[queue].policy, 8 and 192 words of the policy's own,
0 at first; m.tasks[task].policy (task = m.threads[thread].task), 8 words that hooks of several queues may change at
the same time, so by `add_to_task` of this file; .nice, .realtime, .affinity, .runtime_ns (time on CPUs, exact at each
hook about the thread); m.queues[queue].now_ns, the time; m.parameters, the values of PARAMETERS; queue.py, linked
lists; randomness.py; `emit_policy` of this file, an event of the policy's own in the trace.

A module may say PARAMETERS = {"name": (default, "what it is")}, all integers (a third entry, a tuple of names,
says what the values 0, 1, … are called: only those are taken, and users may write the names), and QUEUES =
"global" when every runnable thread waits on GLOBAL_QUEUE and CPUs take from there, or "lock-free":
then hooks run on their queue's own CPU and without its lock; `enqueue` and `pick` use put_local and take_local
of local_queue.py (others may take from there) and words of the queue that only its CPU uses; add_thread is about
a thread that this CPU took from elsewhere, and there are no dequeue, preempts, remove_thread.  The
core checks each answer: a thread that is not runnable on the queue, a queue that does not
exist, a thread never picked: the machine fails and the message names policy and hook.

In every process a table of addresses (CPU.hooks) leads to the compiled hooks; a call costs
about a nanosecond and a half, and hooks are compiled and cached on their own.
"""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path

from ...actor.hook_rules import broken_rule
from ...errors import PolicyError
from ...hot import Callback, hot
from ...limits import MAX_HOOKS, MAX_PARAMETERS
from ...shm.events import POLICY, emit
from ...shm.layout import MACHINE
from ...shm.memory import AMO_64, address_of, call_2, call_3, call_4
from ...shm.spinlock import field_address

_add = AMO_64["add"]

# name: arguments, machine included. The index in this table is the hook's number.
HOOKS = {
    "enqueue": 4, "pick": 2, "dequeue": 3, "stopped": 4, "yielded": 3, "tick": 3, "timeslice": 3, "preempts": 4,
    "select_cpu": 4, "balance": 3, "add_thread": 3, "remove_thread": 3, "cpu_online": 2, "cpu_offline": 2,
    "add_task": 2, "remove_task": 2,
}  # fmt: skip
NAMES = tuple(HOOKS)
(
    ENQUEUE, PICK, DEQUEUE, STOPPED, YIELDED, TICK, TIMESLICE, PREEMPTS,
    SELECT_CPU, BALANCE, ADD_THREAD, REMOVE_THREAD, CPU_ONLINE, CPU_OFFLINE, ADD_TASK, REMOVE_TASK,
) = range(len(HOOKS))  # fmt: skip
REQUIRED = ("enqueue", "pick", "dequeue")
NOT_LOCK_FREE = ("dequeue", "preempts", "remove_thread")
assert len(HOOKS) <= MAX_HOOKS

PLACE_SPAWN, PLACE_WAKE, PLACE_PREEMPT = range(3)  # select_cpu: why a thread has to be placed
ENQUEUE_SPAWN, ENQUEUE_WAKE, ENQUEUE_PREEMPT, ENQUEUE_YIELD, ENQUEUE_MOVE, ENQUEUE_BACK = range(6)
STOP_BLOCK, STOP_EXIT, STOP_MOVE = range(3)
PERIODIC = -1

BUILTIN = ("random", "inko", "codezero", "bsd4", "alux", "eevdf")


def load_policy(name):
    """The module of a built-in policy or of a file's path."""
    if name in BUILTIN:
        module = importlib.import_module(f"emu.kernel.policies.{name}")
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
            exec(compile(text, path, "exec"), module.__dict__)  # this text: Python's bytecode files may be of another
        except Exception as error:
            del sys.modules[module_name]
            raise PolicyError(f"policy file {name!r} cannot be loaded: {_where(error, path)}{error}") from error
    module = sys.modules[module_name]
    check_policy(name, module)
    return module


def _where(error, path):
    """The line of a user's file that an error comes from."""
    line, trace = getattr(error, "lineno", None), error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"line {line}: " if line else ""


def check_policy(name, module):
    """Raise PolicyError unless the module has the required hooks, rightly declared."""
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
    if queues not in ("per-cpu", "global", "lock-free"):
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
def call_hook_3(m, me, index, a, b, c):
    """Call a hook of three arguments beside the machine."""
    return call_4(m.cpus[me].hooks[index], address_of(m), a, b, c)


@hot
def tell(m, me, index, queue, i):
    """Call a hook of queue and thread, if the policy has it."""
    if m.cpus[me].hooks[index] != 0:
        call_hook(m, me, index, queue, i)


@hot
def tell_queue(m, me, index, queue):
    """Call a hook of a queue alone, if the policy has it."""
    if m.cpus[me].hooks[index] != 0:
        call_2(m.cpus[me].hooks[index], address_of(m), queue)


@hot
def tell_task(m, me, index, k):
    """Call a hook of a task, if the policy has it."""
    tell_queue(m, me, index, k)


@hot
def add_to_task(m, task, word, by):
    """For hooks: add to one of a task's words, atomically; the old value."""
    return _add(field_address(m.tasks[task], "policy") + 8 * word, by)


@hot
def add_to_queue(m, queue, word, by):
    """For hooks that run without the queue's lock: add to one of its words, atomically; the old value."""
    return _add(field_address(m.queues[queue], "policy") + 8 * word, by)


@hot
def emit_policy(m, queue, thread, a, b):
    """For hooks that run with `queue` locked: an event of the policy's own, a thread or -1 and two numbers.

    The two hooks that run without a lock have `me` and say emit(m, me, POLICY, thread, a, b).
    """
    holder = m.queues[queue].lock - 1
    if holder >= 0:
        emit(m, holder, POLICY, thread, a, b)  # the ring is the lock holder's


def hook(function):
    """Declare a policy's hook: a compiled function that gets the machine and integers."""
    return Callback(function, function.__code__.co_argcount, MACHINE)
