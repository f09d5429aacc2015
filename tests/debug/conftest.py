"""A guest whose threads wait for each other, on a machine of CPU processes, and an Inspector of it from outside."""

import gc
import os
import time
from pathlib import Path

import pytest

from emu.guests import build
from emu.kernel.thread.states import BLOCKED

HERE = Path(__file__).resolve().parent
PATIENCE_S = 60


@pytest.fixture(scope="session")
def deadlocks(tmp_path_factory):
    """The program: `deadlocks WAY [busy]`."""
    program = tmp_path_factory.mktemp("deadlocks") / "deadlocks"
    build.compile_c(HERE / "deadlocks.c", program)
    return program


def until(condition):
    """What makes a condition hold, which has to happen soon."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, "it does not get there"
        time.sleep(0.002)
    return found


def until_stuck(machine, inspector):
    """All of its threads wait that are to wait for each other."""

    def blocked():
        return {inspector.name(i) for i in inspector.living() if inspector.state(i) == BLOCKED}

    until(lambda: b"ready" in machine.output.read_bytes() and blocked() >= {"left", "right", "deadlocks"})


@pytest.fixture
def stuck(boot, deadlocks):
    """`stuck(way)`: (machine, Inspector) once the threads "left" and "right" wait for each other."""
    from emu.debug.attach import attach

    machines = []

    def start(way, *more):
        machine = boot(2)
        machines.append(machine)
        machine.__enter__()
        machine.spawn(deadlocks, way, *more)
        inspector = attach(os.getpid())
        until_stuck(machine, inspector)
        return machine, inspector

    yield start
    for machine in machines:
        machine.__exit__()
    gc.collect()  # the Inspectors' mappings
