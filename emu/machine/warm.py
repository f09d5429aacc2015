"""Compiles all hot code that a CPU or the system server runs, or loads it from the cache.

The forkserver imports `preloaded` (which warms), so the processes it forks start with
machine code in place.  `python -m emu.machine.warm` compiles the functions whose names it reads, a line
each, into the cache, and says when each is done: machine/warmup.py runs several.
"""

import importlib
import sys

from .. import hot
from ..actor.lifeline import end_with_parent, ignore_supervisors_signals
from ..actor.policies import BUILTIN
from ..hot import cache

# What compiles longest goes first, so that nobody waits for it at the end.
SLOWEST = (
    "emu.isa.interpreter.interpret.interpret",
    "emu.cpu_worker.loop.run",
    "emu.kernel.linux.calls.linux_call",
)


def everything():
    """All entries and callbacks of a machine, those of all built-in policies included, the slowest first."""
    for name in ("emu.cpu_worker.process", "emu.server.process", "emu.actor.timekeeper"):
        importlib.import_module(name)
    for policy in BUILTIN:
        importlib.import_module(f"emu.policies.{policy}")
    # A user's may be there, too, and those of emu.testing, which no machine runs: the compilers' processes lack both.
    ours = (e for e in hot.registered() if e.name.startswith("emu.") and not e.name.startswith("emu.testing."))
    return sorted(ours, key=lambda e: (e.name not in SLOWEST, e.name))


def warm():
    """Compile or load all of it."""
    for each in everything():
        each.compile()


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    ignore_supervisors_signals()
    functions = {each.name: each for each in everything()}
    for line in sys.stdin:
        try:
            functions[line.strip()].store()
        except OSError as error:
            sys.exit(cache.not_written(error))
        print("compiled", flush=True)
