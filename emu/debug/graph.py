"""The wait-for graph: which thread waits for what, who holds that, and the circles in it, which are deadlocks.

    waits = edges(inspector);  for circle in circles(waits): …

A thread waits for one thing, which one thread holds, so the graph is a function and a circle is found by following it.

The kernel knows who holds its mutexes, who owns a PI futex, with whom a thread exchanges a message, whom it joins: such
an edge is certain.  Of an ordinary futex it knows nothing; the words beside it tell, by the layouts of musl and glibc,
and only as far as these note an owner at all (a plain mutex of musl has none): such an edge is `likely`.
"""

from typing import NamedTuple

from ..abi.futex import TID_MASK, WAITERS
from ..abi.registers import TP
from ..kernel.sleep.futex import FUTEX_MOVED, FUTEX_PI
from ..kernel.thread.states import (
    BLOCKED,
    SLEEP_FUTEX,
    SLEEP_JOIN,
    SLEEP_QUEUE,
    SLEEP_RECEIVE_FROM,
    SLEEP_SEND,
    WHERE,
)
from ..limits import MAX_THREADS, WAIT_QUEUES
from ..machine.waits import sleep_reason, what_for
from ..shm.layout import MACHINE, TASK, WAIT_QUEUE

JOIN_BYTES = 208  # struct pthread of musl ends at the thread pointer, and what is waited for is in it
LAST_DETACH_STATE = 3  # of musl: exited, exiting, joinable, detached
GLIBC_LOCKED = (1, 2)  # 2: and somebody waits
TASKS_OFFSET, MUTEXES_OFFSET = MACHINE.offset("tasks"), TASK.offset("mutexes")


class Wait(NamedTuple):
    """A thread that sleeps for something."""

    thread: int
    what: str  # in words
    holder: int  # index of the thread that it waits for, -1: nobody in particular
    likely: bool  # the holder is what the guest's memory says, and not the kernel


def edges(inspector):
    """{thread: Wait} of all threads that sleep."""
    found = {}
    for i in inspector.living():
        t = inspector.thread(i)
        if WHERE.get(int(t["where"]), "state") == BLOCKED:
            what, holder, likely = _what(inspector, i)
            found[i] = Wait(i, what, holder if inspector.exists(holder) else -1, likely)
    return found


def circles(waits):
    """Lists of threads, each of which waits for the next one, and the last for the first."""
    found, seen = [], set()
    for start in waits:
        path, i = [], start
        while i in waits and i not in seen:
            seen.add(i)
            path.append(i)
            i = waits[i].holder
        if i in path:
            found.append(path[path.index(i) :])
    return found


def mutex_of(inspector, i):
    """(task, number) of the kernel mutex in whose queue a thread sleeps, None where it sleeps elsewhere."""
    address = int(inspector.thread(i)["wait_queue"]) - inspector.header["address"] - TASKS_OFFSET
    k, rest = divmod(address, TASK.size)
    number, rest = divmod(rest - MUTEXES_OFFSET, WAIT_QUEUE.size)
    right = address >= 0 and rest == 0 and 0 <= number < WAIT_QUEUES and k < len(inspector.machine["tasks"])
    return (k, number) if right else None


def _what(inspector, i):
    """(what a sleeping thread waits for, who holds it or -1, whether that is only likely)."""
    t = inspector.thread(i)
    reason, _ = sleep_reason(t)
    if reason == SLEEP_FUTEX:
        return _futex(inspector, i)
    if reason == SLEEP_QUEUE:
        mutex = mutex_of(inspector, i)
        if mutex:
            k, number = mutex
            holder = int(inspector.task(k)["mutexes"][number]["owner"]) - 1
            return f"kernel mutex {number}", holder, False
    words = what_for(t, inspector.now_ns(), inspector.machine) if _has_partner(t) else "a partner that does not exist"
    partner = int(t["partner"]) - 1 if reason in (SLEEP_SEND, SLEEP_RECEIVE_FROM, SLEEP_JOIN) else -1
    return words, partner, False


def _has_partner(t):
    return 0 <= int(t["partner"]) <= MAX_THREADS


def _futex(inspector, i):
    t = inspector.thread(i)
    address, kind = int(t["futex_address"]), int(t["futex_kind"])
    if kind in (FUTEX_PI, FUTEX_MOVED):
        return f"PI futex {int(t['futex_va']):#x}", int(t["waits_for"]) - 1, False
    if int(t["futex_space"]) < 0:
        return f"shared futex at physical {address:#x}", -1, False
    k = inspector.task_of(i)
    word = inspector.memory.word(k, address, 4)
    joined = _joined(inspector, k, address) if word is not None and word <= LAST_DETACH_STATE else -1
    if joined >= 0 and joined != i:
        return f"the end of {inspector.title(joined)} (pthread_join)", joined, True
    return f"futex {address:#x}", _owner(inspector, k, address, word, i), True


def _joined(inspector, k, address):
    """The thread in whose struct pthread a futex lies, or whose tid it is (clear_child_tid); -1."""
    for other in inspector.living():
        t = inspector.thread(other)
        if inspector.task_of(other) != k:
            continue
        pointer = int(t["x"][TP])
        if int(t["clear_child_tid"]) == address or 0 < pointer - address <= JOIN_BYTES:
            return other
    return -1


def _owner(inspector, k, address, word, waiter):
    """Whom the words of a mutex name, -1 nobody: musl's word is the owner and WAITERS, glibc's owner is 8 bytes on."""
    if word is None:
        return -1
    if word in GLIBC_LOCKED:
        word = inspector.memory.word(k, address + 8, 4) or 0
    elif not word & WAITERS:
        return -1
    owner = inspector.thread_of_tid(word & TID_MASK)
    return owner if owner >= 0 and owner != waiter and inspector.task_of(owner) == k else -1
