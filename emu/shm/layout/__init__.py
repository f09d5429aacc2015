"""The layout of shared memory: every record, one file a group, with guard and unit of each field.

machine.py   MACHINE, the whole; machine_at, which makes it of an address
declare.py   how a record is declared
"""

from .code import HEAT, REGION
from .cpu import CPU, EVENT
from .events import EPOLL_SET, EVENT_COUNTER, WATCH
from .files import DESCRIPTION, FILE_TABLE, PIPE
from .machine import MACHINE, decoded_address, frame_address, machine_at, slab_at, wait_queue_at
from .memory import FRAME
from .queues import BUCKET, DEQUE, RUNQUEUE, WAIT_QUEUE
from .signals import SIGINFO
from .task import JOB, TASK
from .thread import THREAD
from .timeouts import TIMEOUT, TIMEOUT_RING

__all__ = [
    "BUCKET",
    "TIMEOUT_RING",
    "CPU",
    "DEQUE",
    "DESCRIPTION",
    "EPOLL_SET",
    "EVENT",
    "EVENT_COUNTER",
    "FILE_TABLE",
    "FRAME",
    "HEAT",
    "JOB",
    "MACHINE",
    "PIPE",
    "REGION",
    "RUNQUEUE",
    "SIGINFO",
    "TASK",
    "THREAD",
    "TIMEOUT",
    "WAIT_QUEUE",
    "WATCH",
    "decoded_address",
    "frame_address",
    "machine_at",
    "slab_at",
    "wait_queue_at",
]
