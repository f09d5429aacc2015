"""Which programs tasks execute, by number, while a profile is made: TASK.program, and what the supervisor asks for.

A program is known by its path in the guest's tree and its bytes, so a shell's hundredth `ls` has the number of the
first.  The supervisor reads a program's symbols in the end, when the file may have changed, or be in the machine only:
so what was executed by execve(2) is kept in the machine's private directory, where spawned programs lie on the host.

Guests choose what they execute: no more than MAX_PROGRAMS get a number, and files of MAX_KEPT_BYTES in all are kept.
What goes beyond has the number 0, or no file.
"""

import hashlib
import os

MAX_PROGRAMS = 4096
MAX_KEPT_BYTES = 256 << 20


class Executed:
    """`numbers` programs only if `profiling`; else all are 0."""

    def __init__(self, directory, profiling):
        self._directory, self._profiling = directory, profiling
        self._numbers = {}  # (path in the guest's tree, what tells its content) -> number
        self._files = []  # of each number: path on the host, "" none
        self._kept_bytes = 0

    def spawned(self, path, file):
        """The number of a program of the host's, by its path in the guest's tree and on the host."""
        return self._number(path, file, lambda: os.fsdecode(file))

    def executed(self, path, image):
        """The number of a program that a guest executes, by its path in the guest's tree and its bytes."""
        if not self._profiling:
            return 0
        return self._number(path, hashlib.sha256(image).digest(), lambda: self._keep(image))

    def programs(self):
        """[path in the guest's tree, path on the host, or b""] of each number from 1 on: bytes, for they may be any."""
        return [
            [os.fsencode(path), os.fsencode(file)] for (path, _), file in zip(self._numbers, self._files, strict=True)
        ]

    def _number(self, path, content, find_file):
        if not self._profiling:
            return 0
        key = path, content
        if key not in self._numbers:
            if len(self._numbers) == MAX_PROGRAMS:
                return 0
            self._files.append(find_file())
            self._numbers[key] = len(self._numbers) + 1
        return self._numbers[key]

    def _keep(self, image):
        if self._kept_bytes + len(image) > MAX_KEPT_BYTES:
            return ""
        file = os.path.join(self._directory, f"executed-{len(self._numbers) + 1}")
        try:
            with open(file, "wb") as out:
                out.write(image)
        except OSError:  # a full disk costs names, nothing else
            return ""
        self._kept_bytes += len(image)
        return file
