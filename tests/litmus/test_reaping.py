"""Threads are deleted by their own scheduler, when nobody holds them any more (rust-2, alux-5)."""

import pytest

from emu.shm.tags import alive
from emu.testing.crew import CONTROL_S
from tests.litmus.reaping import HELD

MODULE = "tests.litmus.reaping"


def jobs(workers, scheduler, holder, count):
    return [(scheduler, (count,))] + [(holder, (count,))] * (workers - 1)


@pytest.mark.system("rust-2")
@pytest.mark.system("alux-5")
def test_a_held_thread_stays_what_it_is_and_its_scheduler_stays_until_it_is_given_back(crew, workers):
    run = crew(workers)

    def enough():
        done, *held = run.results()
        return done > 100 and sum(held) >= HELD

    run.run(MODULE, jobs(workers, "schedule", "hold", 60_000), bound_s=4, enough=enough)
    assert run.violations == 0
    assert run.machine["queues"][0]["nr_dead"] == run.machine["queues"][0]["dead"] == 0
    assert alive(run.machine) == {}, "every record was deleted"
    assert run.machine["fresh_thread"] < 20 * workers, "records are used again"


@pytest.mark.system("rust-2")
@pytest.mark.parametrize(
    ("scheduler", "holder"),
    [("schedule", "look_without_holding"), ("schedule_badly", "hold"), ("schedule", "drop_badly")],
    ids=["looking-without-holding", "dead-not-counted", "dropping-by-load-and-store"],
)
def test_control(crew, scheduler, holder):
    run = crew(3)
    run.run(MODULE, jobs(3, scheduler, holder, 100_000_000), bound_s=CONTROL_S)
    assert run.violations > 0
