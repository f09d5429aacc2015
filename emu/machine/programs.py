"""Starting programs on a machine: from files, and from Python functions (emu/guest.py says what these may be).

The executable of a function is put into the machine's private directory, once for each program, and removed with it.
So the system server, /proc and those who ask for names of functions find it as they find other programs.
"""

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..abi.signals import SIGKILL
from ..errors import MachineError, refusals_of_the_host
from .arguments import integer, mapping, path, text
from .jobs import Job
from .loader import read_program
from .ownership import in_use

WORD, NAME_MAX = 1 << 63, 255


class Programs:
    """The part of Machine that starts programs."""

    _jobs: Any
    _directory: Any
    _description: Any
    _ask: Any
    _own: Any
    window: Any

    @in_use
    def spawn(
        self,
        program: str | bytes | os.PathLike[str],
        *arguments: object,
        env: Mapping[str, object] | None = None,
        root: bool = False,
        file_server: Job | None = None,
        servant: bool = False,
    ) -> Job:
        """Start a program (a path, or the name of one of emu's guests); returns its Job.

        `env` adds to the guest's environment.  If a root program is killed, the machine fails
        (rust-6).  `file_server` is the Job of a program that serves this one's calls on files (cz-15).  A servant
        ends when the machine closes and every other job has ended.  MachineError when the program is not one that
        this machine can run.
        """
        return self._start(path(program), program, arguments, env, root, file_server, servant)

    @in_use
    def start_file_server(self, program: str | bytes | os.PathLike[str] = "fs0") -> Job:
        """Start a file server and the pager that it needs, mm0, both servants; the server's Job (cz-14, cz-15).

        Its arguments are mm0's process id and the paths where the host's directories are mounted, which stay the
        machine's own.
        """
        pager = self.spawn("mm0", servant=True)
        mounted = [mount.target for mount in self.config.mounts]
        return self.spawn(program, self._ask("pid", pager._handle), *mounted, servant=True)

    def spawn_python(
        self,
        function: Callable[..., object],
        *integers: int,
        name: str | None = None,
        env: Mapping[str, object] | None = None,
        root: bool = False,
    ) -> Job:
        """Start a program that calls a function with these integers (emu/guest.py); returns its Job.

        `name` is what the program is called, else as the function; `env` and `root` are those of `spawn`.
        MachineError when the function is no program: file, line, what is wrong.
        """
        with self._used("spawn_python"):  # before the work of compiling, during which signals are not held back
            given = [integer(each, "argument", -WORD, WORD - 1) for each in integers]
            name = path(getattr(function, "__name__", "program") if name is None else name)
            if name in ("", ".", "..") or os.sep in name or len(os.fsencode(name)) > NAME_MAX:
                raise MachineError(f"name {name!r}: expected the name of a file")
        from ..program.executable import ProgramError, executable  # late: few programs are functions

        try:
            image = executable(function, len(given), name)
        except ProgramError as error:
            raise MachineError(str(error)) from error.__cause__
        with self._used("spawn_python"):
            return self._start(self._placed(image, name), name, given, env, root)

    def _placed(self, image, name):
        """The path of the file of an executable."""
        folder = self._directory / f"program-{hashlib.sha256(image).hexdigest()[:16]}"
        with refusals_of_the_host():
            folder.mkdir(mode=0o700, exist_ok=True)
            if not (folder / name).exists():
                (folder / name).write_bytes(image)
        return folder / name

    def _start(self, file, name, arguments, env, root, file_server=None, servant=False):
        image = read_program(file)
        argv = [text(a, "argument") for a in (name, *arguments)]
        environment = {**self._base_environment, **mapping(env)}
        encoded = {text(k, "name in env"): text(v, "value in env") for k, v in environment.items()}
        self._collect()
        request = image, argv, encoded, self._jobs.give_up()
        served_by = -1 if file_server is None else self._own(file_server)._handle
        handle, number = self._ask("spawn", *request, served_by, servant, if_abandoned=self._end_unknown_job)
        job = Job(self, handle, number, str(name) if root else "")
        if job.number == 0:
            self.window.machine["boot_ns"] = time.monotonic_ns()  # wall time is the guests'
            self._started = {pid: times for _, pid, times in self._host_processes()}
        job.program = os.fsdecode(image["path"])
        self._jobs.add(job)
        self._description.add(job.number, job.program)
        return job

    def _end_unknown_job(self, handle, number):
        """End a job that no Job stands for, because its spawn was interrupted before the answer came."""
        self._jobs.add(Job(self, handle, number))
        self._ask("kill", SIGKILL, handle)
