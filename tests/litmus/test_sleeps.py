"""Sleeping and waking between processes: one winner, no lost wake-up, and the winner's result alone."""

import pytest

from emu.testing.checks import check_queues
from emu.testing.crew import CONTROL_S
from tests.litmus.sleeps import CLAIMS

MODULE = "tests.litmus.sleeps"


@pytest.fixture(params=["random", "inko"], ids=["locked", "lock-free"])
def policy(request):
    return request.param


def jobs(workers, first, others, count):
    return [(first, (count,))] + [(others, (count,))] * (workers - 1)


@pytest.mark.system("inko-2")
@pytest.mark.system("cz-4")
def test_sleeper_and_wakers_never_miss_each_other_and_one_waker_wins(crew, workers, policy):
    run = crew(workers, policy=policy, held_up=workers > 2)  # one of several wakers
    run.run(MODULE, jobs(workers, "sleeper", "waker", 150_000), enough=lambda: run.results()[0] > 100)
    assert run.violations == 0
    assert run.words[CLAIMS] - run.results()[0] in (0, 1), "one winner for each sleep (the last may be cut short)"
    check_queues(run.machine, policy)  # among others: nobody sleeps whose sleep was claimed


@pytest.mark.system("cz-4")
def test_control_a_sleeper_that_does_not_look_for_its_claim_misses_a_wake_up(crew, workers, policy):
    run = crew(workers, policy=policy)
    run.run(MODULE, jobs(workers, "bad_sleeper", "waker", 100_000_000), bound_s=CONTROL_S)
    assert run.violations > 0


@pytest.mark.system("inko-2")
def test_control_wakers_that_look_and_then_store_both_win(crew, policy):
    run = crew(4, policy=policy)
    run.run(MODULE, jobs(4, "sleeper", "bad_waker", 100_000_000), bound_s=CONTROL_S, destroys=True)
    assert run.violations > 0


@pytest.mark.system("inko-1")
def test_a_waker_that_is_held_up_before_it_wins_wakes_no_running_thread(crew):
    run = crew(4, policy="inko")
    run.run(MODULE, jobs(4, "slow_sleeper", "late_waker", 30_000), bound_s=3.0, enough=lambda: run.results()[0] > 300)
    assert run.violations == 0
    check_queues(run.machine, "inko")


@pytest.mark.system("inko-1")
def test_control_a_waker_without_the_name_of_the_claim_wakes_a_running_thread(crew):
    run = crew(4, policy="inko")
    run.run(MODULE, jobs(4, "slow_sleeper", "hasty_waker", 100_000_000), bound_s=CONTROL_S, destroys=True)
    assert run.violations > 0


@pytest.mark.system("cz-6")
def test_an_interrupted_sleeper_finds_its_result(crew, workers, policy):
    run = crew(workers, policy=policy)
    many = jobs(workers, "sleeper_with_result", "interrupter", 300_000)
    run.run(MODULE, many, enough=lambda: run.results()[0] > 100)
    assert run.violations == 0


@pytest.mark.system("cz-6")
def test_an_interrupter_that_comes_second_leaves_the_thread_alone(crew, policy):
    run = crew(3, policy=policy)
    each = [("sleeper_between_two", (100_000,)), ("waker_in_rounds", (100_000,)), ("interrupter_in_rounds", (100_000,))]
    run.run(MODULE, each, enough=lambda: run.results()[0] > 100)
    assert run.violations == 0
