"""One command that is killed or signalled, and what has to hold afterwards.

Each command has a marker in its environment, which all that it starts inherits: whatever is left is found, and nothing
else.  A trial fails by a sentence that says what was left or was wrong.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARKER = "EMU_TEST_MARKER"
ENTRY = [sys.executable, "-c", "import sys; from emu.commands.cli import main; sys.exit(main())"]
DRIVER = [sys.executable, "-m", "tests.kills.steps"]
END_S = 60.0  # a command that has not ended by then never does
GONE_S = 5.0  # whatever a SIGKILL left has this long to notice; after a signal nothing may be left at all
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@dataclass
class Trial:
    """A command under test. A context manager: kills what is left."""

    arguments: list
    command: list = field(default_factory=lambda: ENTRY)
    environment: dict = field(default_factory=dict)

    def __enter__(self):
        self.marker = secrets.token_hex(8)
        self._directory = tempfile.TemporaryDirectory()
        self.sockets = Path(self._directory.name)
        self._errors = open(self.sockets / "errors", "w+b")  # noqa: SIM115 (closed in __exit__)
        self.runtime = self.sockets / "run"
        self.runtime.mkdir()
        environment = {**os.environ, **self.environment, MARKER: self.marker, "XDG_RUNTIME_DIR": str(self.runtime)}
        environment["PYTHONPATH"] = str(ROOT)
        self.process = subprocess.Popen(
            [*self.command, *map(str, self.arguments)], cwd=ROOT, env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, restore_signals=True,
        )  # fmt: skip
        return self

    def __exit__(self, *exception):
        for pid in self.living():
            with contextlib.suppress(ProcessLookupError):  # what ends with its supervisor has just done so
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self._errors.close()
        self._directory.cleanup()

    def living(self):
        """Processes of this command: {process: name}; zombies have no environment."""
        found, mark = {}, f"{MARKER}={self.marker}".encode()
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    if mark in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0"):
                        found[int(entry)] = _name_of(entry)
                except OSError:  # it has just ended
                    continue
        return found

    def send(self, number, group=False):
        (os.killpg if group else os.kill)(self.process.pid, number)

    def wait(self):
        """The status as a shell has it, and the seconds until the end; None when it does not end."""
        begin = time.monotonic()
        try:
            status = self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            return None, time.monotonic() - begin
        return (128 - status if status < 0 else status), time.monotonic() - begin

    def errors(self):
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def left(self, grace_s):
        """What is left when the command has ended, after a time: a sentence, "" when nothing is."""
        end = time.monotonic() + grace_s
        while (living := self.living()) and time.monotonic() < end:
            time.sleep(0.01)
        if living:
            return f"processes are left: {living}"
        if grace_s == 0 and any(self.runtime.glob("emu-*/*")):  # of a killed supervisor the next start sweeps it
            return f"left in the runtime directory: {[p.name for p in self.runtime.glob('emu-*/*')]}"
        return ""


def children_of(pid):
    """Process numbers of its children."""
    try:
        return [int(word) for file in Path(f"/proc/{pid}/task").glob("*/children") for word in file.read_text().split()]
    except OSError:
        return []  # it has just ended


def _name_of(pid):
    return Path(f"/proc/{pid}/comm").read_text().strip()


def check_signal(trial, number):
    """After a signal: what is wrong, "" when nothing is; and the seconds that it took."""
    status, took_s = trial.wait()
    errors = trial.errors()
    if status is None:
        return "it does not end", took_s
    if left := trial.left(0):
        return left, took_s
    if status != STATUS[number]:
        return f"status {status}, not {STATUS[number]}: {errors[-300:]!r}", took_s
    if "Traceback" in errors or "machine failed" in errors or "Exception ignored" in errors:
        return f"it says {errors[-300:]!r}", took_s
    return "", took_s


NAMES = {"emu-server": "the system server died", "emu-timekeeper": "the timekeeper died"}


def check_kill(trial, name):
    """After SIGKILL of the process with this name: what is wrong, "" when nothing is; the seconds; the status."""
    status, took_s = trial.wait()
    errors = trial.errors()
    if status is None:
        return "it does not end", took_s, status
    if left := trial.left(GONE_S if status == 137 else 0):
        return left, took_s, status
    lines = [line for line in errors.replace("\r", "\n").splitlines() if line.startswith("emu: ")]
    wanted = NAMES.get(name) or ("the process of CPU" if name.startswith("emu-cpu-") else "the forkserver died")
    if "Traceback" in errors:
        return f"a traceback: {errors[-300:]!r}", took_s, status
    if name == "supervisor":
        return ("" if status == 137 else f"status {status}, not 137"), took_s, status
    if status == 0:  # it was not needed any more
        return "", took_s, status
    if status != 70 or len(lines) != 1 or wanted not in lines[0]:
        return f"status {status}, and it says {errors[-300:]!r}", took_s, status
    return "", took_s, status
