"""Everything a CPU or the system server runs hot, compiled or loaded from the cache.

The forkserver imports `preloaded` (which warms), so the processes it forks start with
machine code in place.  `python -m emu.cpu_worker.warm PART PARTS` compiles one share
of a cold cache and prints a line for each function: machine/warmup.py runs several.
"""

import importlib
import sys

from .. import hot
from ..kernel.hooks import BUILTIN

# What compiles longest goes first, each to a share of its own.
SLOWEST = ("emu.isa.interpreter.interpret", "emu.cpu_worker.loop.run", "emu.kernel.syscalls.linux.calls.linux_call")


def everything():
    """All entries and callbacks of a machine, those of all built-in policies included, the slowest first."""
    for name in ("emu.cpu_worker.process", "emu.machine.server", "emu.machine.timekeeper"):
        importlib.import_module(name)
    for policy in BUILTIN:
        importlib.import_module(f"emu.kernel.policies.{policy}")
    return sorted(hot.registered(), key=lambda e: (e.name not in SLOWEST, e.name))


def warm(part=0, parts=1):
    """Compile or load this part's share, yielding the name of each function done."""
    for each in everything()[part::parts]:
        each.compile()
        yield each.name


if __name__ == "__main__":
    for name in warm(int(sys.argv[1]), int(sys.argv[2])):
        print(name, flush=True)
