"""A group is charged by several CPUs at once: no time is lost, and no second is forgotten twice (kse-7)."""

import pytest

from emu.testing.crew import CONTROL_S

pytestmark = pytest.mark.system("kse-7")
MODULE = "tests.litmus.group_words"


@pytest.mark.parametrize("what", ["charge", "forget"])
def test_what_several_cpus_book_for_a_group_at_once_is_booked_once_each(crew, workers, what):
    run = crew(workers, policy="bsd4")
    run.run_all(MODULE, what, 1_000_000, 0, enough=lambda: run.results()[0] > 100)
    assert run.violations == 0


@pytest.mark.parametrize("what", ["charge", "forget"])
def test_control_loads_and_stores_lose_time_or_forget_twice(crew, what):
    run = crew(3, policy="bsd4")
    run.run_all(MODULE, what, 100_000_000, 1, bound_s=CONTROL_S)
    assert run.violations > 0
