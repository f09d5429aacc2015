"""Checks what users give to a machine's calls: a one-line MachineError for values that make no sense."""

import math
import os

import msgpack

from ..errors import MachineError
from .threads import ThreadInfo


def path(program):
    if not isinstance(program, (str, bytes, os.PathLike)):
        raise MachineError(f"program {program!r}: expected a path or the name of a guest")
    return os.fsdecode(text(program, "program"))


def text(value, what):
    """Bytes for a guest."""
    try:
        data = os.fsencode(value if isinstance(value, (str, bytes, os.PathLike)) else str(value))
    except UnicodeEncodeError:
        data = b"\0"
    if b"\0" in data:
        raise MachineError(f"{what} {value!r}: cannot be passed to a program")
    return data


def mapping(env):
    try:
        return dict(env or {})
    except (TypeError, ValueError):
        raise MachineError(f"env {env!r}: expected names and values") from None


def seconds(limit_s):
    if isinstance(limit_s, (int, float)) and not math.isnan(limit_s) and limit_s >= 0:
        return limit_s
    raise MachineError(f"limit_s={limit_s!r}: expected seconds")


def integer(value, what, least, most):
    if isinstance(value, int) and least <= value <= most:
        return int(value)
    raise MachineError(f"{what} {value!r}: expected {least} to {most}")


def handle_of(thread):
    return integer(thread.handle if isinstance(thread, ThreadInfo) else thread, "thread", 0, (1 << 63) - 1)


def packed(message):
    try:
        return msgpack.packb(message)
    except (TypeError, ValueError, OverflowError) as error:
        raise MachineError(f"cannot be sent: {error}") from None
