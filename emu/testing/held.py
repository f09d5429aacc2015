"""What each policy holds: its structures walked by plain Python, checked against themselves on the way.

`held_by(policy)(machine, queue)` lists the threads that wait on a queue, in no special order
unless the policy has one.  A policy of a test's own uses the core's list.
"""

from ..kernel.thread.states import RUNNABLE, RUNNING, WHERE
from ..limits import MAX_THREADS
from ..policies import bsd4, codezero, deadline_treap, eevdf, inko


def list_of(machine, queue):
    """The threads on a queue's own list, checked in both directions."""
    q = machine["queues"][queue]
    return _walk(machine, queue, int(q["head"]) - 1, int(q["tail"]) - 1)


def list_at(machine, queue, at):
    """The threads of the list whose ends are policy words `at` and `at` + 1."""
    words = machine["queues"][queue]["policy"]
    return _walk(machine, queue, int(words[at]) - 1, int(words[at + 1]) - 1)


def _walk(machine, queue, first, last):
    threads = machine["threads"]
    found, previous, i = [], -1, first
    while i >= 0:
        assert int(threads[i]["previous"]) == previous, f"queue {queue}: thread {i} points back wrongly"
        assert len(found) < MAX_THREADS, f"queue {queue}: its list is a circle"
        found.append(i)
        previous, i = i, int(threads[i]["next"])
    assert last == previous, f"queue {queue}: wrong tail"
    return found


def active_on(machine, queue):
    """The threads that are RUNNABLE or RUNNING on a queue, by the truth words."""
    where = machine["threads"]["where"][: int(machine["fresh_thread"])]
    return [
        i
        for i in range(len(where))
        if where[i] in (WHERE.pack(state=RUNNABLE, queue=queue), WHERE.pack(state=RUNNING, queue=queue))
    ]


def codezero_holds(machine, queue):
    """Both lists; the total is that of the counted priorities, and only the active are counted (cz-2)."""
    words, threads = machine["queues"][queue]["policy"], machine["threads"]
    found = []
    for at in (codezero.LISTS, codezero.LISTS + 2):
        listed = list_at(machine, queue, at)
        assert all(threads[i]["policy"][codezero.LIST] == at for i in listed)
        found += listed
    counted = [int(threads[i]["policy"][codezero.COUNTED]) for i in active_on(machine, queue)]
    assert all(p > 0 for p in counted), f"queue {queue}: active threads that are not counted"
    total = int(words[codezero.TOTAL])
    assert total == sum(counted), f"queue {queue}: total of priorities {total}, counted {counted}"
    return found


def eevdf_holds(machine, queue):
    """The treap, its order and least values; sums over the active threads. By deadline, earliest first."""
    words, threads = [int(w) for w in machine["queues"][queue]["policy"][:8]], machine["threads"]

    def walk(i, parent):
        """In order; the deepest level."""
        if i < 0:
            return [], 0
        t = threads[i]
        own = [int(w) for w in t["policy"]]
        assert own[deadline_treap.PARENT] == parent, (
            f"queue {queue}: thread {i} has parent {own[deadline_treap.PARENT]}, not {parent}"
        )
        assert parent < 0 or rank(parent) > rank(i), f"queue {queue}: thread {i} is higher than its parent"
        left, a = walk(int(t["next"]), i)
        right, b = walk(int(t["previous"]), i)
        least = min(int(threads[k]["policy"][deadline_treap.V]) for k in (*left, i, *right))
        assert own[deadline_treap.MIN_V] == least, (
            f"queue {queue}: thread {i} says least v {own[deadline_treap.MIN_V]}, is {least}"
        )
        return [*left, i, *right], 1 + max(a, b)

    found, _ = walk(words[deadline_treap.ROOT] - 1, -1)
    deadlines = [int(threads[i]["policy"][deadline_treap.DEADLINE]) for i in found]
    assert deadlines == sorted(deadlines), f"queue {queue}: the treap is not ordered by deadline"
    active = [[int(w) for w in threads[i]["policy"]] for i in active_on(machine, queue)]
    assert all(own[eevdf.ON] == 1 for own in active), f"queue {queue}: an active thread is not in the average"
    weight = sum(own[eevdf.OWN_WEIGHT] for own in active)
    total = sum(own[eevdf.OWN_WEIGHT] * (own[deadline_treap.V] - words[eevdf.ZERO]) for own in active)
    assert (words[eevdf.WEIGHT], words[eevdf.SUM]) == (weight, total), f"queue {queue}: weights or sum are wrong"
    return found


def rank(i):
    value = (i + 1) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def bsd4_holds(machine, queue):
    """All buckets; the bitmap has a bit for each that is not empty, and each thread is where its priority says."""
    words, threads = machine["queues"][queue]["policy"].tolist(), machine["threads"]
    found, status = [], 0
    for bucket in range(bsd4.RQ_NQS):
        at = bsd4.LISTS + 2 * bucket
        listed = _walk(machine, queue, words[at] - 1, words[at + 1] - 1)
        for i in listed:
            own = threads[i]["policy"]
            assert own[bsd4.BUCKET] == bucket == own[bsd4.PRIORITY] // bsd4.RQ_PPQ
        status |= bool(listed) << bucket
        found += listed
    status -= (status >> 63) << 64  # as the signed word has it
    assert words[bsd4.STATUS] == status, f"queue {queue}: bitmap {words[bsd4.STATUS]:#x}, is {status:#x}"
    return found


def inko_holds(machine, queue):
    """The thread in the priority slot, then the deque's and those of the list."""
    slot = int(machine["queues"][queue]["policy"][inko.SLOT]) - 1
    listed = list_of(machine, queue)
    assert machine["queues"][queue]["nr_runnable"] == len(listed)
    return [slot] * (slot >= 0) + deque_of(machine, queue) + listed


def deque_of(machine, queue):
    """The threads in a CPU's work-stealing queue, oldest first."""
    d = machine["deques"][queue]
    head, tail = int(d["head"]), int(d["tail"])
    assert 0 <= tail - head <= MAX_THREADS
    return [int(d["slots"][position % MAX_THREADS]) for position in range(head, tail)]


HELD = {"codezero": codezero_holds, "eevdf": eevdf_holds, "bsd4": bsd4_holds, "inko": inko_holds}


def held_by(policy):
    return HELD.get(policy, list_of)
