"""IPC between CPUs (cz-7): no message is lost, none comes twice, and nobody waits for one that has left."""

import pytest

from emu.testing.crew import CONTROL_S, TIMED_S
from tests.litmus.answers import CALLED, IN_TWO_CALLS, SHOWN
from tests.litmus.messages import ENDED, GOOD, JOINS_BLINDLY, LEFT, SENT, SLEEPS_LATE
from tests.litmus.mutexes import make_threads

MESSAGES, ANSWERS = "tests.litmus.messages", "tests.litmus.answers"
STEPS = 1_000_000_000  # until the time is over

pytestmark = pytest.mark.system("cz-7")


def run(crew, roles, how, policy="random", enough=None, **options):
    made = crew(len(roles), policy=policy, held_up=True)
    make_threads(made.window, made.words, len(roles))
    module = ANSWERS if "client" in roles else MESSAGES
    made.run(module, [(role, (STEPS, how)) for role in roles], enough=enough and (lambda: enough(made)), **options)
    return made


@pytest.mark.system("cz-6")
@pytest.mark.parametrize("policy", ["random", "inko"], ids=["locked", "lock-free"])
def test_each_message_arrives_once_and_in_order_whoever_is_interrupted(crew, policy):
    roles = ["receiver", "sender", "sender", "meddler"]
    done = run(crew, roles, GOOD, policy, lambda run: min(run.words[SENT], run.words[ENDED]) > 300)
    assert done.violations == 0


def test_control_a_receiver_that_declares_its_sleep_after_its_look_misses_a_sender(crew):
    assert run(crew, ["receiver", "sender", "sender", "meddler"], SLEEPS_LATE, bound_s=CONTROL_S).violations > 0


def test_nobody_waits_for_a_thread_that_has_left(crew):
    roles = ["comes_and_goes"] * 3 + ["meddler"]
    done = run(crew, roles, GOOD, enough=lambda run: min(run.words[SENT], run.words[LEFT]) > 300, bound_s=TIMED_S)
    assert done.violations == 0


def test_control_a_sender_that_does_not_look_whether_the_receiver_is_there_waits_for_one_that_has_left(crew):
    assert run(crew, ["comes_and_goes"] * 3 + ["meddler"], JOINS_BLINDLY, bound_s=CONTROL_S).violations > 0


def test_an_answer_never_comes_too_early_for_who_calls(crew):
    done = run(crew, ["server", "client", "client"], GOOD, enough=lambda run: run.words[CALLED] > 1000, bound_s=TIMED_S)
    assert done.violations == 0


def test_control_who_sends_and_then_receives_misses_answers(crew):
    done = run(crew, ["server", "client"], IN_TWO_CALLS, enough=lambda run: run.words[SHOWN] > 0, bound_s=CONTROL_S)
    assert done.violations == 0 and done.words[SHOWN] > 0


@pytest.mark.system("cz-6")
def test_callers_that_nobody_answers_join_and_leave_their_queue_at_the_same_time(crew):
    roles = ["hoarder", "client", "client", "suspender"]
    done = run(crew, roles, GOOD, enough=lambda run: run.words[ENDED] > 1000)
    assert done.violations == 0


@pytest.mark.system("cz-6")
def test_a_suspend_that_comes_while_a_callers_message_is_taken_is_not_forgotten(crew):
    roles = ["server", "client", "client", "suspender"]
    done = run(crew, roles, GOOD, enough=lambda run: run.words[CALLED] > 300, bound_s=TIMED_S)
    assert done.violations == 0
