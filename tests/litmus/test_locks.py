"""Mutual exclusion of the spinlock between processes."""

from emu.testing.crew import CONTROL_S, LONGEST_S
from tests.litmus.locks import COUNTER


def test_no_two_processes_hold_a_lock_at_once(crew, workers):
    run = crew(workers)
    run.run_all("tests.litmus.locks", "add_under_lock", 2_000_000 // workers, bound_s=LONGEST_S)
    assert run.violations == 0
    assert run.words[COUNTER] == sum(run.results()) == 2_000_000 // workers * workers
    assert run.machine["frames_lock"] == 0


def test_control_a_lock_that_is_tested_and_then_set_does_not_exclude(crew, workers):
    run = crew(workers)
    run.run_all("tests.litmus.locks", "add_under_test_then_set", 50_000_000, bound_s=CONTROL_S)
    assert run.violations > 0
