"""What a program in Python shows: integers in decimal digits, and texts (calls.py)."""

from .calls import call
from .memory import poke_byte, room

_WRITE, _STDOUT, _LAST = 64, 1, 31


def print_int(value):
    """Write an integer and the end of the line to standard output, in one call."""
    at = room() + _LAST
    poke_byte(at, 10)
    rest = value if value < 0 else -value  # below zero, since there is one more integer than above
    end = at + 1
    while True:
        digit = (10 - rest % 10) % 10
        at -= 1
        poke_byte(at, 48 + digit)
        rest = (rest + digit) // 10
        if rest == 0:
            break
    if value < 0:
        at -= 1
        poke_byte(at, 45)
    call(_WRITE, _STDOUT, at, end - at)
