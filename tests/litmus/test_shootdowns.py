"""TLB shoot-down: when it is over, nobody uses what was taken away; two that shoot at each other both get on."""

from emu.testing.crew import CONTROL_S, RESERVED_FRAMES
from tests.litmus.shootdowns import PAGES, TAKEN

MODULE = "tests.litmus.shootdowns"


def test_no_translation_is_used_after_it_was_shot_down(crew, workers):
    run = crew(workers)
    run.run_all(MODULE, "use_and_take", 400_000, enough=lambda: run.words[TAKEN] > 100)
    assert run.violations == 0
    machine = run.machine
    assert machine["nr_free_frames"] == machine["nr_frames"] - RESERVED_FRAMES - PAGES, "frames leaked"


def test_control_a_shoot_down_that_does_not_wait_lets_an_old_translation_be_used(crew, workers):
    run = crew(workers)
    run.run_all(MODULE, "use_and_take_badly", 100_000_000, bound_s=CONTROL_S)
    assert run.violations > 0
