"""Data races that `--races` finds in compiled programs, and programs in which it finds none.  Each has a control."""

import shutil
import subprocess

import pytest

from emu.explore.campaign import explore
from emu.explore.racing import RACE

from .conftest import SOURCES

GLIBC = "riscv64-linux-gnu-gcc"
SCHEDULES = 200


@pytest.fixture
def failure_of(built, tmp_path):
    """What is wrong with a program, compiled with these flags: its Outcome, None where nothing is."""

    def look(name, *flags, libc="musl", races=True):
        program = built(name, *flags) if libc == "musl" else str(tmp_path / name)
        if libc == "glibc":
            source = str(SOURCES / f"{name}.c")
            subprocess.run([GLIBC, "-g", "-O1", "-static", "-pthread", *flags, source, "-o", program], check=True)
        failure = explore(program, count=SCHEDULES, seed=1, races=races).failure
        return failure and failure.outcome

    return look


@pytest.fixture(params=["musl", "glibc"])
def libc(request):
    if request.param == "glibc" and shutil.which(GLIBC) is None:
        pytest.skip("no glibc compiler")
    return request.param


def test_a_plain_race_is_told_with_both_threads_and_lines(failure_of):
    outcome = failure_of("race_plain")
    assert outcome.kind == RACE
    assert all(part in outcome.detail for part in ("main", "thread 1", "count", "race_plain.c:13"))
    unasked = failure_of("race_plain", races=False)
    assert unasked is None or unasked.kind != RACE


def test_a_mutex_or_a_join_orders_and_without_them_there_is_a_race(failure_of, libc):
    assert failure_of("race_plain", "-DLOCKED", libc=libc) is None
    assert failure_of("race_plain", "-DJOINED", libc=libc) is None
    assert failure_of("race_plain", libc=libc).kind == RACE


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
