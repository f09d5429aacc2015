"""Pools that are charged, given back, made smaller, closed and made again by several processes at once (cz-17)."""

import pytest

from emu.testing.crew import CONTROL_S, TIMED_S
from tests.litmus.containers import BAD, CHARGED, CLOSED, GOOD, make_containers

MODULE = "tests.litmus.containers"
STEPS = 1_000_000_000  # until the time is over

pytestmark = pytest.mark.system("cz-17")


def test_no_more_is_ever_charged_than_there_is_in_a_replica_or_in_all_of_them(crew, workers):
    run = crew(workers)
    make_containers(run.window.machine)
    run.run_all(MODULE, "charge_and_shrink", 20_000, enough=lambda: run.words[CHARGED] > 10_000)
    assert run.violations == 0


def test_control_a_size_and_a_count_in_two_words_let_one_too_many_in(crew):
    run = crew(4)
    run.run_all(MODULE, "charge_two_words", STEPS, bound_s=CONTROL_S)
    assert run.violations > 0


def lives(crew, how, **options):
    run = crew(4, held_up=True)
    make_containers(run.window.machine)
    jobs = [("use_lives", (STEPS, how))] * 3 + [("make_lives", (STEPS, how))]
    enough = lambda: how == BAD or (run.words[CHARGED] > 1_000 and run.words[CLOSED] > 1_000)  # noqa: E731
    run.run(MODULE, jobs, enough=enough, **options)
    return run


def test_a_pool_whose_record_is_used_again_is_not_charged_for_the_one_before(crew):
    run = lives(crew, GOOD, bound_s=TIMED_S)
    assert run.violations == 0
    assert sum(run.window.machine["containers"]["nr_tasks"][:3]) == 3


def test_control_a_charge_that_does_not_look_at_the_life_goes_to_another_containers_pool(crew):
    assert lives(crew, BAD, bound_s=CONTROL_S).violations > 0
