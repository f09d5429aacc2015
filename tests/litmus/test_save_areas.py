"""Save areas in several processes at once: each has one owner, and the pool grows no further than they need (kse-9)."""

import pytest

from emu.shm.tags import alive
from emu.testing.crew import CONTROL_S
from emu.testing.save_area_checks import check_save_areas

pytestmark = pytest.mark.system("kse-9")
MODULE = "tests.litmus.save_areas"


def test_an_area_has_one_owner_and_is_used_again(crew, workers):
    run = crew(workers, held_up=True)
    run.run_all(MODULE, "take_and_give", 100_000_000, 0, enough=lambda: min(run.results()) > 1000)
    assert run.violations == 0
    check_save_areas(run.machine)
    assert run.machine["fresh_save_word"] <= 4 * workers * 8
    assert "save area" not in alive(run.machine)


def test_control_a_list_changed_without_its_lock_gives_an_area_to_two(crew):
    run = crew(3)
    run.run_all(MODULE, "take_and_give", 100_000_000, 1, bound_s=CONTROL_S)
    assert run.violations > 0
