"""Locks: the kernel's lock words, found in the layout, and the mutexes and futexes that guests contend.

A lock word holds its holder's actor number + 1 (shm/spinlock.py).  Every field whose name is `lock` or ends in `_lock`
is one, wherever it is in the records, so a lock that is added to the layout is shown without a word here.
"""

from typing import NamedTuple

import numpy as np

from ..limits import MAX_ACTORS
from ..shm.layout import MACHINE
from ..shm.layout.declare import RecordType
from .graph import edges, mutex_of

FRESH = {  # array -> the mark up to which its records were used; None: all may be, and are few
    "queues": None, "buckets": None, "vectors": "fresh_vector", "tasks": "fresh_task", "threads": "fresh_thread",
    "mailboxes": "fresh_thread", "groups": "fresh_group", "ports": "fresh_port", "file_tables": "fresh_file_table",
    "descriptions": "fresh_description", "pipes": "fresh_pipe", "event_counters": "fresh_event_counter",
    "epoll_sets": "fresh_epoll_set", "containers": "fresh_container", "pools": "fresh_pool",
}  # fmt: skip


class HeldLock(NamedTuple):
    name: str
    holder: str


class Contended(NamedTuple):
    """What guests wait for that somebody can hold."""

    name: str
    holder: int  # thread, -1 unknown
    waiters: list
    since_ns: int  # when the longest-waiting began to wait
    likely: bool


def held_locks(inspector):
    """The kernel's lock words that somebody holds."""
    found = [h for name, word in _words(inspector.machine, MACHINE, "") for h in _held(inspector, name, word)]
    for array, mark in FRESH.items():
        records = inspector.used(array, mark) if mark else inspector.machine[array]
        kind = MACHINE.fields[array].type
        for name, words in _words(records, kind, f"{array}[{{}}]."):
            for index in np.flatnonzero(words if words.ndim == 1 else words.any(axis=1)).tolist():
                found += _held(inspector, name.format(index), words[index])
    return found


def _words(record, kind, prefix):
    """(name, word or words) of the locks of a record, or of an array of them."""
    for field in kind.fields.values():
        is_lock = field.name == "lock" or field.name.endswith(("_lock", "_locks"))
        if is_lock and not isinstance(field.type, RecordType):
            yield prefix + field.name, record[field.name]
        elif isinstance(field.type, RecordType) and not (prefix == "" and field.count):
            yield from _words(record[field.name], field.type, f"{prefix}{field.name}.")


def _held(inspector, name, word):
    words = np.atleast_1d(word)
    for k in np.flatnonzero(words).tolist():
        at = name.replace(".lock", f"[{k}].lock") if words.size > 1 and name.endswith(".lock") else name
        at = f"{at}[{k}]" if words.size > 1 and at == name else at
        holder = int(words[k])
        yield HeldLock(at, inspector.actor(holder) if 0 < holder <= MAX_ACTORS else f"nobody ({holder:#x})")


def contended(inspector, most=None):
    """The mutexes, PI futexes and futexes for which threads wait; of so many threads at most."""
    found = {}
    for wait in edges(inspector, most).values():
        t = inspector.thread(wait.thread)
        mutex = mutex_of(inspector, wait.thread)
        if "futex" not in wait.what and not mutex:
            continue
        key = (inspector.task_of(wait.thread), wait.what)
        found.setdefault(key, []).append((int(t["queued_ns"]), wait))
    return [
        Contended(
            f"{what} of task {int(inspector.task(k)['pid'])}", waiting[0][1].holder, [w.thread for _, w in waiting],
            min(since for since, _ in waiting), waiting[0][1].likely,
        )
        for (k, what), waiting in found.items()
    ]  # fmt: skip


def mutexes_held(inspector):
    """[(task, number, thread)] of the kernel mutexes that somebody holds."""
    found = []
    for k in inspector.tasks():
        owners = inspector.task(k)["mutexes"]["owner"]
        found += [(k, n, int(owners[n]) - 1) for n in np.flatnonzero(owners).tolist()]
    return found
