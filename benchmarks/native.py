"""The guests' sources compiled by the host's own C compiler: what the host itself does in the same time.

Optimised as the guests are, -O2, for the processor family that the compiler takes by default.  Without fused
multiply-adds, so that the kernels, which do without, too, print the same checksums on every host.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

from common import installed

from emu.guests.build import GUESTS

FLAGS = ("-O2", "-std=gnu17", "-ffp-contract=off", "-w")


def compiler():
    """The command of a C compiler for the host; None when there is none."""
    for name in ("cc", "gcc", "clang"):
        if installed(name):
            return [name]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline", "-fno-sanitize=all"]
    return None


class Native:
    """Native programs of guests, each compiled into a folder when it is first asked for."""

    def __init__(self, folder, command):
        self._folder, self._command = Path(folder), command

    def program(self, guest):
        """Path of the native program of a guest's source."""
        output = self._folder / guest
        if not output.exists():
            full = [*self._command, *FLAGS, str(GUESTS / f"{guest}.c"), "-o", str(output), "-lm"]
            done = subprocess.run(full, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{' '.join(full)} failed:\n{done.stderr.strip()}")
        return str(output)
