"""The garbage thread gets a task when its threads have left, not before (rust-2, alux-4)."""

import pytest

from emu.kernel.task.records import create_task
from emu.testing.crew import CONTROL_S
from tests.litmus.exiting import TASK

pytestmark = [pytest.mark.system("rust-2"), pytest.mark.system("alux-4")]


def run_rounds(crew, exiter, rounds, bound_s, least=0):
    run = crew(2, policy="random")
    run.words[TASK] = create_task(run.window.address, 0)
    jobs = [(exiter, (rounds,)), ("garbage", (rounds,))]
    run.run("tests.litmus.exiting", jobs, bound_s=bound_s, enough=lambda: run.results()[0] >= least)
    return run


def test_no_thread_of_a_task_is_alive_when_the_task_is_taken_apart(crew):
    run = run_rounds(crew, "exiter", 50_000, 3.0, least=100)
    assert run.violations == 0 and run.machine["failed"] == 0


def test_control_a_task_released_before_its_thread_has_left_is_taken_apart_under_it(crew):
    assert run_rounds(crew, "bad_exiter", 10_000_000, CONTROL_S).violations > 0
