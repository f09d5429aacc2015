"""Who is told of a thread and cannot run it passes that on: no thread waits beside an idle CPU."""

import pytest

from emu.testing.crew import CONTROL_S
from tests.litmus.owed_looks import CPUS, LEAVES, NAMES, prepare

MODULE = "tests.litmus.owed_looks"
MANY = 1_000_000_000
POLICIES = ("alux", "codezero", "inko")  # one queue, queues with locks, queues without


def run_rounds(crew, policy, what, kind="", bound_s=0.5):
    run = crew(5, policy=policy)
    prepare(run, what)
    each = [("cpu", ()), ("cpu", ()), ("nobody", ()), ("waker", (MANY, what)), ("controller", (MANY, what))]
    jobs = [(name if name == "nobody" else kind + name, arguments) for name, arguments in each]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: run.results()[3] > 20)
    return run


@pytest.mark.parametrize("what", NAMES)
@pytest.mark.parametrize("policy", POLICIES)
def test_no_thread_waits_beside_an_idle_cpu_because_another_cpu_was_told_of_it(crew, policy, what):
    run = run_rounds(crew, policy, NAMES[what])
    assert run.violations == 0
    assert run.machine["failed"] == 0
    assert run.machine["nr_cpus"] == CPUS


@pytest.mark.parametrize("policy", POLICIES)
def test_control_a_leaving_cpu_that_tells_nobody_loses_a_thread(crew, policy):
    assert run_rounds(crew, policy, LEAVES, "bad_", CONTROL_S).violations > 0
