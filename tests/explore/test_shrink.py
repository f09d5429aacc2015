"""A failure is made simple without becoming another one, and is told as it happened."""

import pytest

from emu.explore.campaign import Failure
from emu.explore.profiles import profile
from emu.explore.shrink import shrink
from emu.explore.story import story
from emu.explore.telling import DRAIN, Telling
from emu.explore.world import World
from emu.world.layout import READ, WRITE
from emu.world.strategies import planned, random_walk


def failure(world, wanted=lambda outcome: outcome.value != 0, most=2000):
    """The first schedule of a random walk that fails."""
    for number in range(most):
        outcome = world.run(number, random_walk)
        if wanted(outcome):
            return Failure(number, "random", outcome)
    raise AssertionError(f"none of {most} schedules failed")


@pytest.fixture
def account_world(built):
    with World(built("account")) as world:
        profile(world)
        yield world


def test_a_lost_update_needs_one_preemption_or_two(account_world):
    found = failure(account_world)
    simple, runs = shrink(account_world, found)
    assert simple.is_like(found.outcome) and runs < 1000
    assert 1 <= simple.preemptions <= 2 < found.outcome.preemptions
    assert account_world.run(found.number, planned, plan=simple.switches) == simple


def test_a_schedule_is_told_as_it_happened(account_world):
    found = failure(account_world)
    simple, _ = shrink(account_world, found)
    telling = Telling(account_world, found.number, simple.switches)
    assert telling.outcome == simple
    own = [step for step in telling.steps if step.line and not step.called and step.what == "balance"]
    assert [step.kind for step in own if step.name != "main"] in ([READ, READ, WRITE, WRITE], [READ, WRITE])
    assert {step.line.text for step in own if step.kind == WRITE} == {"balance = before + 10;"}
    assert own[-1].name == "main" and own[-1].value == 10


def test_the_story_has_a_line_for_each_line_of_the_source_and_a_gap_where_threads_change(account_world):
    found = failure(account_world)
    simple, _ = shrink(account_world, found)
    lines = story(Telling(account_world, found.number, simple.switches))
    assert any("int before = balance;" in line and line.endswith("reads balance = 0") for line in lines)
    assert any("balance = before + 10;" in line and "writes balance (was " in line for line in lines)
    threads = [line.split()[0] for line in lines if line]
    assert "" in lines and {"main", "thread"} <= set(threads)


def test_who_waits_for_whom_is_told_of_a_deadlock(built):
    with World(built("deadlock")) as world:
        profile(world)
        found = failure(world, lambda outcome: outcome.kind == "deadlock")
        simple, _ = shrink(world, found)
        telling = Telling(world, found.number, simple.switches)
        assert telling.outcome == simple
        assert sum("waits for futex" in line for line in telling.waits) == 2
        assert any("pthread_join" in line for line in telling.waits)


def test_stores_that_reach_memory_late_are_told(built):
    with World(built("chase_lev", "-DBROKEN"), memory="tso") as world:
        profile(world)
        found = failure(world, lambda outcome: outcome.kind == "assert", 5000)
        simple, _ = shrink(world, found)
        assert Telling(world, found.number, simple.switches).outcome == simple
        telling = Telling(world, found.number, found.outcome.switches)  # which waits for less
        assert telling.outcome == found.outcome
        assert "bottom" in {step.what for step in telling.steps if step.kind == DRAIN}
