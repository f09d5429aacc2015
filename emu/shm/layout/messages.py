"""Mailboxes of threads (kernel/ipc/mailbox.py)."""

from ...limits import MAILBOX_SLOTS
from .declare import i64, i64s, line, record

MAILBOX = record(
    "MAILBOX",
    i64("count", guard="atomic", doc="messages that wait (inko-4); a sender raises it once its message is in place"),
    line("senders"),
    i64("lock", doc="of the senders; the receiver takes none"),
    i64("tid", guard="lock", doc="truth: the thread whose mailbox it is, 0 none; set without, before that thread runs"),
    i64("tail", guard="lock", unit="messages", doc="put in so far"),
    line("receiver"),
    i64("head", guard="its thread", unit="messages", doc="taken out so far"),
    line("pages"),
    i64s("slots", MAILBOX_SLOTS, guard="lock where empty, its thread where not", doc="frame + 1 of each page, 0 none"),
)
