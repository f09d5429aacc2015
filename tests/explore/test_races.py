"""Data races that `--races` finds in compiled programs, and programs in which it finds none.  Each has a control."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emu.explore.campaign import explore
from emu.explore.racing import RACE

PROGRAMS = Path(__file__).resolve().parents[1] / "programs" / "explore"
MUSL = (sys.executable, "-m", "ziglang", "cc", "-target", "riscv64-linux-musl")
GLIBC = ("/usr/bin/riscv64-linux-gnu-gcc",)
SCHEDULES = 300


@pytest.fixture
def failure_of(tmp_path):
    """What is wrong with a program, compiled with these flags: its Outcome, None where nothing is."""

    def look(name, *flags, compiler=MUSL, races=True):
        program = tmp_path / "program"
        source = str(PROGRAMS / f"{name}.c")
        subprocess.run([*compiler, "-g", "-O1", "-static", *flags, source, "-o", str(program)], check=True)
        failure = explore(program, schedules=SCHEDULES, seed=1, races=races).failure
        return failure and failure.outcome

    return look


@pytest.fixture(params=[MUSL, GLIBC], ids=["musl", "glibc"])
def compiler(request):
    if shutil.which(request.param[0]) is None:
        pytest.skip("no glibc compiler")
    return request.param


def test_a_plain_race_is_told_with_both_threads_and_lines(failure_of):
    outcome = failure_of("race_plain")
    assert outcome.kind == RACE
    assert all(part in outcome.detail for part in ("main", "thread 1", "count", "race_plain.c:11"))
    assert failure_of("race_plain", races=False) is None or failure_of("race_plain", races=False).kind != RACE


def test_a_mutex_or_a_join_orders_and_without_them_there_is_a_race(failure_of, compiler):
    assert failure_of("race_plain", "-DLOCKED", compiler=compiler) is None
    assert failure_of("race_plain", "-DJOINED", compiler=compiler) is None
    assert failure_of("race_plain", compiler=compiler).kind == RACE


def test_a_message_behind_a_release_and_an_acquire_is_none_and_a_relaxed_flag_is_one(failure_of):
    assert failure_of("race_message") is None
    assert failure_of("race_message", "-DSET=memory_order_relaxed", "-DGET=memory_order_relaxed").kind == RACE


def test_two_bytes_of_one_word_do_not_race_and_one_byte_does(failure_of):
    assert failure_of("race_bytes") is None
    assert failure_of("race_bytes", "-DSAME").kind == RACE


@pytest.mark.parametrize("how", [1, 2, 3, 4], ids=["semaphore", "condition", "barrier", "once"])
def test_what_waits_orders(failure_of, how):
    assert failure_of("race_waiting", f"-DHOW={how}") is None


def test_where_nothing_waits_there_is_a_race(failure_of):
    assert failure_of("race_waiting", "-DHOW=0").kind == RACE
