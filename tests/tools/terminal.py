"""A command on a pseudo-terminal whose screen can be read (pyte is the terminal)."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte

COMMAND = [sys.executable, "-c", "import sys; from emu.commands.cli import main; sys.exit(main())"]
PATIENCE_S = 60


class Terminal:
    """A context manager. `until(condition of the lines)` reads what the command writes until that holds."""

    def __init__(self, *arguments, columns=80, rows=24, term="xterm"):
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._terminal, inner = pty.openpty()
        self._set_size(columns, rows)
        self.before = termios.tcgetattr(inner)
        environment = {**os.environ, "TERM": term, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], stdin=inner, stdout=inner, stderr=inner, env=environment,
            preexec_fn=os.setsid,
        )  # fmt: skip
        self._inner, self._open = inner, [self._terminal, inner]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.hang_up()

    def hang_up(self):
        """The terminal goes away."""
        for descriptor in self._open:
            os.close(descriptor)
        self._open = []

    def _set_size(self, columns, rows):
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows, told=True):
        self.screen.resize(rows, columns)
        self._set_size(columns, rows)
        if told:
            self.process.send_signal(signal.SIGWINCH)

    def type(self, keys):
        os.write(self._terminal, keys.encode())

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def read(self, timeout_s):
        """Take what has been written, waiting so long for it."""
        ready, _, _ = select.select([self._terminal], [], [], timeout_s)
        if ready:
            with contextlib.suppress(OSError):
                self._stream.feed(os.read(self._terminal, 1 << 16))

    def until(self, condition):
        end = time.monotonic() + PATIENCE_S
        while not (found := condition(self.lines())):
            assert time.monotonic() < end, "\n".join(self.lines())
            self.read(0.05)
        return found

    def end(self):
        """(status, the last screen, whether the terminal is as it was) once the command has ended."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self.read(0)
        return self.process.wait(1), self.lines(), termios.tcgetattr(self._inner) == self.before
