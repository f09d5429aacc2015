"""Who woke whom: for each wake-up of a trace its waker, a thread or a named actor, and the cause.

    found = wakers(trace)          # as long as trace.of_kind("wake")
    found.thread, found.generation # of the waker; -1 where no thread woke it
    found.cause, found.call        # numbers of header["values"]["wake_cause"] and ["call"]
    found.actor                    # who did it: the waker's CPU, the server, the timekeeper, …

Most wake events say it themselves.  One that says `claimed` was recorded by the sleeper's own CPU, which found its
sleep claimed just after it fell asleep (kernel/sched/recording.py); its waker has recorded a `claim` of the same thread
and sleep.  Sleeps are named by the low 16 bits of their number there, so of several claims of that name the nearest in
time is taken.
"""

from dataclasses import dataclass

import numpy as np

TIME_BITS = 44  # of a key's time: ns, almost five hours


@dataclass(frozen=True)
class Wakers:
    position: np.ndarray  # in trace.events, of the wake
    thread: np.ndarray  # index of the waker, -1 none
    generation: np.ndarray
    cause: np.ndarray
    call: np.ndarray  # the field of that name: the waker's system call, 0 none
    actor: np.ndarray


def wakers(trace):
    """The Wakers of all wake events, in order of time."""
    position = np.flatnonzero(trace.events["kind"] == trace.kind_number("wake"))
    events = trace.events[position]
    thread = trace.values(events, "wake", "waker") - 1
    cause, call = trace.values(events, "wake", "cause"), trace.values(events, "wake", "call")
    actor, time_ns = events["actor"].astype(np.int64), events["time_ns"].copy()
    claimed = _number_of(trace, "claimed")
    mine = np.flatnonzero(cause == claimed) if claimed else ()
    for k, claim in zip(mine, _claims_of(trace, events[mine], call[mine]) if len(mine) else ()):
        call[k] = 0
        if claim is not None:
            thread[k], cause[k], call[k] = (int(v) for v in claim[:3])
            actor[k], time_ns[k] = claim[3], claim[4]
    return Wakers(position, thread, generations_at(trace, thread, time_ns), cause, call, actor)


def _number_of(trace, cause):
    return next((k for k, name in trace.header["values"].get("wake_cause", {}).items() if name == cause), 0)


def _claims_of(trace, wakes, names):
    """For each of these wakes its claim, (waker, cause, call, actor, time), or None where it was lost."""
    events = trace.of_kind("claim")
    columns = (
        trace.values(events, "claim", "waker") - 1, trace.values(events, "claim", "cause"),
        trace.values(events, "claim", "call"), events["actor"], events["time_ns"],
    )  # fmt: skip
    by_sleep = {}
    sleeps = zip(events["thread"].tolist(), trace.values(events, "claim", "queue").tolist())
    for sleep, claim in zip(sleeps, zip(*(column.tolist() for column in columns))):
        by_sleep.setdefault(sleep, []).append(claim)
    for thread, name, time_ns in zip(wakes["thread"].tolist(), names.tolist(), wakes["time_ns"].tolist()):
        near = by_sleep.get((thread, name), ())
        yield min(near, key=lambda claim: abs(claim[4] - time_ns), default=None)


def generations_at(trace, threads, times_ns):
    """The generation that each of these thread records had at a time; -1 for thread -1, 0 before any is known."""
    spawns = trace.of_kind("spawn")
    start_ns = int(trace.events["time_ns"][0]) if len(trace.events) else 0
    keys = keys_by_thread(spawns["thread"], spawns["time_ns"] - start_ns)
    order = np.argsort(keys)
    at = np.searchsorted(keys[order], keys_by_thread(threads, times_ns - start_ns), side="right") - 1
    if not len(spawns):
        return np.where(threads < 0, -1, 0)
    spawn = order[np.maximum(at, 0)]
    known = (at >= 0) & (spawns["thread"][spawn] == threads)
    return np.where(threads < 0, -1, np.where(known, spawns["generation"][spawn], 0))


def keys_by_thread(threads, times_ns):
    """Numbers that are in order of thread, then of time; times from the trace's first event on."""
    return (threads.astype(np.int64) << TIME_BITS) + np.clip(times_ns, 0, (1 << TIME_BITS) - 1)
