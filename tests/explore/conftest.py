import subprocess
import sys

import pytest

from emu.guests import build
from tests.guests.programs import SOURCES

PROGRAMS = SOURCES / "explore"
FLAGS = [flag for flag in build.FLAGS if flag != "-g0"]


@pytest.fixture(scope="session")
def account(tmp_path_factory):
    """A program that loses a deposit in some schedules, with its debugging information; its argument: how many."""
    path = tmp_path_factory.mktemp("account") / "account"
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, "-g", "account.c", "-o", str(path)]
    subprocess.run(command, cwd=PROGRAMS, check=True)
    return path


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The same program made right."""
    path = tmp_path_factory.mktemp("whole") / "whole"
    build.compile_c(PROGRAMS / "account.c", path, "-DWHOLE")
    return path
