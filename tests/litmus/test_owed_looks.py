"""Who is told of a thread and cannot run it passes that on: no thread waits beside an idle CPU."""

import pytest

from tests.litmus.crew import CONTROL_S
from tests.litmus.owed_looks import CPUS, LEAVES, NAMES, prepare

MODULE = "tests.litmus.owed_looks"
MANY = 1_000_000_000
POLICIES = ("alux", "codezero", "inko")  # one queue, queues with locks, queues without


def run_rounds(crew, policy, what, cpu="cpu", bound_s=0.5, rounds=MANY):
    run = crew(5, policy=policy)
    prepare(run, what)
    jobs = [(cpu, ()), (cpu, ()), ("nobody", ()), ("waker", (rounds, what)), ("controller", (rounds, what))]
    run.run(MODULE, jobs, bound_s=bound_s)
    return run


@pytest.mark.parametrize("what", NAMES)
@pytest.mark.parametrize("policy", POLICIES)
def test_no_thread_waits_beside_an_idle_cpu_because_another_cpu_was_told_of_it(crew, policy, what):
    run = run_rounds(crew, policy, NAMES[what])
    assert run.violations == 0
    assert run.machine["failed"] == 0
    assert run.results()[3] > 20, "too few rounds to mean anything"
    assert run.machine["nr_cpus"] == CPUS


@pytest.mark.parametrize("policy", POLICIES)
def test_control_a_leaving_cpu_that_tells_nobody_loses_a_thread(crew, policy):
    assert run_rounds(crew, policy, LEAVES, "bad_cpu", CONTROL_S).violations > 0
