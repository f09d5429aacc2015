"""`spawn_python`: a program that is a Python function, started like any other (emu/guest.py says what it may be).

Its executable is put into the machine's private directory, once for each program, and removed with it.  So the system
server, /proc and those who ask for names of functions find it as they find other programs.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import MachineError, refusals_of_the_host
from ..program.executable import ProgramError, executable
from .arguments import integer, path
from .jobs import Job

WORD = 1 << 63


class PythonPrograms:
    """The part of Machine that makes programs of functions."""

    _directory: Any

    def spawn(self, program: Any, *arguments: object, env: Mapping[str, object] | None = None, root: bool = False) -> Job:
        raise NotImplementedError

    def spawn_python(
        self,
        function: Callable[..., object],
        *integers: int,
        name: str | None = None,
        env: Mapping[str, object] | None = None,
        root: bool = False,
    ) -> Job:
        """Start a program that calls a function with these integers; returns its Job. See emu/guest.py.

        `name` is what the program is called (else the function's name); `env` and `root` are as in `spawn`.
        MachineError when the function is no program: file, line, what is wrong.
        """
        with self._used("spawn_python"):
            pass  # before the work of compiling, during which signals are not held back
        given = [integer(each, "argument", -WORD, WORD - 1) for each in integers]
        name = path(getattr(function, "__name__", "program") if name is None else name)
        if name in ("", ".", "..") or os.sep in name:
            raise MachineError(f"name {name!r}: expected the name of a file")
        try:
            image = executable(function, len(given), name)
        except ProgramError as error:
            raise MachineError(str(error)) from error.__cause__
        with self._used("spawn_python"):
            return self.spawn(self._placed(image, name), *given, env=env, root=root)

    def _placed(self, image, name):
        """The path of the file of an executable."""
        folder = self._directory / f"program-{hashlib.sha256(image).hexdigest()[:16]}"
        file = folder / name
        if not file.exists():
            with refusals_of_the_host():
                folder.mkdir(mode=0o700, exist_ok=True)
                file.write_bytes(image)
        return file
