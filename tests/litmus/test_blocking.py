"""An event for a thread that is about to sleep in a system call is never slept over (cz-4, cz-5)."""

import pytest

from emu.testing.crew import CONTROL_S
from tests.litmus.blocking import KILL, SHOWN, SIGNAL, SUSPEND, THREAD, make_thread

MODULE = "tests.litmus.blocking"
EVENTS = {"signal": SIGNAL, "suspend": SUSPEND, "kill": KILL}

pytestmark = [pytest.mark.system("cz-4"), pytest.mark.system("cz-5")]


@pytest.fixture(params=EVENTS)
def what(request):
    return EVENTS[request.param]


def run_rounds(crew, sleeper, what, rounds, bound_s, least=0):
    run = crew(2, policy="random")
    run.words[THREAD] = make_thread(run.window)
    jobs = [(sleeper, (rounds, what)), ("poster", (rounds, what))]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: run.results()[0] >= least)
    return run


def test_no_event_is_lost_that_comes_just_before_a_sleep(crew, what):
    run = run_rounds(crew, "sleeper", what, 100_000, 2.0, least=100)
    assert run.violations == 0


def test_control_a_system_call_without_its_second_look_sleeps_over_it(crew, what):
    assert run_rounds(crew, "bad_sleeper", what, 100_000_000, CONTROL_S).violations > 0


def test_a_sleep_is_seen_where_one_declared_without_a_fence_is_not(crew):
    run = run_rounds(crew, "sleeper_in_turn", SIGNAL, 1_000_000_000, CONTROL_S)
    assert run.violations == 0
    assert run.words[SHOWN] > 0, "the control shows nothing: too few rounds to mean anything"
