"""The last look before sleep against what comes at that moment: with a fence on both sides, one sees the other."""

import pytest

from tests.litmus.crew import CONTROL_S
from tests.litmus.waking import CONSUMED, ONE_LOOK, REAL, UNFENCED

MODULE = "tests.litmus.waking"
MANY = 1_000_000_000


def run_rounds(crew, sleeper, waker, how, rounds, bound_s):
    run = crew(2, policy="random")
    run.run(MODULE, [(sleeper, (rounds, how)), (waker, (rounds, how))], bound_s=bound_s)
    return run


@pytest.mark.parametrize("sleeper, waker", [("parker", "sender"), ("idler", "waker")])
def test_the_last_look_or_the_waker_sees_the_other(crew, sleeper, waker):
    run = run_rounds(crew, sleeper, waker, REAL, 300_000, 3.0)
    assert run.violations == 0
    assert run.results()[0] > 10_000, "too few rounds to mean anything"
    if sleeper == "parker":
        assert run.machine["cpus"]["ipis_message"].sum() - run.words[CONSUMED] in (0, 1), "the last may be cut short"


@pytest.mark.parametrize("how", [UNFENCED, ONE_LOOK], ids=["without-a-fence", "without-a-second-look"])
def test_control_a_cpu_parks_and_misses_an_interrupt(crew, how):
    assert run_rounds(crew, "parker", "sender", how, MANY, CONTROL_S).violations > 0


def test_control_without_the_fence_in_announce_a_runnable_thread_waits_beside_an_idle_cpu(crew):
    assert run_rounds(crew, "idler", "waker", UNFENCED, MANY, CONTROL_S).violations > 0
