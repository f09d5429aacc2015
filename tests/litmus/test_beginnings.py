"""Tasks that are made and given up, while their job is killed, between real processes (cz-9, alux-4)."""

import pytest

from emu.kernel.task.records import create_task
from emu.testing.crew import CONTROL_S, TIMED_S
from tests.litmus.beginnings import EARLY, FOUND, GOOD, HASTY

MODULE = "tests.litmus.beginnings"
ROUNDS = 1_000_000_000  # until the time is over

pytestmark = [pytest.mark.system("cz-9"), pytest.mark.system("alux-4")]


def make_and_kill(crew, bad, bound_s):
    run = crew(3, policy="inko", held_up=True)
    create_task(run.window.address, 0)  # job 0
    jobs = [("maker", (ROUNDS, bad)), ("maker", (ROUNDS, bad)), ("killer", (ROUNDS, bad))]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: bad or run.words[FOUND] > 100)
    return run


def test_a_task_that_is_being_made_can_be_killed_and_is_its_makers_until_he_gives_it_up(crew):
    run = make_and_kill(crew, GOOD, TIMED_S)
    assert run.violations == 0 and run.machine["nr_tasks"] == 1


@pytest.mark.parametrize("bad", [EARLY, HASTY], ids=["shown early", "not retained"])
def test_control_a_record_that_is_shown_too_early_or_killed_by_who_does_not_retain_it_is_half_killed(crew, bad):
    assert make_and_kill(crew, bad, CONTROL_S).violations > 0
