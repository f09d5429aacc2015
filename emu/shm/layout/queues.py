"""Run queues and local queues (one of each a CPU), the buckets of futexes, wait queues."""

from ...limits import MAX_THREADS, QUEUE_POLICY_WORDS
from .declare import i64, i64s, line, record

RUNQUEUE = record(
    "RUNQUEUE",
    i64("lock"),
    i64("head", guard="lock", doc="its list (kernel/sched/lists.py): first thread + 1"),
    i64("tail", guard="lock", doc="last thread + 1"),
    i64("nr_runnable", guard="lock", doc="threads in the policy's order; of a lock-free queue: in its list"),
    i64("nr_threads", guard="lock", doc="threads registered with this scheduler (rust-1); atomic in lock-free queues"),
    i64("life", guard="lock", doc="LIFE_*: created, running, draining, exited"),
    i64("nr_dead", guard="its CPU", doc="threads that died here and are held by others (kernel/thread/reaping.py)"),
    i64("dead", guard="atomic", doc="the dead list: last thread put there + 1"),
    i64("now_ns", guard="lock", unit="ns", doc="for hooks: when the core took the lock"),
    i64s("policy", QUEUE_POLICY_WORDS, guard="lock", doc="the policy's own words"),
)

DEQUE = record(
    "DEQUE",
    i64("tail", guard="its CPU", doc="threads put in so far"),
    i64("list_left", guard="its CPU", doc="threads of the queue's list whose turn it is (kernel/sched/local_queue.py)"),
    i64("list_at", guard="its CPU", doc="the list has its turn again when `head` is here"),
    i64("misplaced", guard="atomic", doc="1: a thread that waits here may no longer run here"),
    line("takers"),
    i64("head", guard="atomic", doc="threads taken so far"),
    line("slots"),
    i64s("slots", MAX_THREADS, guard="its CPU", doc="threads, by position"),
)

BUCKET = record(
    "BUCKET",
    i64("lock"),
    i64("head", guard="lock"),
    i64("tail", guard="lock"),
    i64("first_vector", guard="lock", doc="of those that wait for several words: index + 1, 0 none"),
    i64("last_vector", guard="lock"),
)

WAIT_QUEUE = record(
    "WAIT_QUEUE",
    i64("lock"),
    i64("head", guard="lock", doc="first sleeper + 1"),
    i64("tail", guard="lock", doc="last sleeper + 1"),
    i64("owner", guard="lock", doc="of a mutex: the thread that holds it + 1, 0 nobody"),
)
