"""The exhaustive search plays every schedule, and each once: held against a plain enumeration of a small program."""

import itertools

import pytest

from emu.errors import MachineError
from emu.explore.campaign import Campaign, Plan, prepared
from emu.explore.exhaustive import ALL, Search
from emu.explore.profiles import profile
from emu.explore.world import World

from .litmus_programs import SHAPES, outcome_of, source
from .rvwmo import allowed
from .test_litmus import STRONGER

STEPS = 3  # of each thread of orders.c: each reads the word, and stores 10 times as much and its digit


def results(bound):
    """What the word may be in the end, when a thread gives way `bound` times although it could go on.

    A thread is a list of reads and stores; an order of all of them says which value each read has seen.
    """
    found = set()
    for order in set(itertools.permutations([1] * 2 * STEPS + [2] * 2 * STEPS)) if bound is None else _orders(bound):
        word, seen, done = 0, {1: None, 2: None}, {1: 0, 2: 0}
        for digit in order:
            if done[digit] % 2 == 0:
                seen[digit] = word
            else:
                word = 10 * seen[digit] + digit
            done[digit] += 1
        found.add(word)
    return found


def _orders(bound):
    """Every order of the two threads' events with at most so many switches away from one that has not ended."""

    def go_on(order, left, running, switches):
        if not any(left.values()):
            yield order
            return
        for digit in (1, 2):
            if not left[digit]:
                continue
            costs = int(running not in (None, digit) and left[running] > 0)
            if switches + costs <= bound:
                yield from go_on((*order, digit), {**left, digit: left[digit] - 1}, digit, switches + costs)

    return go_on((), {1: 2 * STEPS, 2: 2 * STEPS}, None, 0)


@pytest.mark.parametrize("bound", [0, 1, 2])
def test_it_finds_every_result_that_so_many_preemptions_can_have(built, bound):
    with World(built("orders")) as world:
        profile(world)
        outcomes = list(Search(world, bound).schedules())
    assert all(outcome.preemptions <= bound for outcome in outcomes)
    assert len({outcome.digest for outcome in outcomes}) == len(outcomes), "a schedule was played twice"
    assert {int(outcome.output) for outcome in outcomes} == results(bound)


def test_without_a_bound_it_finds_every_result(built):
    with World(built("orders")) as world:
        profile(world)
        search = Search(world, ALL)
        outcomes = list(search.schedules())
    assert search.is_whole and len({outcome.digest for outcome in outcomes}) == len(outcomes)
    assert {int(outcome.output) for outcome in outcomes} == results(2 * STEPS * 2)


@pytest.mark.parametrize("model", ["sc", "tso"])
@pytest.mark.parametrize("name", STRONGER)
def test_it_finds_what_the_axioms_allow(built, name, model):
    text = SHAPES[name]
    program = built(name.replace("+", "_").replace(".", "_"), source=source(text))
    with World(program, memory=model) as world:
        profile(world)
        search = Search(world, ALL)
        found = {outcome_of(outcome.output, text) for outcome in search.schedules()}
    assert search.is_whole and found == allowed(text, model)


def test_a_load_reserved_and_its_store_are_one_event(built):
    """Or threads that take each other's reservation would have schedules without end."""
    with World("teach_aba", ("fixed",)) as world:
        profile(world)
        outcomes = [*itertools.islice(Search(world, ALL).schedules(), 2000)]
    assert len(outcomes) < 1000 and {outcome.words for outcome in outcomes} == {"exit status 0"}


def test_a_search_says_when_there_is_nothing_left(built):
    with prepared(Plan(built("orders"), strategy="exhaustive:k=1")) as (world, plan):
        campaign = Campaign(plan, 10_000)
        campaign.play(world)
        assert campaign.found.is_complete and campaign.found.failure is None
        stopped = Campaign(plan, 3)
        stopped.play(world)
        assert not stopped.found.is_complete and stopped.found.schedules == 3


def test_it_refuses_weak_memory(built):
    with World(built("orders"), memory="rvwmo") as world, pytest.raises(MachineError, match="--memory sc or tso"):
        Search(world, 1)
