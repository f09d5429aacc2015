"""Messages of a machine at rest: what mailboxes, ports and channels say of themselves and of each other."""

import numpy as np

from ..kernel.ipc.mailbox import PER_PAGE
from ..kernel.ipc.ring import HEADER, HEADER_BYTES, RING_BYTES, space_of
from ..kernel.thread.states import DEAD, FREE, WHERE
from ..kernel.vm.areas import IN_MESSAGE
from ..limits import MAILBOX_MESSAGES, MAILBOX_SLOTS, MAX_TASKS, PAGE_SIZE, PORT_SLOTS


def used_mailboxes(machine):
    """Those of threads that there were."""
    return machine["mailboxes"][: int(machine["fresh_thread"])]


def check_messages(window):
    """Everything of this file."""
    check_mailboxes(window)
    check_ports(window)


def check_mailboxes(window):
    """Counts, positions and pages of mailboxes; a thread that has left has none."""
    boxes, threads = used_mailboxes(window.machine), window.machine["threads"]
    for i in np.flatnonzero(boxes["tid"] | boxes["tail"] | boxes["count"] | boxes["slots"].any(axis=1)).tolist():
        b = boxes[i]
        state = WHERE.get(int(threads[i]["where"]), "state")
        assert not b["lock"], f"mailbox {i} is locked"
        assert b["tid"] or not b["tail"], f"mailbox {i} is nobody's and has messages"
        assert bool(b["tid"]) <= (state not in (FREE, DEAD)), f"mailbox {i} is that of a thread that has left"
        head, tail = int(b["head"]), int(b["tail"])
        waiting = int(b["count"] - b["taken"])
        assert waiting == tail - head <= MAILBOX_MESSAGES, f"mailbox {i}: {waiting} from {head} to {tail}"
        assert b["known"] <= waiting, f"mailbox {i} knows {b['known']} of {waiting}"
        needed = {page % MAILBOX_SLOTS for page in range(head // PER_PAGE, -(-tail // PER_PAGE))}
        assert set(np.flatnonzero(b["slots"]).tolist()) == needed, f"mailbox {i} has other pages than {needed}"


def check_ports(window):
    """Who has which port and channel, references, and that each ring holds whole messages in the pages that it has."""
    machine = window.machine
    ports, channels = machine["ports"], machine["channels"]
    mine, theirs = {}, {}
    for k in range(MAX_TASKS):
        task = machine["tasks"][k]
        if task["state"]:
            for first, count, records, found in (
                ("first_port", "nr_ports", ports, mine), ("first_channel", "nr_channels", channels, theirs)
            ):  # fmt: skip
                listed = _list(records, int(task[first]))
                assert len(listed) == task[count], f"task {k} counts {task[count]} of its {first}"
                before = [int(records[n]["previous"]) - 1 for n in listed]
                assert before == [-1, *listed[:-1]][: len(listed)], f"task {k}: the list of its {first}, backwards"
                found.update(dict.fromkeys(listed, k))
    used = [n for n in range(int(machine["fresh_port"])) if ports[n]["references"]]
    assert mine == {n: int(ports[n]["owner"]) - 1 for n in used if ports[n]["owner"]}, "owners of ports"
    owners = channels["owner"][: int(machine["fresh_channel"])]
    assert theirs == {k: int(owners[k]) - 1 for k in np.flatnonzero(owners).tolist()}, "owners of channels"
    named = [int(channels[k]["port"]) for k in theirs]
    areas = []
    for n in used:
        p = ports[n]
        assert not p["lock"] and p["channels"] == named.count(n), f"port {n}: {p['channels']} channels"
        assert p["references"] == p["channels"] + (p["owner"] != 0), f"port {n}: {p['references']} references"
        areas += _check_ring(window, n)
    for free, fresh, records, others in (
        ("free_port", "fresh_port", ports, used), ("free_channel", "fresh_channel", channels, theirs)
    ):  # fmt: skip
        listed = _list(records, int(machine[free]))
        assert sorted([*listed, *others]) == list(range(int(machine[fresh]))), f"{free} and those in use"
    moved = np.flatnonzero(machine["areas"]["owner"][: int(machine["fresh_area"])] == IN_MESSAGE).tolist()
    assert sorted(areas) == moved, f"areas in messages (ports, areas): {sorted(areas)}, {moved}"


def _list(records, word):
    found = []
    while word:
        assert word - 1 not in found, f"a list of ports or channels goes round: {found}"
        found.append(word - 1)
        word = int(records[word - 1]["next"])
    return found


def _check_ring(window, n):
    """The areas in a port's messages."""
    p, areas, waiting = window.machine["ports"][n], [], 0
    at, tail = int(p["head"]), int(p["tail"])
    pages = {page % PORT_SLOTS for page in range(at // PAGE_SIZE, -(-tail // PAGE_SIZE))}
    assert set(np.flatnonzero(p["slots"]).tolist()) == pages, f"port {n} has other pages than {pages}"
    assert tail - at <= RING_BYTES, f"port {n}: {at} to {tail}"
    while at < tail:
        header = _word(window, p, at)
        if HEADER.get(header, "moved"):
            a, size = _word(window, p, at + HEADER_BYTES) - 1, 0
            while a >= 0:
                record = window.machine["areas"][a]
                areas.append(a)
                a, size = int(record["right"]) - 1, size + int(record["end"] - record["start"])
            assert size == HEADER.get(header, "size"), f"port {n}: a moved message has {size} bytes"
        at += space_of.function(8 if HEADER.get(header, "moved") else HEADER.get(header, "size"))
        waiting += 1
    assert at == tail and waiting == p["waiting"], f"port {n}: {waiting} messages, not {p['waiting']}"
    assert p["owner"] or not waiting, f"port {n} is closed and has messages"
    return areas


def _word(window, p, at):
    frame = int(p["slots"][at // PAGE_SIZE % PORT_SLOTS]) - 1
    return int(window.memory(frame).view(np.int64)[at % PAGE_SIZE // 8])


def frames_of_messages(machine):
    """{frame: 1} of what mailboxes and ports hold."""
    boxes, ports = used_mailboxes(machine), machine["ports"][: int(machine["fresh_port"])]
    pages = np.concatenate([boxes["slots"].ravel(), boxes["spare"], ports["slots"].ravel()])
    return dict.fromkeys((pages[pages != 0] - 1).tolist(), 1)
