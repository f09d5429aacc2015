"""All hot code of the tests and benchmarks, compiled before a long run by as many processes as there are cores.

    python -m tests.hot_code PART PARTS

A test by itself compiles what it needs when it comes to it, one function after another.
"""

import importlib
import os
import subprocess
import sys
from pathlib import Path

from emu.hot import registered

ROOT = Path(__file__).resolve().parents[1]
MARKS = ("\n@entry(", "\n@callback(")


def compile_all():
    """With all cores."""
    parts = os.cpu_count() or 1
    command = [sys.executable, "-m", "tests.hot_code"]
    running = [subprocess.Popen([*command, str(part), str(parts)], cwd=ROOT) for part in range(parts)]
    try:
        if sum(process.wait() for process in running):
            raise RuntimeError("the tests' hot code does not compile: see above")
    finally:
        for process in running:
            process.kill()
            process.wait()


def _compile_share(part, parts):
    sys.path.insert(0, str(ROOT / "benchmarks"))  # its programs import one another by name
    for path in (*sorted(ROOT.glob("tests/**/*.py")), *sorted(ROOT.glob("benchmarks/*.py"))):
        if any(mark in path.read_text() for mark in MARKS):
            parts_of_name = path.relative_to(ROOT).with_suffix("").parts
            importlib.import_module(".".join(parts_of_name) if parts_of_name[0] == "tests" else path.stem)
    for each in registered()[part::parts]:
        each.compile()


if __name__ == "__main__":
    _compile_share(int(sys.argv[1]), int(sys.argv[2]))
