"""Compiles all hot code that a CPU or the system server runs, or loads it from the cache.

The forkserver imports `preloaded` (which warms), so the processes it forks start with machine code in place.
`python -m emu.machine.warm` compiles the units whose names it reads, a line each, into the cache, and says when each is
done: machine/warmup.py runs several.
"""

import importlib
import sys

from .. import hot
from ..actor.lifeline import end_with_parent, ignore_supervisors_signals
from ..actor.policies import BUILTIN
from ..hot import cache

# What compiles longest goes first, so that nobody waits for it at the end.
SLOWEST = ("emu.kernel.linux.calls", "emu.cpu_worker.loop", "emu.isa.interpreter.interpret")


def everything():
    """The units of a machine's entries and callbacks, those of all built-in policies included, the slowest first."""
    for name in ("emu.cpu_worker.process", "emu.server.process", "emu.actor.timekeeper"):
        importlib.import_module(name)
    for policy in BUILTIN:
        importlib.import_module(f"emu.policies.{policy}")
    # A user's may be there, too, and those of emu.testing, which no machine runs: the compilers' processes lack both.
    ours = (e for e in hot.registered() if e.name.startswith("emu.") and not e.name.startswith("emu.testing."))
    rest = len(SLOWEST)
    return sorted(
        hot.units(ours), key=lambda u: (SLOWEST.index(u.name) if u.name in SLOWEST else rest, -len(u.entries), u.name)
    )


def warm():
    """Compile or load all of it."""
    for unit in everything():
        for each in unit.entries:
            each.compile()


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    ignore_supervisors_signals()
    units = {unit.name: unit for unit in everything()}
    for line in sys.stdin:
        try:
            units[line.strip()].store()
        except OSError as error:
            sys.exit(cache.not_written(error))
        print("compiled", flush=True)
