"""Guests with debug information, and `emu run --gdb` on them."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.debug.gdb.client import Client

HERE = Path(__file__).parent
START_S = 60
FLAGS = (
    "-target", "riscv64-linux-musl", "-mcpu=baseline_rv64", "-static", "-std=gnu17", "-O0", "-g", "-gdwarf-4",
    "-fno-sanitize=all", "-fno-stack-protector", "-Wl,--build-id=none",
)  # fmt: skip


def build(name, folder):
    """The path of a program made of NAME.c."""
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, str(HERE / f"{name}.c"), "-o", str(folder / name)]
    subprocess.run(command, check=True, capture_output=True)
    return str(folder / name)


@pytest.fixture(scope="session")
def guest(tmp_path_factory):
    """`guest(name)`: the path of a program made of NAME.c."""
    folder = tmp_path_factory.mktemp("guests")
    return functools.cache(lambda name: build(name, folder))


class Run:
    """An `emu run --gdb` that waits for its client."""

    def __init__(self, *arguments, cpus=4):
        command = [sys.executable, "-c", "from emu.commands.cli import main; main()", "run", "--quiet", "--gdb", "0"]
        self.process = subprocess.Popen(
            [*command, f"--cpus={cpus}", *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.said = ""
        while not (found := re.search(r"waiting on 127\.0\.0\.1:(\d+)\n", self.said)):
            line = self.process.stderr.readline()
            assert line, f"it ended at once: {self.said}"
            self.said += line
        self.port = int(found[1])

    def client(self):
        return Client(self.port)

    def end(self, timeout_s=60):
        """(exit status, standard output, what was said since)."""
        out, said = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, out, said


@pytest.fixture
def debugged(warm):
    """`debugged(program, …)`: a Run."""
    runs = []

    def start(*arguments, **options):
        runs.append(Run(*arguments, **options))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            os.kill(run.process.pid, 2)
            run.process.communicate(timeout=START_S)
