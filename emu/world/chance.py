"""All chance of a schedule: one generator, whose state is part of the world (SplitMix64)."""

from ..hot import hot
from ..kernel.sched.randomness import GAMMA, scrambled
from ..shm.memory import wrapping_add

BITS = 62


@hot
def some_word(w):
    """A number of 62 bits."""
    w.random = wrapping_add(w.random, GAMMA)
    return (scrambled(w.random) >> 2) & ((1 << BITS) - 1)


@hot
def below(w, bound):
    """A number from 0 to bound - 1; bound < 2**31."""
    return ((some_word(w) >> 31) * bound) >> 31


def first_state(seed, number):
    """The state that the generator begins with in the schedule of this number."""
    value = (seed * 0x2545F4914F6CDD1D ^ (number + 1) * 0x9E3779B97F4A7C15) & ((1 << 64) - 1)
    value ^= value >> 32
    value = value * 0xD6E8FEB86659FD93 & ((1 << 64) - 1)
    return value - (1 << 64) if value >> 63 else value
