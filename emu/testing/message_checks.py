"""Messages of a machine at rest: what mailboxes say of themselves."""

import numpy as np

from ..kernel.ipc.mailbox import PER_PAGE
from ..kernel.thread.states import DEAD, FREE, WHERE
from ..limits import MAILBOX_MESSAGES, MAILBOX_SLOTS


def used_mailboxes(machine):
    """Those of threads that there were."""
    return machine["mailboxes"][: int(machine["fresh_thread"])]


def check_messages(window):
    """Counts, positions and pages of mailboxes; a thread that has left has none."""
    boxes, threads = used_mailboxes(window.machine), window.machine["threads"]
    for i in np.flatnonzero(boxes["tid"] | boxes["tail"] | boxes["count"] | boxes["slots"].any(axis=1)).tolist():
        b = boxes[i]
        state = WHERE.get(int(threads[i]["where"]), "state")
        assert not b["lock"], f"mailbox {i} is locked"
        assert b["tid"] or not b["tail"], f"mailbox {i} is nobody's and has messages"
        assert bool(b["tid"]) <= (state not in (FREE, DEAD)), f"mailbox {i} is that of a thread that has left"
        head, tail = int(b["head"]), int(b["tail"])
        assert b["count"] == tail - head <= MAILBOX_MESSAGES, f"mailbox {i}: {b['count']}, from {head} to {tail}"
        needed = {page % MAILBOX_SLOTS for page in range(head // PER_PAGE, -(-tail // PER_PAGE))}
        assert set(np.flatnonzero(b["slots"]).tolist()) == needed, f"mailbox {i} has other pages than {needed}"


def frames_of_messages(machine):
    """{frame: 1} of what mailboxes hold."""
    slots = used_mailboxes(machine)["slots"]
    return dict.fromkeys((slots[slots != 0] - 1).tolist(), 1)
