"""Signed and unsigned words: hot code counts in signed 64-bit words, Linux's arguments are of many kinds."""

from ..hot import hot

WORD = (1 << 64) - 1  # all bits of a word


def signed(value):
    """The lower 64 bits of an integer as a signed word (cold)."""
    return (value & (1 << 63) - 1) - (value & 1 << 63)


def signed32(value):
    """The lower 32 bits of an integer as a signed number (cold)."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


int32 = hot(signed32)  # in hot code: a 32-bit argument, whose upper half does not count
