"""What the checker (check.py) knows of threads, CPUs and queues while it goes through a trace."""

from dataclasses import dataclass

ABSENT, UNKNOWN, RUNNABLE, RUNNING, BLOCKED, GONE = "not there", "unknown", "runnable", "running", "asleep", "gone"


@dataclass
class ThreadState:
    index: int
    label: str
    generation: int
    state: str = ABSENT
    queue: int = -1  # where it waits or sleeps, or the CPU that it runs on
    since_ns: int = 0  # of the state
    joined_ns: int = 0  # the queue that it waits on
    last: int | None = None  # the event that led there
    stolen_by: int = -1
    suspended: bool = False


@dataclass
class CpuState:
    life: str = ABSENT  # then "up", "down"
    life_event: int | None = None
    runs: ThreadState | None = None
    parked_ns: int | None = None


@dataclass
class QueueState:
    waiting: int = 0
    since_ns: int = 0  # when the first of those came
