"""Weak memory shows every outcome that the axioms allow, and none that they forbid."""

import pytest

from emu.explore.profiles import profile
from emu.explore.strategies import Strategy
from emu.explore.world import World

from .litmus_programs import SHAPES, outcome_of, source
from .rvwmo import allowed

TURNS = ("random", "pos", "pct:d=3")
AT_LEAST, AT_MOST = 2_000, 20_000  # schedules: the forbidden ones are looked for in the first, the allowed in all
STRONGER = ("MP", "SB", "SB+fences", "SB+rfi", "LB", "S", "R", "2+2W", "CoRR", "CoRR+2W", "WRC", "IRIW")
CASES = [(name, "rvwmo") for name in SHAPES] + [(name, model) for model in ("tso", "sc") for name in STRONGER]


def seen(program, text, model, wanted):
    """The outcomes of schedules, as many as it takes to see all that are wanted."""
    found = set()
    with World(program, memory=model) as world:
        facts = profile(world)
        turns = [Strategy(each) for each in TURNS]
        for number in range(AT_MOST):
            strategy = turns[number % len(turns)]
            outcome = world.run(number, strategy.module, prepare=strategy.prepare(facts))
            assert outcome.kind == "exited" and outcome.value == 0, outcome.words
            found.add(outcome_of(outcome.output, text))
            if number >= AT_LEAST and found >= wanted:
                break
    return found


@pytest.mark.parametrize(("name", "model"), CASES)
def test_a_shape_has_all_allowed_outcomes_and_no_other(built, name, model):
    text = SHAPES[name]
    wanted = allowed(text, model)
    program = built(name.replace("+", "_").replace(".", "_"), source=source(text))
    assert seen(program, text, model, wanted) == wanted


def test_the_axioms_tell_the_models_apart():
    """What everybody knows of these shapes, by their weakest outcome."""
    zeros = (("a", 0), ("b", 0))
    assert not any(registers == zeros for registers, _ in allowed(SHAPES["SB"], "sc"))
    assert any(registers == zeros for registers, _ in allowed(SHAPES["SB"], "tso"))
    stale = (("a", 1), ("b", 0))
    assert not any(registers == stale for registers, _ in allowed(SHAPES["MP"], "tso"))
    assert any(registers == stale for registers, _ in allowed(SHAPES["MP"], "rvwmo"))
    assert not any(registers == stale for registers, _ in allowed(SHAPES["MP+fence.w.w+addr"], "rvwmo"))


def test_a_deque_without_its_fence_fails_and_with_it_does_not(built):
    """And without weak memory the fence is not missed."""

    def fails(flags, model, schedules):
        with World(built("chase_lev", *flags), memory=model) as world:
            facts = profile(world)
            turns = [Strategy(each) for each in TURNS]
            for number in range(schedules):
                strategy = turns[number % len(turns)]
                if world.run(number, strategy.module, prepare=strategy.prepare(facts)).kind == "assert":
                    return True
        return False

    assert fails(("-DBROKEN",), "tso", 3000) and fails(("-DBROKEN",), "rvwmo", 3000)
    assert not fails(("-DBROKEN",), "sc", 1000)
    assert not fails((), "rvwmo", 1500)


def test_a_store_that_waits_does_not_reach_a_page_that_is_no_longer_there(built):
    outcomes = set()
    with World(built("unmapped"), memory="rvwmo") as world:
        facts = profile(world)
        turns = [Strategy(each) for each in TURNS]
        for number in range(400):
            strategy = turns[number % len(turns)]
            outcomes.add(world.run(number, strategy.module, prepare=strategy.prepare(facts)).words)
    assert outcomes == {"exit status 0"}
