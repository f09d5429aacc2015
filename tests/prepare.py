"""What a long run of tests would wait for, made beforehand or meanwhile, on all cores.

    python -m tests.prepare hot-code       compile the machine's, tests' and benchmarks' hot code
    python -m tests.prepare c-library      have zig build its C library

A test by itself makes what it needs when it comes to it, on one core.
"""

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from emu.actor.lifeline import end_with_parent
from emu.guests import build
from emu.hot import registered, units
from emu.machine.warm import compile_units, everything
from emu.machine.warmup import ensure_warm

ROOT = Path(__file__).resolve().parents[1]
MARKS = ("\n@entry(", "\n@callback(")


def _start(what):
    return subprocess.Popen([sys.executable, "-m", "tests.prepare", what], cwd=ROOT)


def compile_hot_code():
    """All that there is, with all cores."""
    with _start("hot-code") as compiler:
        try:
            if compiler.wait():
                raise RuntimeError("the tests' hot code does not compile: see above")
        finally:
            compiler.kill()
    ensure_warm(quiet=True)


def start_c_library():
    """The process that builds it: most of a minute, on one core."""
    return _start("c-library")


def _compile_all():
    end_with_parent(os.getppid())
    sys.path.insert(0, str(ROOT / "benchmarks"))  # its programs import one another by name
    for path in (*sorted(ROOT.glob("tests/**/*.py")), *sorted(ROOT.glob("benchmarks/*.py"))):
        if any(mark in path.read_text() for mark in MARKS):
            name = path.relative_to(ROOT).with_suffix("").parts
            importlib.import_module(".".join(name) if name[0] == "tests" else path.stem)
    machine = everything()
    for name in importlib.import_module("emu.explore.world").STRATEGIES:
        importlib.import_module(f"emu.world.strategies.{name}")
    others = sorted(set(units(registered())) - set(machine), key=lambda unit: (-len(unit.entries), unit.name))
    for _ in compile_units(unit for unit in (*machine, *others) if not unit.is_stored):
        pass


def _build_c_library():
    if build.ziglang_version() is not None:
        with tempfile.TemporaryDirectory() as directory:
            build.compile_c(build.GUESTS / "hello.c", Path(directory) / "hello.elf")


if __name__ == "__main__":
    if sys.argv[1] == "c-library":
        _build_c_library()
    else:
        _compile_all()
