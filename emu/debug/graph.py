"""The wait-for graph: which thread waits for what, who holds that, and the circles in it, which are deadlocks.

    waits = edges(inspector);  for circle in circles(waits): …

A thread waits for one thing, which one thread holds, so the graph is a function and a circle is found by following it.

The kernel knows who holds its mutexes, who owns a PI futex, with whom a thread exchanges a message, whom it joins: such
an edge is certain.  Of an ordinary futex it knows nothing; the words beside it tell, by the layouts of musl and glibc,
and only as far as these note an owner at all (a plain mutex of musl has none): such an edge is `likely`.
"""

import bisect
import functools
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


class Waits:
    """What single threads wait for. Looks the machine's threads through once, however many are asked about."""

    def __init__(self, inspector):
        self._inspector = inspector

    def of(self, i):
        """The Wait of a thread that sleeps."""
        what, holder, likely = self._what(i)
        return Wait(i, what, holder if self._inspector.exists(holder) else -1, likely)

    def _what(self, i):
        """(what, who holds it or -1, whether that is only likely)."""
        inspector, t = self._inspector, self._inspector.thread(i)
        reason, _ = sleep_reason(t)
        if reason == SLEEP_FUTEX:
            return self._futex(i, t)
        if reason == SLEEP_QUEUE:
            mutex = mutex_of(inspector, i)
            if mutex:
                k, number = mutex
                return f"kernel mutex {number}", int(inspector.task(k)["mutexes"][number]["owner"]) - 1, False
        partner = int(t["partner"]) - 1
        if not -1 <= partner < MAX_THREADS:
            return "a partner that does not exist", -1, False
        words = what_for(t, inspector.now_ns(), inspector.machine)
        return words, partner if reason in (SLEEP_SEND, SLEEP_RECEIVE_FROM, SLEEP_JOIN) else -1, False

    def _futex(self, i, t):
        address, kind = int(t["futex_address"]), int(t["futex_kind"])
        if kind in (FUTEX_PI, FUTEX_MOVED):
            return f"PI futex {int(t['futex_va']):#x}", int(t["waits_for"]) - 1, False
        if int(t["futex_space"]) < 0:
            return f"shared futex at physical {address:#x}", -1, False
        k = self._inspector.task_of(i)
        word = self._inspector.memory.word(k, address, 4)
        joined = self._joined(k, address) if word is not None and word <= LAST_DETACH_STATE else -1
        if joined >= 0 and joined != i:
            return f"the end of {self._inspector.title(joined)} (pthread_join)", joined, True
        return f"futex {address:#x}", self._owner(k, address, word, i), True

    @functools.cached_property
    def _places(self):
        """{task: [(end of a thread's struct pthread, thread)]} in order, and {(task, clear_child_tid): thread}."""
        pointers, tids = {}, {}
        for i in self._inspector.living():
            t, k = self._inspector.thread(i), self._inspector.task_of(i)
            pointers.setdefault(k, []).append((int(t["x"][TP]), i))
            tids[k, int(t["clear_child_tid"])] = i
        return {k: sorted(found) for k, found in pointers.items()}, tids

    def _joined(self, k, address):
        """The thread in whose struct pthread a futex lies, or whose tid it is (clear_child_tid); -1."""
        pointers, tids = self._places
        ends = pointers.get(k, [])
        at = bisect.bisect_right(ends, (address, MAX_THREADS))
        if at < len(ends) and ends[at][0] - address <= JOIN_BYTES:
            return ends[at][1]
        return tids.get((k, address), -1)

    def _owner(self, k, address, word, waiter):
        """Whom the words of a mutex name, -1 nobody: musl's word has its owner, glibc's owner is 8 bytes on."""
        if word is None:
            return -1
        if word in GLIBC_LOCKED:
            word = self._inspector.memory.word(k, address + 8, 4) or 0
        elif not word & WAITERS:
            return -1
        owner = self._inspector.thread_of_tid(word & TID_MASK)
        return owner if owner >= 0 and owner != waiter and self._inspector.task_of(owner) == k else -1


def edges(inspector, most=None):
    """{thread: Wait} of all threads that sleep, or of so many of them at most."""
    waits = Waits(inspector)
    sleepers = [i for i in inspector.living() if inspector.state(i) == BLOCKED]
    return {i: waits.of(i) for i in sleepers[:most]}


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
