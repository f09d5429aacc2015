"""Run queues under all of the core's operations at once: no thread is lost, none runs on two CPUs."""

import pytest

from emu.actor.policies import BUILTIN
from emu.testing.checks import check_queues, threads_by_queue
from emu.testing.churn import ALIVE, STARTED
from emu.testing.crew import TIMED_S

MODULE = "tests.litmus.runqueues"
ATTEMPTS = 20  # of the control: on a busy host its processes may seldom run at once
STEAL, STAY = ("inko", "codezero", "eevdf"), ("random", "alux", "bsd4")


@pytest.mark.system("cz-3")
@pytest.mark.parametrize("policy", BUILTIN)
def test_no_thread_is_lost_and_none_runs_on_two_cpus(crew, workers, policy):
    run = crew(workers, policy=policy)

    def enough():
        stole = policy not in STEAL or run.machine["cpus"]["steals"].sum() > 0
        return run.words[STARTED] > 100 and sum(run.results()) > 10_000 and stole

    run.run_all("emu.testing.churn", "churn", 100_000, enough=enough)
    assert run.violations == 0
    assert run.machine["failed"] == 0
    check_queues(run.machine, policy)
    states = threads_by_queue(run.machine).values()
    assert sum(len(threads) for queue in states for threads in queue.values()) == run.words[ALIVE]
    if policy in STAY:
        assert run.machine["cpus"]["steals"].sum() == 0


@pytest.mark.system("inko-6")
@pytest.mark.parametrize("policy", BUILTIN)
def test_nor_while_threads_change_between_pools_of_cpus(crew, policy):
    run = crew(4, policy=policy, blocking_cpus=2)
    run.run_all("emu.testing.churn", "churn", 100_000, enough=lambda: sum(run.results()) > 10_000)
    assert run.violations == 0 and run.machine["failed"] == 0
    check_queues(run.machine, policy)
    states = threads_by_queue(run.machine).values()
    assert sum(len(threads) for queue in states for threads in queue.values()) == run.words[ALIVE]


@pytest.mark.parametrize("policy", ["codezero", "inko"])
def test_control_pulling_without_the_victims_lock_or_the_swap_loses_or_doubles_threads(crew, workers, policy):
    for _ in range(ATTEMPTS):
        run = crew(workers, policy=policy)
        run.run_all(MODULE, "churn_with_bad_pull", 100_000_000, bound_s=TIMED_S, destroys=True)
        if run.violations > 0 or not sound(run.machine, policy):
            return
    pytest.fail("all threads are still there")


def sound(machine, policy):
    try:
        check_queues(machine, policy)
    except AssertionError:
        return False
    return True
