"""Kernel mutexes and wait queues between processes, interrupted at any moment (cz-6)."""

import pytest

from emu.testing.crew import CONTROL_S, TIMED_S
from tests.litmus.mutexes import ENOUGH, GOOD, INTERRUPTED, LOCK_GIVEN_UP, SHOWN, WAKES, WOKEN, make_threads

MODULE = "tests.litmus.mutexes"
STEPS = 1_000_000_000  # until the time is over

pytestmark = pytest.mark.system("cz-6")


def hand_over(crew, how, policy="random", **options):
    run = crew(4, policy=policy, held_up=True)
    make_threads(run.window, run.words, 3)

    def enough():
        return how != GOOD or min(run.words[INTERRUPTED], run.words[WOKEN]) > ENOUGH // 200

    run.run(MODULE, [("user", (STEPS, how))] * 3 + [("meddler", (STEPS, how))], enough=enough, **options)
    return run


@pytest.mark.parametrize("policy", ["random", "inko"], ids=["locked", "lock-free"])
def test_who_wakes_with_0_owns_the_mutex_who_is_interrupted_is_gone_from_it_and_no_list_is_ever_wrong(crew, policy):
    run = hand_over(crew, GOOD, policy, bound_s=TIMED_S)
    assert run.violations == 0
    assert run.words[WOKEN] <= run.words[WAKES] <= run.words[WOKEN] + 3, "those on their way at the end"


def test_control_a_hand_over_in_two_steps_makes_an_interrupted_thread_the_owner(crew):
    assert hand_over(crew, LOCK_GIVEN_UP, bound_s=CONTROL_S).violations > 0


def test_who_finds_the_sleepers_note_under_the_mutex_finds_it_in_the_queue_where_one_that_unlocks_first_is_not(crew):
    run = crew(2, policy="random", held_up=True)
    make_threads(run.window, run.words, 2)
    run.run(MODULE, [("sleeper", (STEPS,)), ("waker", (STEPS,))], enough=lambda: run.words[SHOWN] > 0)
    assert run.violations == 0


def test_whose_sleep_is_claimed_owns_the_mutex_and_is_in_no_list_where_one_that_is_claimed_first_may_not_be(crew):
    run = crew(2, policy="random", held_up=True)
    make_threads(run.window, run.words, 2)
    run.run(MODULE, [("giver", (STEPS,)), ("heir", (STEPS,))], enough=lambda: run.words[SHOWN] > 0)
    assert run.violations == 0
