"""The hot code that a CPU or the system server runs: all of it loaded from the cache, or compiled into it.

The forkserver imports `preloaded` (which warms), so the processes it forks start with machine code in place.
`python -m emu.machine.warm` compiles the units whose names it reads, a line each, into the cache, and says when each is
done: machine/warmup.py runs it.

Half of the time goes into typing and lowering, in Python, of functions that most units share; the other half is LLVM's,
for each object file by itself.  So one process types, and forks others that do the rest, on the other cores.
"""

import gc
import importlib
import os
import signal
import sys
import traceback

from .. import hot
from ..actor.lifeline import end_with_parent, ignore_supervisors_signals
from ..actor.policies import BUILTIN
from ..hot import cache

FIRST = "emu.isa.interpreter.interpret"  # LLVM takes longest for it, and does it while others are typed
MODULES = ("emu.cpu_worker.process", "emu.server.process", "emu.actor.timekeeper")
# Imported by the process that needs it: every command would wait for that.
LATER = ("emu.actor.translator", "emu.cpu_worker.breakpoints")
NO_MACHINES = ("emu.testing.", "emu.world.")  # explore/world.py compiles the latter
AT_ONCE = 32  # object files that a process makes while others are typed


def everything(modules=(*MODULES, *LATER)):
    """The units of a machine's entries and callbacks, those of all built-in policies included, as they are compiled."""
    for name in modules:
        importlib.import_module(name)
    for policy in BUILTIN:
        importlib.import_module(f"emu.policies.{policy}")
    # A user's may be there, too, and others that no machine runs: the compiler's process lacks them.
    ours = (e for e in hot.registered() if e.name.startswith("emu.") and not e.name.startswith(NO_MACHINES))
    return sorted(hot.units(ours), key=lambda u: (u.name != FIRST, -len(u.entries), u.name))


def warm():
    """Load all of it that is in the cache; what is missing, each process compiles when it uses it."""
    for unit in everything(MODULES):
        if unit.load():
            for each in unit.entries:
                each.compile()


def compile_units(units):
    """Compile these into the cache; yields how many are done, now and then. Ends the process when one fails.

    A unit counts as done when its own part is, perhaps before those that it needs. What is there already is left alone.
    """
    gc.disable()  # Numba keeps most objects, and looking through them would take a tenth of the time
    cores, waiting, running, seen, own = os.cpu_count() or 1, [], {}, set(), set()
    for unit in units:
        new = [part for part in unit.lowered() if part.place not in seen]
        seen |= {part.place for part in new}
        missing = [part for part in new if not part.is_stored]
        waiting += missing
        own |= {part.place for part in missing} & {unit.place}
        yield sum(_ended(running, os.WNOHANG)) + (unit.place not in own)
        while len(waiting) >= AT_ONCE and len(running) < max(cores - 1, 1):
            _fork(running, waiting[:AT_ONCE], own)
            waiting = waiting[AT_ONCE:]
    while waiting or running:
        while waiting and len(running) < cores:
            some = max(1, len(waiting) // (2 * cores))  # fewer and fewer, so that all cores end together
            _fork(running, waiting[-some:], own)
            del waiting[-some:]
        yield next(_ended(running, 0))


def _fork(running, parts, own):
    """Start a process that makes these object files; those in `own` are units'."""
    parent = os.getpid()
    child = os.fork()
    if child:
        running[child] = sum(part.place in own for part in parts)
        return
    status = 1
    try:
        end_with_parent(parent)
        for part in parts:
            part.store()
        status = 0
    except OSError as error:
        print(cache.not_written(error), file=sys.stderr, flush=True)
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)  # nothing of the parent's is to be ended here


def _ended(running, options):
    """For each of these processes that ends: how many units it has made."""
    while running:
        child, status = os.waitpid(-1, options)
        if child == 0:
            return
        done = running.pop(child)
        if status:
            for each in running:
                os.kill(each, signal.SIGKILL)
            sys.exit(f"its process was killed by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else 1)
        yield done


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    ignore_supervisors_signals()
    known = {unit.name: unit for unit in everything()}
    for done in compile_units([known[line.strip()] for line in sys.stdin]):
        print("compiled\n" * done, end="", flush=True)
