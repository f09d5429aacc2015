"""Suspend and resume against a thread on its way to its safe point (cz-4, cz-5)."""

import pytest

from emu.testing.crew import BOUND_S, CONTROL_S
from tests.litmus.blocking import make_thread
from tests.litmus.suspending import THREAD

pytestmark = [pytest.mark.system("cz-4"), pytest.mark.system("cz-5")]


def run_rounds(crew, stopper, waits, rounds, bound_s, suspender="suspender", least=0, **options):
    run = crew(2, policy="random", **options)
    run.words[THREAD] = make_thread(run.window)
    jobs = [(stopper, (rounds, waits)), (suspender, (rounds, waits))]
    run.run("tests.litmus.suspending", jobs, bound_s=bound_s, enough=lambda: min(run.results()) >= least)
    return run


@pytest.mark.parametrize("waits", [1, 0], ids=["waits", "does-not"])
def test_a_suspender_is_told_when_the_thread_has_stopped_and_a_resume_is_never_lost(crew, waits):
    run = run_rounds(crew, "stopper", waits, 50_000, BOUND_S, least=100)
    assert run.violations == 0


def test_control_a_thread_marked_suspended_before_it_sleeps_is_never_resumed(crew):
    assert run_rounds(crew, "stopper_suspended_first", 0, 100_000_000, CONTROL_S).violations > 0


def test_who_asks_again_while_a_resumed_thread_is_on_its_way_to_sleep_is_told_at_the_next_stop(crew):
    run = run_rounds(crew, "stopper", 1, 30_000, BOUND_S, "impatient", least=100, held_up=True)
    assert run.violations == 0


def test_control_a_stop_that_tells_whoever_is_there_tells_of_a_thread_that_runs(crew):
    run = run_rounds(crew, "stopper_that_tells_whoever_is_there", 1, 100_000_000, CONTROL_S, "impatient")
    assert run.violations > 0
