"""The timekeeper's heap, and the rings through which time-outs reach it."""

from ...limits import TIMEOUT_RING_MESSAGES
from .declare import i64, i64s, line, record

TIMEOUT = record(
    "TIMEOUT",
    i64("deadline_ns", guard="timekeeper", unit="ns of the monotonic clock"),
    i64("address", guard="timekeeper", doc="host address of the sleep word, or of TIMER.armed"),
    i64("word", guard="timekeeper", doc="the sleep it was made for: valid while the sleep word is this"),
    i64("thread", guard="timekeeper", doc="index; -1: a word on which no thread sleeps; below: -2 - a timer's index"),
    align=32,
)

TIMEOUT_RING = record(
    "TIMEOUT_RING",
    i64("head", guard="this actor", doc="messages posted so far"),
    i64("seen_tail", guard="this actor", doc="messages taken, when last looked at"),
    line("reader"),
    i64("tail", guard="timekeeper", doc="messages taken so far"),
    line("messages"),
    i64s("messages", 4 * TIMEOUT_RING_MESSAGES, guard="this actor", doc="the four words of a TIMEOUT each"),
)
