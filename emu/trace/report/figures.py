"""The report's figures: distributions of times, the worst wake-ups, system calls, messages, threads; as plain data.

Times in which the host did not run a CPU's process are taken out of each latency and shown beside it: they say how
busy the host was, not how good the policy is.
"""

import numpy as np

from ..history import ENDINGS, OPEN, pick
from .subject import ABSENT, ACTS

PER_OCTAVE = 4  # bins of a histogram
WORST = 25
PERCENTILES = (50, 90, 99, 100)


def distribution(times_ns, stalls_ns):
    """{counts: by bin, host_counts, percentiles …}: of times without the host's part, and of that part where one is."""
    own, host = np.maximum(times_ns - stalls_ns, 0), stalls_ns[stalls_ns > 0]
    return {
        "count": len(own), "counts": histogram(own), "host_counts": histogram(host), "stalled": len(host),
        "percentiles": percentiles(own), "host_percentiles": percentiles(host),
        "total_ns": int(own.sum()), "host_total_ns": int(host.sum()),
    }  # fmt: skip


def histogram(times_ns):
    """[[bin, count], …]: bin k holds times from 2 ** (k / PER_OCTAVE) ns, and bin 0 the zeros too."""
    bins = np.floor(np.log2(np.maximum(times_ns, 1)) * PER_OCTAVE + 1e-9).astype(int)
    return [[int(k), int(count)] for k, count in zip(*np.unique(bins, return_counts=True))]


def percentiles(times_ns):
    if not len(times_ns):
        return {}
    return {f"p{p}": int(v) for p, v in zip(PERCENTILES, np.percentile(times_ns, PERCENTILES))}


def latencies(subject):
    """{name: distribution} of the times that a scheduler is judged by."""
    h = subject.history
    waited = h.waits.end_ns - h.waits.start_ns
    act = np.where(h.waits.end_event >= 0, subject.acts(h.waits.begin_event), 0)
    woken, put_back = act == ACTS.index("wake"), np.isin(act, [ACTS.index("preempt"), ACTS.index("yield")])
    whole = h.slices.how != OPEN
    return {
        "wake-up to run": distribution(waited[woken], subject.wait_stall_ns[woken]),
        "preempted or yielded, to run": distribution(waited[put_back], subject.wait_stall_ns[put_back]),
        "length of a run": distribution((h.slices.end_ns - h.slices.start_ns)[whole], subject.slice_stall_ns[whole]),
        "interrupt sent to taken": distribution(*interrupt_times(subject)),
    }


def interrupt_times(subject):
    """(times, the host's part): from each interrupt sent to a CPU until it takes that vector next."""
    trace, times, stalls = subject.trace, [], []
    taken = trace.of_kind("interrupt")
    vectors = trace.values(taken, "interrupt", "vectors")
    for kind in ("ipi-bit", "ipi-message"):
        sent = trace.of_kind(kind)
        target, vector = trace.values(sent, kind, "target"), trace.values(sent, kind, "vector")
        for cpu in np.unique(target[(target >= 0) & (target < subject.cpus)]):
            for bit in (1 << k for k in range(63) if (vector >> k & 1).any()):
                at = taken["time_ns"][(taken["actor"] == cpu) & (vectors & bit != 0)]
                mine = sent["time_ns"][(target == cpu) & (vector & bit != 0)]
                k = np.searchsorted(at, mine)
                mine, end = mine[k < len(at)], at[k[k < len(at)]]
                times.append(end - mine)
                stalls.append(subject.history.stalls.within(np.full(len(mine), cpu), mine, end))
    empty = np.empty(0, dtype=np.int64)
    return np.concatenate([empty, *times]), np.concatenate([empty, *stalls])


def worst_wakes(subject, count=WORST):
    """Rows of the longest times from wake-up to run, without the host's part, longest first."""
    waits = subject.history.waits
    woken = (subject.acts(waits.begin_event) == ACTS.index("wake")) & (waits.end_event >= 0)
    index = np.flatnonzero(woken)
    own = (waits.end_ns - waits.start_ns - subject.wait_stall_ns)[index]
    index = index[np.argsort(-own, kind="stable")[:count]]
    begun = subject.begun(waits.begin_event[index])
    ids = subject.ids(waits.thread[index], waits.generation[index])
    return [
        {"start": int(subject.since_boot(waits.start_ns[k])), "end": int(subject.since_boot(waits.end_ns[k])),
         "thread": int(ids[row]), "cpu": int(subject.wait_cpu[k]), "queue": int(waits.queue[k]),
         "host_ns": int(subject.wait_stall_ns[k]), "waker": int(begun["who"][row]), "actor": int(begun["actor"][row]),
         "cause": int(begun["cause"][row])}
        for row, k in enumerate(index)
    ]  # fmt: skip


def calls(subject):
    """Rows {call, count, ns, max_ns, failed, slept, slept_ns, slept_max_ns}: by time, those that slept included."""
    trace, rows, sleeps = subject.trace, {}, subject.history.sleeps
    done = np.flatnonzero(subject.events["kind"] == trace.kind_number("call"))
    numbers, inverse = np.unique(pick(trace, done, "call", "call"), return_inverse=True)
    ns, failed = pick(trace, done, "call", "ns"), pick(trace, done, "call", "failed") != 0
    longest = np.zeros(len(numbers), dtype=np.int64)
    np.maximum.at(longest, inverse, ns)
    columns = (np.bincount(inverse), np.bincount(inverse, ns), longest, np.bincount(inverse, failed))
    for number, *values in zip(numbers.tolist(), *columns):
        rows[number] = dict(zip(("count", "ns", "max_ns", "failed"), map(int, values)))
    slept = pick(trace, sleeps.block_event, "block", "call") if subject.has("block", "call") else None
    if slept is not None:
        for number in np.unique(slept[slept > 0]):  # 0: in no call
            ns = (sleeps.end_ns - sleeps.start_ns)[slept == number]
            row = rows.setdefault(int(number), {"count": 0, "ns": 0, "max_ns": 0, "failed": 0})
            row.update(slept=len(ns), slept_ns=int(ns.sum()), slept_max_ns=int(ns.max()))
    none = {"slept": 0, "slept_ns": 0, "slept_max_ns": 0}
    found = [{"call": number, **none, **row} for number, row in rows.items()]
    return sorted(found, key=lambda row: -(row["ns"] + row["slept_ns"]))


def messages(subject):
    """Rows {from, to, count, bytes, received}: threads by number; to: a thread's number, or a port as ~port."""
    trace = subject.trace
    sent, got = trace.of_kind("send"), trace.of_kind("receive")
    pairs = {}
    sender = subject.ids(sent["thread"], sent["generation"])
    to = trace.values(sent, "send", "to")
    receiver = np.where(to >= 0, subject.by_index(np.maximum(to, 0), sent["time_ns"]), to)
    _count(pairs, sender, receiver, trace.values(sent, "send", "bytes"), ("count", "bytes"))
    by, came = subject.ids(got["thread"], got["generation"]), trace.values(got, "receive", "from")
    origin = np.where(came >= 0, subject.by_index(np.maximum(came, 0), got["time_ns"]), came)
    direct = origin >= 0
    _count(pairs, origin[direct], by[direct], np.zeros(direct.sum(), dtype=int), ("received", "_"))
    rows = [{"from": a, "to": b, "count": 0, "bytes": 0, "received": 0, **row} for (a, b), row in pairs.items()]
    for row in rows:
        row.pop("_", None)
    return sorted(rows, key=lambda row: (-row["count"], row["from"], row["to"]))


def _count(pairs, one, two, size, names):
    if not len(one):
        return
    both = (one.astype(np.int64) << 32) + two  # two may be negative, and is less than 2 ** 31 away from 0
    keys, inverse = np.unique(both, return_inverse=True)
    counts, sums = np.bincount(inverse), np.bincount(inverse, size.astype(float))
    for k, key in enumerate(keys.tolist()):
        a = key + (1 << 31) >> 32
        pairs.setdefault((a, key - (a << 32)), {}).update({names[0]: int(counts[k]), names[1]: int(sums[k])})


def threads(subject):
    """Columns, one entry for each thread in the report's order: name, task, times, counts, when it first ran."""
    h, trace, count = subject.history, subject.trace, len(subject.threads)
    spawned = trace.of_kind("spawn")
    task = dict(zip(zip(spawned["thread"].tolist(), spawned["generation"].tolist()),
                    trace.values(spawned, "spawn", "task").tolist()))  # fmt: skip
    waiter, sleeper = (subject.ids(s.thread, s.generation) for s in (h.waits, h.sleeps))

    def total(ids, ns):
        known = ids != ABSENT
        return np.bincount(ids[known], ns[known].astype(float), count).astype(np.int64).tolist()

    first = np.full(count, -1, dtype=np.int64)
    order = np.argsort(-h.slices.start_ns, kind="stable")
    first[subject.slice_id[order]] = subject.since_boot(h.slices.start_ns[order])
    return {
        "name": [trace.label(*key) for key in subject.threads],
        "task": [task.get(key) for key in subject.threads],
        "cpu_ns": total(subject.slice_id, h.slices.end_ns - h.slices.start_ns - subject.slice_stall_ns),
        "wait_ns": total(waiter, h.waits.end_ns - h.waits.start_ns - subject.wait_stall_ns),
        "sleep_ns": total(sleeper, h.sleeps.end_ns - h.sleeps.start_ns),
        "runs": total(subject.slice_id, np.ones(len(subject.slice_id))),
        "preempted": total(subject.slice_id, h.slices.how == ENDINGS.index("preempt")),
        "first": first.tolist(),
    }
