"""Event counters, epoll sets and what they watch (kernel/files/watches.py)."""

from .declare import i64, i64s, line, one, record
from .queues import WAIT_QUEUE

EVENT_COUNTER = record(
    "EVENT_COUNTER",
    i64("lock"),
    i64("next_free", guard="event_counters_lock", doc="index + 1, 0 none"),
    i64("count", guard="lock", doc="unsigned, at most 2^64 - 2"),
    i64("takes_one", doc="1: a read takes one (EFD_SEMAPHORE), fixed"),
    i64("polled", guard="lock", doc="1: the server wants to be told of the next change"),
    i64("changes", guard="lock", doc="grows with each change; never begins anew; read without"),
    i64("watches", guard="lock", doc="first watch + 1 of those that hear of changes; 0 none"),
    line("queues"),
    one("read_queue", WAIT_QUEUE),
    one("write_queue", WAIT_QUEUE),
)

EPOLL_SET = record(
    "EPOLL_SET",
    i64("lock"),
    i64("next_free", guard="watches_lock", doc="index + 1, 0 none"),
    i64("members", guard="watches_lock", doc="its first watch + 1, 0 none"),
    i64("first_ready", guard="lock", doc="watch + 1 that was marked longest ago, 0 none"),
    i64("last_ready", guard="lock", doc="watch + 1"),
    i64("round", guard="lock", doc="how often its marks have been gone through"),
    i64("polled", guard="lock", doc="1: the server wants to be told of the next mark"),
    i64("changes", guard="lock", doc="grows with each mark; never begins anew; read without"),
    i64("watches", guard="nests_lock and lock", doc="first watch + 1 of the sets that this one is in; 0 none"),
    i64("nested", guard="nests_lock", doc="first watch + 1 of the sets that are in this one; 0 none"),
    i64("visited", guard="nests_lock", doc="number of the last walk over nested sets that came here"),
    i64("levels", guard="nests_lock", doc="what that walk found out"),
    line("queue"),
    one("queue", WAIT_QUEUE, doc="threads in epoll_wait, poll, select"),
)

WATCH = record(
    "WATCH",
    i64("set", guard="the set's lock", doc="truth: the set that it belongs to, -1: free"),
    i64("serial", guard="the set's lock", doc="grows when it is freed"),
    i64("description", guard="watches_lock", doc="which file it watches"),
    i64("fd", guard="watches_lock", doc="the descriptor by which it was added"),
    i64("events", guard="the set's lock", doc="POLL* bits and EPOLL* modes"),
    i64("data", guard="the set's lock", doc="what its set's owner gave for it"),
    i64("is_ready", guard="the set's lock", doc="1: marked, in the set's ready list"),
    i64("round", guard="the set's lock", doc="when it was looked at last, as its set counts"),
    i64("ready_next", guard="the set's lock", doc="watch + 1, 0 none; likewise all links"),
    i64("ready_previous", guard="the set's lock"),
    i64("member_next", guard="watches_lock", doc="of the set's watches; of the free ones"),
    i64("member_previous", guard="watches_lock"),
    i64("sibling_next", guard="watches_lock", doc="of the description's watches"),
    i64("sibling_previous", guard="watches_lock"),
    i64s("source", 2, guard="watches_lock", doc="host addresses of the heads of the lists it is in, 0 none"),
    i64s("source_lock", 2, guard="watches_lock", doc="host addresses of their locks"),
    i64s("next", 2, guard="source_lock", doc="in those lists"),
    i64s("previous", 2, guard="source_lock"),
)
