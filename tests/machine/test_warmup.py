"""A cold compile cache: what kills the compilers ends the command in one line, and leaves nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emu.hot.units import Unit
from tests.processes import children_of, gone, wait_until

RUN = [sys.executable, str(Path(__file__).resolve().parents[2] / "tools" / "run.py")]


@pytest.fixture
def cold(tmp_path):
    """`emu run hello` without a cache, when it compiles, and the processes that do."""
    environment = {**os.environ, "EMU_CACHE_DIR": str(tmp_path / "cache")}
    process = subprocess.Popen(
        [*RUN, "--cpus", "1", "hello"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    yield process, wait_until(process, lambda: compilers_of(process))
    process.kill()
    process.communicate()


def compilers_of(process):
    return [child for child in children_of(process) if "emu.machine.warm" in child.cmdline()]


def last_line(errors):
    return errors.replace("\r", "\n").strip().splitlines()[-1]


def test_a_compiler_that_is_killed(cold):
    process, compilers = cold
    compilers[-1].kill()
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 2 and not output
    assert last_line(errors) == "emu: compiling the kernel failed: its process was killed by signal 9"
    assert gone(compilers)


COMPILE = """
import errno, os, sys
from emu.machine.warm import compile_units

class Unit:
    "Of one part, which this function stores."
    is_stored = False

    def __init__(self, place, store):
        self.place, self.store = place, store

    def lowered(self):
        return [self]

def killed():
    os.kill(os.getpid(), 9)

def full():
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/cache")

def fault():
    raise ValueError("no such register")

last = {"nothing": int, "killed": killed, "a fault": fault, "a full disk": full}[sys.argv[1]]
print(sum(compile_units([Unit(k, int) for k in range(100)] + [Unit(100, last)])))
"""


@pytest.mark.parametrize(
    "what, status, said",
    [
        ("nothing", 0, ""),
        ("killed", 1, "its process was killed by signal 9\n"),
        ("a full disk", 1, "the compile cache cannot be written: /cache: No space left on device; "),
    ],
)
def test_what_ends_a_process_that_the_compiler_forked_ends_the_compiler(what, status, said):
    done = subprocess.run([sys.executable, "-c", COMPILE, what], capture_output=True, text=True)
    assert done.returncode == status and done.stderr.startswith(said) and done.stderr.count("\n") <= 1
    assert done.stdout == ("101\n" if status == 0 else "")


def test_a_fault_in_a_process_that_the_compiler_forked_is_shown():
    done = subprocess.run([sys.executable, "-c", COMPILE, "a fault"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.endswith("\nValueError: no such register\n") and not done.stdout


def test_a_compiler_that_says_more_than_a_pipe_holds_ends(tmp_path, monkeypatch):
    from emu import MachineError
    from emu.machine import warmup

    path = tmp_path / "compiler.py"
    path.write_text("import sys\nsys.stderr.write('much\\n' * 100_000)\nsys.exit('TypingError: no such name')\n")
    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **how: start([sys.executable, path], **how))
    monkeypatch.setenv("EMU_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(Unit, "is_stored", False)
    with pytest.raises(MachineError, match="compiling the kernel failed: TypingError: no such name"):
        warmup._compile(quiet=True)


def test_the_harness_for_tests_is_no_part_of_a_machine():
    """Imported by a test that then boots a machine: the processes that compile the kernel do not know of it."""
    from emu.hot import registered
    from emu.machine.warm import everything
    from emu.testing import holdups

    assert holdups.hold_up in registered()
    assert holdups.hold_up.unit not in everything()


def test_a_users_own_hot_code_is_none_of_its_business():
    from emu.hot import registered
    from emu.machine.warm import everything
    from tests.shm import wrappers

    assert {e.name.split(".")[0] for e in everything()} == {"emu"}
    assert wrappers.__name__ in {e.function.__module__ for e in registered()}


@pytest.mark.parametrize("number, times, send", [(signal.SIGINT, 1, os.kill), (signal.SIGTERM, 2, os.killpg)])
def test_a_signal_while_the_kernel_is_compiled(cold, number, times, send):
    process, compilers = cold
    for _ in range(times):
        send(process.pid, number)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number and not output and "Traceback" not in errors
    assert gone(compilers)
