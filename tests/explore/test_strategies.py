"""Every strategy finds what it is for, and a plan repeats what happened."""

import pytest

from emu.errors import MachineError
from emu.explore.profiles import profile
from emu.explore.strategies import IN_TURN, Strategy, strategies
from emu.explore.world import World
from emu.world.layout import READ, WRITE
from emu.world.strategies import planned, random_walk

ENOUGH = 400


@pytest.fixture(scope="module")
def world(built):
    with World(built("account")) as made:
        made.facts = profile(made)
        yield made


@pytest.mark.parametrize("text", IN_TURN)
def test_each_strategy_finds_the_lost_update_and_schedules_without_it(world, text):
    strategy = Strategy(text)
    prepare = strategy.prepare(world.facts)
    assert {world.run(n, strategy.module, prepare=prepare).value for n in range(ENOUGH)} == {0, 1}


def test_a_plan_repeats_a_schedule_bit_for_bit(world):
    for number in range(30):
        outcome = world.run(number, random_walk)
        again = world.run(number, planned, plan=outcome.switches)
        assert again == outcome and again.switches == outcome.switches


def test_without_a_plan_nobody_is_preempted(world):
    outcome = world.run(0, planned)
    assert outcome.preemptions == 0 and outcome.kind == "exited"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("magic", "strategy 'magic': expected portfolio, random, pct, pos, surw, delay, exhaustive"),
        ("pct:k=3", "strategy 'pct' has no parameter 'k': it has d"),
        ("pct:d=99", "d='99' of strategy 'pct' (depth of the bug): expected 1 to 32"),
        ("pct:d=-1", "d='-1' of strategy 'pct' (depth of the bug): expected 1 to 32"),
        ("random:d=1", "strategy 'random' has no parameter 'd': it has none"),
        ("exhaustive:k=many", "strategy 'exhaustive:k=many': expected exhaustive:k=0 to 64, or exhaustive:all"),
    ],
)
def test_a_wrong_strategy_is_refused_in_one_line(text, line):
    with pytest.raises(MachineError) as refused:
        strategies(text)
    assert str(refused.value) == line


def test_a_thread_is_asked_once_before_each_event(built):
    """Also where it gave way, and was chosen later: three loads and three stores, in every schedule."""
    with World(built("orders")) as world:
        profile(world)
        for number in range(100):
            world.run(number, random_walk, logging=True)
            log = world.log()
            for thread in (1, 2):
                kinds = log["kind"][log["thread"] == thread]
                assert (kinds == READ).sum() == (kinds == WRITE).sum() == 3
