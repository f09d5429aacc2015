"""What a user writes of a trace: times, threads, a thread at a time; and the answer of --why."""

import re

MOST_NS = 1 << 62  # a century and more
MOST_DIGITS, MOST_LETTERS = 20, 60
UNITS_NS = {"ns": 1, "us": 1_000, "µs": 1_000, "": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


class BadInput(Exception):
    """One line for the user."""


def parse_time(text, unit=""):
    """ns of a time such as 1500us; a bare number is µs, or of the given unit."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([a-zµ]*)", text.strip())
    if not match or match[2] not in UNITS_NS:
        raise BadInput(f"time {shorten(text)}: write for example 1500us, 1.5ms or 2s")
    ns = float(match[1]) * UNITS_NS[match[2] or unit]
    if ns >= MOST_NS:
        raise BadInput(f"time {shorten(text)}: no trace is so long")
    return round(ns)


def parse_index(text):
    """A thread's index or generation, of digits."""
    if len(text) > MOST_DIGITS or int(text) >= 1 << 24:
        raise BadInput(f"thread {shorten(text)}: no trace has so many")
    return int(text)


def shorten(text):
    """What was typed, in quotes, and of a long one its beginning."""
    return repr(text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + "…")


def parse_thread_at(read, text):
    """(thread, generation, time in ns of the trace) of THREAD@TIME: a thread's index, index#generation, or name."""
    thread, at, time = text.rpartition("@")
    if not at or not thread:
        raise BadInput(f"{shorten(text)}: write THREAD@TIME, for example 3@1500us or 3#0@1.5ms")
    time_ns = read.header["clock"]["boot_ns"] + parse_time(time)
    match = re.fullmatch(r"(\d+)(?:#(\d+))?(?::.*)?", thread)
    if match:
        index = parse_index(match[1])
        return index, _generation(read, index, time_ns) if match[2] is None else parse_index(match[2]), time_ns
    named = sorted(key for key, name in read.thread_names.items() if name == thread)
    if len(named) != 1:
        several = ", ".join(read.label(*key) for key in named[:8])
        hint = f"{len(named)} threads have that name: {several}" if named else "no thread of this trace has that name"
        raise BadInput(f"thread {shorten(thread)}: {hint}; write a thread's index, or index#generation")
    return *named[0], time_ns


def _generation(read, index, time_ns):
    """Of the thread that had this record at a time."""
    import numpy as np

    from emu.trace.wakers import generations_at

    return int(generations_at(read, np.array([index]), np.array([time_ns]))[0])


def print_why(read, text):
    """The chain of causes below one thread at one time; the exit status."""
    from emu.trace.why import explain

    for line in explain(read, *parse_thread_at(read, text)):
        print(line)
    for note in read.notes():
        print(f"note: {note}")
    return 1 if read.is_damaged else 0
