"""What threads ask for stays within the CPUs of their container, whichever of the two changes (cz-17)."""

import pytest

from emu.testing.crew import CONTROL_S, LONGER
from tests.litmus.confining import CPUS, GOOD, STALE, UNFENCED
from tests.litmus.containers import make_containers

MODULE = "tests.litmus.confining"
MANY = 1_000_000_000
ENOUGH = 5_000
QUICK_S = 0.2 * LONGER


def run_rounds(crew, name, how, policy, bound_s=QUICK_S):
    run = crew(2, policy=policy, cpus=CPUS)
    make_containers(run.machine)
    run.machine["tasks"][0]["container"] = 1
    run.run_all(MODULE, name, MANY, how, bound_s=bound_s, enough=lambda: run.results()[0] > ENOUGH)
    return run


@pytest.mark.system("cz-17")
@pytest.mark.parametrize("policy", ["codezero", "inko"], ids=["locked", "lock-free"])
def test_a_thread_that_asks_for_cpus_as_its_container_loses_some_gets_no_other_and_all_that_are_left(crew, policy):
    run = run_rounds(crew, "change", GOOD, policy, 0.5 * LONGER if policy == "codezero" else QUICK_S)
    assert run.violations == 0 and run.machine["failed"] == 0


def test_control_without_fences_each_looks_before_it_has_stored(crew):
    assert run_rounds(crew, "change", UNFENCED, "codezero", CONTROL_S).violations > 0


def test_control_what_is_asked_for_is_lost_where_the_cut_is_reckoned_without_the_tasks_lock(crew):
    assert run_rounds(crew, "change", STALE, "codezero", CONTROL_S).violations > 0


@pytest.mark.system("cz-17")
def test_a_thread_that_is_started_as_its_container_loses_cpus_runs_on_those_that_are_left(crew):
    run = run_rounds(crew, "start", GOOD, "alux")
    assert run.violations == 0 and run.machine["failed"] == 0


def test_control_a_new_thread_for_which_nobody_looks_again_keeps_the_cpus_that_are_lost(crew):
    assert run_rounds(crew, "start", UNFENCED, "alux", CONTROL_S).violations > 0
