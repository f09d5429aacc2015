"""Reproducible random numbers: one seed, and a generator for each actor (rust-13; SplitMix64)."""

from ...hot import hot
from ...shm.cpumask import any_cpu, has_cpu
from ...shm.memory import wrapping_add, wrapping_multiply

GAMMA = -7046029254386353131  # 0x9E3779B97F4A7C15
_MIX_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX_2 = -7723592293110705685  # 0x94D049BB133111EB


@hot
def _shift(value, bits):
    """Logical shift to the right of a signed word."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


@hot
def scrambled(z):
    """The random word of a state; the next state is GAMMA more."""
    z = wrapping_multiply(z ^ _shift(z, 30), _MIX_1)
    z = wrapping_multiply(z ^ _shift(z, 27), _MIX_2)
    return z ^ _shift(z, 31)


@hot
def random_below(m, me, bound):
    """A number from 0 to bound - 1 from this actor's generator. `bound` < 2**31."""
    c = m.cpus[me]
    c.random = wrapping_add(c.random, GAMMA)
    return (_shift(scrambled(c.random), 33) * bound) >> 31


@hot
def draw(m, queue, bound):
    """random_below for a policy's hooks that run with `queue` locked: the generator is the lock holder's."""
    return random_below(m, m.queues[queue].lock - 1, bound)


@hot
def random_cpu(m, me):
    """One of the CPUs that take threads, by chance."""
    cpu = random_below(m, me, m.nr_cpus)
    while not has_cpu(m, "online", cpu) and any_cpu(m, "online"):
        cpu = random_below(m, me, m.nr_cpus)
    return cpu


def first_state(seed, actor):
    """The state that an actor's generator begins with."""
    value = (seed * 0x2545F4914F6CDD1D + (actor + 1) * 0x9E3779B97F4A7C15) & ((1 << 64) - 1)
    return value - (1 << 64) if value >> 63 else value
