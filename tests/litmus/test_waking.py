"""The last look before sleep against what comes at that moment: with a fence on both sides, one sees the other."""

import pytest

from emu.testing.crew import CONTROL_S
from tests.litmus import slow_queue
from tests.litmus.waking import CONSUMED, IN_TURN, LOOKS_IN_TURN, ONE_LOOK, REAL, SHOWN

MODULE = "tests.litmus.waking"
MANY = 1_000_000_000
IN_TURN_S = 20.0  # where SEEN of the control's violations take longer, ten are enough


def run_rounds(crew, sleeper, waker, how, rounds, bound_s, **options):
    run = crew(2, policy=slow_queue.__file__, **options)
    jobs = [(sleeper, (rounds, how)), (waker, (rounds, how))]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: how < IN_TURN or run.words[SHOWN] > 9)
    return run


@pytest.mark.parametrize("sleeper, waker", [("parker", "sender"), ("idler", "waker")])
def test_the_last_look_or_the_waker_sees_the_other_where_without_a_fence_neither_does(crew, sleeper, waker):
    run = run_rounds(crew, sleeper, waker, IN_TURN, MANY, IN_TURN_S)
    assert run.violations == 0


def test_a_sender_held_up_wakes_who_parks_meanwhile_where_one_that_looks_first_does_not(crew):
    run = run_rounds(crew, "parker", "sender", LOOKS_IN_TURN, MANY, IN_TURN_S, held_up=True)
    assert run.violations == 0


def test_messages_sent_are_messages_consumed(crew):
    run = run_rounds(crew, "parker", "sender", REAL, 100_000, 2.0)
    assert run.violations == 0
    assert run.machine["cpus"]["ipis_message"].sum() - run.words[CONSUMED] in (0, 1), "the last may be cut short"


def test_one_of_two_who_interrupt_a_parked_cpu_owes_it_a_message_where_without_a_swap_both_do(crew):
    run = crew(2, policy="random", held_up=True)
    run.run_all(MODULE, "send_together", MANY, IN_TURN, bound_s=IN_TURN_S, enough=lambda: run.words[SHOWN] > 0)
    assert run.violations == 0


def test_control_a_cpu_that_parks_without_a_second_look_misses_an_interrupt(crew):
    assert run_rounds(crew, "parker", "sender", ONE_LOOK, MANY, CONTROL_S).violations > 0


def wake_together(crew, rounds, bad, bound_s, least=0):
    run = crew(2, policy="random")
    run.machine["nr_cpus"] = 6
    run.run_all(MODULE, "wake_one_each", rounds, bad, bound_s=bound_s, enough=lambda: run.results()[0] >= least)
    return run


def test_two_wakers_wake_two_cpus(crew):
    run = wake_together(crew, 300_000, 0, 2.5, least=100)
    assert run.violations == 0


def test_control_two_wakers_that_look_and_then_clear_wake_one_cpu_twice(crew):
    assert wake_together(crew, MANY, 1, CONTROL_S).violations > 0
