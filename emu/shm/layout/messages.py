"""Mailboxes of threads (kernel/ipc/mailbox.py), ports and channels (kernel/ipc/port.py)."""

from ...limits import MAILBOX_SLOTS, PORT_SLOTS
from .declare import i64, i64s, line, one, record
from .queues import WAIT_QUEUE

MAILBOX = record(
    "MAILBOX",
    i64(
        "count", guard="atomic", doc="messages that wait, and `taken` ones (inko-4); raised when a message is in place"
    ),
    line("senders"),
    i64("lock", doc="of the senders; the receiver takes none"),
    i64("tid", guard="lock", doc="truth: the thread whose mailbox it is, 0 none; set without, before that thread runs"),
    i64("tail", guard="lock", unit="messages", doc="put in so far"),
    i64("room", guard="lock", unit="messages", doc="may be put in before `count` is looked at again"),
    line("receiver"),
    i64("head", guard="its thread", unit="messages", doc="taken out so far"),
    i64("known", guard="its thread", unit="messages", doc="that it may take without a look at `count`"),
    i64("taken", guard="its thread", unit="messages", doc="taken out, and still in `count`; read by others"),
    line("pages"),
    i64("spare", guard="atomic", doc="frame + 1 of a page that was left behind, 0 none"),
    i64s("slots", MAILBOX_SLOTS, guard="lock where empty, its thread where not", doc="frame + 1 of each page, 0 none"),
)

PORT = record(
    "PORT",
    i64("lock"),
    i64("generation", guard="lock", doc="a handle of another generation is stale"),
    i64("owner", guard="lock", doc="truth: task + 1 that may receive; 0: closed, or free"),
    i64("references", guard="lock", doc="the open port, until it is emptied, and its channels; the last one frees it"),
    i64("channels", guard="lock", doc="how many name it"),
    i64("had_channels", guard="lock", doc="1 once there was one: receivers may find that there is none any more"),
    i64("unit", unit="bytes", doc="of each message, 0 any; fixed until it is freed"),
    i64("limit", unit="messages", doc="that may wait, 0: what there is room for; fixed"),
    i64("head", guard="lock", unit="bytes", doc="taken out so far"),
    i64("tail", guard="lock", unit="bytes", doc="put in so far"),
    i64("waiting", guard="lock", doc="messages from head to tail"),
    i64("selected", guard="lock", doc="1: a thread may wait for it among others (kernel/ipc/select.py)"),
    i64("next", guard="ports_lock", doc="of its task's ports, or of the free ones: index + 1, 0 none"),
    i64("previous", guard="ports_lock"),
    line("pages"),
    i64s("slots", PORT_SLOTS, guard="lock", doc="frame + 1 of each page of the ring, 0 none"),
    line("queue"),
    one("queue", WAIT_QUEUE, doc="threads that wait for this port alone"),
)

CHANNEL = record(
    "CHANNEL",
    i64("owner", guard="its port's lock", doc="truth: task + 1 that has it; 0 free"),
    i64("generation", guard="its port's lock", doc="a handle of another generation is stale"),
    i64("port", guard="its port's lock", doc="index"),
    i64("next", guard="ports_lock", doc="of its task's channels, or of the free ones: index + 1, 0 none"),
    i64("previous", guard="ports_lock"),
)
