"""Everything a CPU or the system server runs hot, compiled or loaded from the cache.

The forkserver imports `preloaded` (which warms), so the processes it forks start with
machine code in place.  `python -m emu.cpu_worker.warm` compiles the functions whose numbers
it reads, a line each, and prints a line for each: machine/warmup.py runs several.
"""

import importlib
import sys

from .. import hot
from ..kernel.hooks import BUILTIN

# What compiles longest goes first, so that nobody waits for it at the end.
SLOWEST = ("emu.isa.interpreter.interpret", "emu.cpu_worker.loop.run", "emu.kernel.syscalls.linux.calls.linux_call")


def everything():
    """All entries and callbacks of a machine, those of all built-in policies included, the slowest first."""
    for name in ("emu.cpu_worker.process", "emu.machine.server", "emu.machine.timekeeper"):
        importlib.import_module(name)
    for policy in BUILTIN:
        importlib.import_module(f"emu.kernel.policies.{policy}")
    return sorted(hot.registered(), key=lambda e: (e.name not in SLOWEST, e.name))


def warm():
    """Compile or load all of it."""
    for each in everything():
        each.compile()


if __name__ == "__main__":
    functions = everything()
    for line in sys.stdin:
        functions[int(line)].compile()
        print(functions[int(line)].name, flush=True)
