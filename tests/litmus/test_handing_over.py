"""Who hands its CPU over and is woken at the same moment does not sleep on (cz-7)."""

import pytest

from emu.testing.crew import CONTROL_S, TIMED_S
from tests.litmus.handing_over import GOOD, HANDED, WITHOUT_A_LOOK, make_pair

MODULE = "tests.litmus.handing_over"
STEPS = 1_000_000_000

pytestmark = pytest.mark.system("cz-7")


def run(crew, policy, how, **options):
    made = crew(2, policy=policy, held_up=True)
    make_pair(made.window, made.words)
    made.run(MODULE, [("hands_over", (STEPS, how)), ("wakes", (STEPS, how))], **options)
    return made


@pytest.mark.parametrize("policy", ["random", "bsd4", "inko"], ids=["locked", "global", "lock-free"])
def test_a_wake_up_that_comes_while_a_cpu_is_handed_over_is_not_lost(crew, policy):
    made = crew(2, policy=policy, held_up=True)
    make_pair(made.window, made.words)
    jobs = [("hands_over", (STEPS, GOOD)), ("wakes", (STEPS, GOOD))]
    made.run(MODULE, jobs, enough=lambda: made.words[HANDED] > 1000, bound_s=TIMED_S)
    assert made.violations == 0


def test_control_without_the_second_look_of_lock_free_queues_it_is(crew):
    assert run(crew, "inko", WITHOUT_A_LOOK, bound_s=CONTROL_S).violations > 0
