"""Retain and hold: a killed task goes to the garbage thread once, when nobody uses it any more (alux-4, alux-5)."""

import pytest

from emu.testing.crew import CONTROL_S

MODULE = "tests.litmus.references"


@pytest.mark.system("alux-4")
@pytest.mark.system("alux-5")
def test_a_killed_task_is_given_away_once_and_never_while_it_is_retained_or_held(crew, workers):
    run = crew(workers)
    run.run_all(MODULE, "use_and_kill", 20_000, enough=lambda: run.results()[0] > 100)
    assert run.violations == 0


@pytest.mark.system("alux-4")
def test_control_a_count_that_falls_by_load_and_store_is_wrong(crew):
    run = crew(4)
    run.run_all(MODULE, "release_badly", 100_000_000, bound_s=CONTROL_S)
    assert run.violations > 0
