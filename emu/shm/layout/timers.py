"""Timers of tasks: POSIX timers, interval timers, and those behind descriptors (kernel/task/timers.py)."""

from .declare import i64, record

TIMER = record(
    "TIMER",
    i64("armed", guard="timers_lock", doc="0, or the number of this arming, which its entry in the heap has too"),
    i64("sequence", guard="timers_lock", doc="counts the armings"),
    i64("deadline_ns", guard="timers_lock", unit="ns of the monotonic clock"),
    i64("interval_ns", guard="timers_lock", unit="ns", doc="0: it expires once"),
    i64("kind", guard="timers_lock", doc="what it does when it expires: TIMER_*; 0 the record is free"),
    i64("task", guard="timers_lock", doc="handle of the task that is told"),
    i64("thread", guard="timers_lock", doc="handle of the thread that is told, where the kind says so"),
    i64("signal", guard="timers_lock"),
    i64("number", guard="timers_lock", doc="its id, as its task knows it"),
    i64("measures", guard="timers_lock", doc="MEASURES_*: 0 time itself, or whose processor time"),
    i64("measured", guard="timers_lock", doc="handle of that task or thread"),
    i64("user_only", guard="timers_lock", doc="1: system time does not count"),
    i64("target_ns", guard="timers_lock", unit="ns of processor time", doc="when it expires"),
    i64("value", guard="timers_lock", doc="sigev_value"),
    i64("overrun", guard="timers_lock", doc="expirations that told nobody, before the last one that did"),
    i64("expirations", guard="timers_lock", doc="of a descriptor, not read yet"),
    i64("changes", guard="timers_lock", doc="grows with each expiry, arming and read of expirations"),
)
