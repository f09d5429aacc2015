"""Waiters on several futexes at once (kernel/sleep/futex_vector.py)."""

from .declare import i64, record

VECTOR = record(
    "VECTOR",
    i64("bucket", guard="bucket lock", doc="truth: the bucket that lists it, -1 none; read without"),
    i64("thread", doc="index, fixed until it is freed"),
    i64("sleep", doc="the word of the thread's sleep, fixed until it is freed"),
    i64("position", doc="in the thread's list of words, fixed until it is freed"),
    i64("space", guard="bucket lock", doc="key: task handle, or -1 for shared memory"),
    i64("address", guard="bucket lock", doc="key: guest virtual or physical address"),
    i64("next", guard="bucket lock", doc="in the bucket: index + 1, 0 none; of a free record: vectors_lock"),
    i64("previous", guard="bucket lock"),
    i64("next_of_thread", guard="the thread, then who has taken its sleep", doc="index + 1, 0 none"),
)
