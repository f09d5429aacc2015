"""No translated code may be entered that was made from older bytes than its frames have (shm/regions.py)."""

import pytest

from emu.testing.crew import CONTROL_S
from tests.litmus import regions
from tests.litmus.regions import NAMES, SINGLY, TOGETHER, WITHOUT_FORGETTING

MODULE = "tests.litmus.regions"
LEAST = 200  # regions that came to life
ENDLESS = 1_000_000_000


def run_writers(crew, how, kind, bound_s, least):
    regions.meeting.compile()
    run = crew(3, policy="random", held_up=True)  # in the middle of a look for regions, for instance
    jobs = [*[("writer", (ENDLESS, how))] * 2, ("translator", (NAMES.index(kind), 0))]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: run.results()[2] >= least)
    return run


def run_recycler(crew, kind, bound_s, least):
    regions.meeting.compile()
    run = crew(2, policy="random")
    jobs = [("recycler", (ENDLESS,)), ("translator", (NAMES.index(kind), 1))]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: run.results()[1] >= least)
    return run


@pytest.mark.parametrize("how", [TOGETHER, SINGLY], ids=["together", "singly"])
def test_after_a_store_no_region_of_older_bytes_may_be_entered(crew, how):
    assert run_writers(crew, how, "Translator", 1.5, LEAST).violations == 0


def test_of_a_frame_that_was_dropped_no_region_may_be_entered(crew):
    assert run_recycler(crew, "Translator", 2.0, LEAST).violations == 0


@pytest.mark.parametrize("kind", ["Believing", "MarkingFirst", "Eager"])
def test_control_a_step_left_out_or_out_of_order_lets_old_regions_live(crew, kind):
    assert run_writers(crew, SINGLY, kind, CONTROL_S, 0).violations > 0


def test_control_a_writer_that_does_not_wait_for_another_one_leaves_old_regions(crew):
    assert run_writers(crew, WITHOUT_FORGETTING, "Translator", CONTROL_S, 0).violations > 0


def test_control_a_translator_that_does_not_ask_whose_a_frame_is_leaves_old_regions(crew):
    assert run_recycler(crew, "Unconcerned", CONTROL_S, 0).violations > 0
