"""The count of active schedulers: exactly one sees itself last (rust-3)."""

import pytest

from emu.testing.crew import CONTROL_S

pytestmark = pytest.mark.system("rust-3")
MODULE = "tests.litmus.exits"


@pytest.mark.parametrize("held_up", [False, True], ids=["", "held-up"])
def test_exactly_one_scheduler_sees_itself_last(crew, workers, held_up):
    """Held up at any instruction, too: else a count by load and store is as good as an atomic one."""
    run = crew(workers, held_up=held_up)
    run.run_all(MODULE, "retire_in_rounds", 15_000, enough=lambda: min(run.results()) > 100)
    assert run.violations == 0


def test_control_bits_cleared_by_load_and_store_are_lost(crew, workers):
    run = crew(workers)
    run.run_all(MODULE, "retire_badly", 1_000_000, bound_s=CONTROL_S)
    assert run.violations > 0
