"""Seeded chance: the published generator, the same for the same seed, different for each actor."""

import pytest

from emu.kernel.sched.randomness import first_state
from emu.limits import MAX_ACTORS
from emu.testing.bare import bare_window
from tests.kernel import wrappers as hot

MASK = (1 << 64) - 1


def splitmix64(state):
    """Steele, Lea, Flood 2014: the next state and the value."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


def draw(window, actor, count, bound=1 << 30):
    return [hot.random_below(window.address, actor, bound) for _ in range(count)]


def test_it_is_splitmix64(window):
    state = int(window.machine["cpus"][0]["random"]) & MASK
    for got in draw(window, 0, 200, 1000):
        state, value = splitmix64(state)
        assert got == ((value >> 33) * 1000) >> 31


@pytest.mark.system("rust-13")
def test_the_same_seed_gives_the_same_choices_and_another_seed_others():
    def choices(seed):
        with bare_window(seed=seed, memory_bytes=4 << 20) as window:
            return draw(window, 0, 20), draw(window, 1, 20)

    assert choices(5) == choices(5) != choices(6)


def test_actors_draw_from_different_sequences():
    states = {first_state(seed, actor) for seed in range(50) for actor in range(MAX_ACTORS)}
    assert len(states) == 50 * MAX_ACTORS
    assert all(-(1 << 63) <= s < 1 << 63 for s in states)


def test_numbers_are_below_their_bound_and_reach_all_of_it(window):
    assert set(draw(window, 0, 500, 6)) == set(range(6))
    assert set(draw(window, 0, 10, 1)) == {0}


def test_one_number_may_be_the_bound_of_the_next(window):
    assert min(hot.random_below_random(window.address, 0) for _ in range(100)) >= 0
