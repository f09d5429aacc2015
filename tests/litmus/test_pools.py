"""A thread enters a pool of CPUs, as others change what it asked for, and as the CPUs there go to sleep."""

import pytest

from emu.testing.crew import CONTROL_S

MODULE = "tests.litmus.pools"
MANY = 1_000_000_000
POLICIES = ("random", "codezero", "inko", "alux")  # queues with locks, and with stealing, without locks, one queue


def change(crew, locked, policy="codezero", bound_s=1.5):
    run = crew(2, policy=policy, cpus=4, blocking_cpus=2)
    run.run_all(MODULE, "change", MANY, locked, bound_s=bound_s, enough=lambda: run.results()[0] > 1000)
    return run


@pytest.mark.system("inko-6")
@pytest.mark.parametrize("policy", ["codezero", "inko"], ids=["locked", "lock-free"])
def test_who_may_run_it_is_what_was_asked_for_last_within_the_pool_entered_last(crew, policy):
    run = change(crew, 1, policy)
    assert run.violations == 0 and run.machine["failed"] == 0


def test_control_without_the_tasks_lock_one_stores_what_it_derived_from_what_the_other_replaced(crew):
    assert change(crew, 0, bound_s=CONTROL_S).violations > 0


def hand(crew, policy, told, bound_s=1.5):
    run = crew(2, policy=policy, blocking_cpus=1)
    run.run_all(MODULE, "hand", MANY, told, bound_s=bound_s, enough=lambda: min(run.results()) > 100)
    return run


@pytest.mark.system("inko-6")
@pytest.mark.parametrize("policy", POLICIES)
def test_a_cpu_that_goes_to_sleep_is_told_of_the_thread_that_enters_its_pool(crew, policy):
    run = hand(crew, policy, 1)
    assert run.violations == 0 and run.machine["failed"] == 0


@pytest.mark.parametrize("policy", POLICIES)
def test_control_a_thread_that_is_put_there_with_nobody_told_is_lost(crew, policy):
    assert hand(crew, policy, 0, CONTROL_S).violations > 0
