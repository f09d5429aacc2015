"""What the debugger shows of groups and their upcalls, and of mailboxes and ports: each function returns lines."""

import numpy as np

from ..kernel.groups.records import KSE_INSIDE, KSE_MEMBER, KSE_OWNER, KSE_RISING, KSE_SPARE
from ..limits import MAX_GROUPS
from .text import columns, seconds

PARTS = (
    (KSE_OWNER, "owner"), (KSE_RISING, "rising"), (KSE_INSIDE, "inside"), (KSE_SPARE, "spare"), (KSE_MEMBER, "member"),
)  # fmt: skip


def groups(inspector):
    records, rows = inspector.used("groups", "fresh_group"), []
    for g in np.flatnonzero(records["task"]).tolist():
        group = records[g]
        rows.append(
            (f"#{g}", _pid(inspector, int(group["task"]) - 1), int(group["nr_threads"]), int(group["nr_upcalls"]),
             int(group["inside"]), int(group["rising"]), int(group["nr_spares"]), f"{int(group['completed']):#x}")
        )  # fmt: skip
    return columns(("group", "task", "threads", "upcalls", "inside", "rising", "spares", "completed"), rows, "no group")


def upcalls(inspector):
    records, rows, now_ns = inspector.used("upcalls", "fresh_upcall"), [], inspector.now_ns()
    for u in np.flatnonzero(records["owner"]).tolist():
        upcall = records[u]
        owner, quantum_ns = int(upcall["owner"]) - 1, int(upcall["quantum_ns"])
        left = seconds(int(upcall["until_ns"]) - now_ns) if quantum_ns else "no quantum"
        kse = int(inspector.thread(owner)["kse"]) if inspector.exists(owner) else 0
        rows.append(
            (f"#{u}", f"#{int(upcall['group']) % MAX_GROUPS}", inspector.title(owner),
             " ".join(name for bit, name in PARTS if kse & bit), f"{int(upcall['mailbox']):#x}",
             f"{int(upcall['function']):#x}", left, f"{int(upcall['wanted']):#x}")
        )  # fmt: skip
    heading = ("upcall", "group", "owner", "which is", "mailbox", "enters at", "left of its quantum", "wanted")
    return columns(heading, rows, "no upcall")


def mailboxes(inspector):
    boxes, rows = inspector.machine["mailboxes"], []
    for i in inspector.living():
        count, head, tail = (int(boxes[name][i]) for name in ("count", "head", "tail"))
        if count or tail != head:
            rows.append((inspector.title(i), count, tail - head, f"{head:,}", f"{tail:,}"))
    ports = inspector.used("ports", "fresh_port")
    open_ports = [
        (f"#{p}", _pid(inspector, int(ports["owner"][p]) - 1), int(ports["waiting"][p]), int(ports["channels"][p]))
        for p in np.flatnonzero(ports["owner"]).tolist()
    ]
    return [
        *columns(("mailbox of", "count", "waiting", "taken", "put in"), rows, "no mailbox has a message"),
        *columns(("port", "task", "messages", "channels"), open_ports, "no port is open"),
    ]


def _pid(inspector, k):
    tasks = inspector.machine["tasks"]
    return int(tasks["pid"][k]) if 0 <= k < len(tasks) else f"task {k}"
