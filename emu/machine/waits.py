"""Who waits for what: a line for each living thread, read from shared memory without a lock.

    print(waits_table(machine_record, now_ns, symbols))

It is printed when a run is interrupted or reaches its limit, and once when every thread sleeps and nothing can wake one
(`is_deadlock`).  A thread may change while it is looked at: each line is a hint for people, nothing is decided by it.
"""

from dataclasses import dataclass

import numpy as np

from ..abi.registers import A7
from ..abi.syscall_numbers import NUMBERS, name_of
from ..kernel.files.descriptions import FILE_SERVED
from ..kernel.groups.records import KSE_INSIDE
from ..kernel.thread.states import (
    BLOCKED,
    CALL_FORWARDED,
    NEW,
    RUNNABLE,
    SLEEP_EVENT,
    SLEEP_FUTEX,
    SLEEP_JOIN,
    SLEEP_KERNEL,
    SLEEP_MAIL,
    SLEEP_PERIOD,
    SLEEP_PORT,
    SLEEP_QUEUE,
    SLEEP_RECEIVE,
    SLEEP_RECEIVE_FROM,
    SLEEP_RELEASED,
    SLEEP_RETRY,
    SLEEP_SEND,
    SLEEP_SERVER,
    SLEEP_SPARE,
    SLEEP_STOP,
    SLEEP_SUSPEND,
    SLEEP_TIME,
    SLEEP_TIMED,
    SLEEP_VECTOR,
    SLEEP_VFORK,
    SLEEP_WAITS,
    STATE_NAMES,
    WHERE,
)
from ..limits import GLOBAL_QUEUE, THREAD_BITS
from .symbols import printable
from .threads import name_of as name_it_has

MOST_LINES = 40
OF_DESCRIPTORS = {
    NUMBERS[name] for name in ("read", "write", "readv", "writev", "pread64", "pwrite64", "ioctl", "fcntl", "sendfile")
}
# Sleeps, and served calls, that end only by what other threads do.
FOR_THREADS = (
    SLEEP_FUTEX,
    SLEEP_EVENT,
    SLEEP_QUEUE,
    SLEEP_RETRY,
    SLEEP_VFORK,
    SLEEP_STOP,
    SLEEP_VECTOR,
    SLEEP_SEND,
    SLEEP_RECEIVE,
    SLEEP_RECEIVE_FROM,
    SLEEP_MAIL,
    SLEEP_PORT,
    SLEEP_RELEASED,
    SLEEP_SPARE,
)
CALLS_FOR_THREADS = {NUMBERS[name] for name in ("rt_sigsuspend", "wait4", "waitid")}


@dataclass(frozen=True)
class Wait:
    """One living thread, in words."""

    task: int  # process id
    tid: int
    name: str
    state: str
    what: str  # the queue, the system call with its object, …
    since_s: float
    pc: int
    place: str  # the pc's symbol, "" without


def tid_of(thread, i):
    """As kernel/thread/handles.py tid_of, for cold code."""
    return (int(thread["generation"]) << THREAD_BITS | i) + 1


def sleep_reason(thread):
    """(SLEEP_*, whether the timekeeper will end it) of a thread that sleeps; (0, False) when it is being woken."""
    word = int(thread["sleep"])
    return (word & 0xFF & ~SLEEP_TIMED, bool(word & SLEEP_TIMED)) if word > 0 else (0, False)


def living(machine):
    """The indices of living threads."""
    return np.flatnonzero(WHERE.get(machine["threads"]["where"][: int(machine["fresh_thread"])], "state") > NEW)


def watches_outside(machine):
    """Whether an epoll set waits for what no thread does: for files of the server's (timers, streams of the host)."""
    used = machine["descriptions"][: int(machine["fresh_description"])]
    return bool(((used["first_watch"] != 0) & (used["kind"] == FILE_SERVED)).any())


def is_deadlock(machine):
    """Whether every thread sleeps without a time-out and waits for something that only another thread can do."""
    indices = living(machine)
    if not len(indices) or watches_outside(machine):
        return False
    for i in indices:
        t = machine["threads"][i]
        if WHERE.get(int(t["where"]), "state") != BLOCKED:
            return False
        reason, timed = sleep_reason(t)
        for_threads = reason in FOR_THREADS or reason == SLEEP_SERVER and int(t["x"][A7]) in CALLS_FOR_THREADS
        if timed or not for_threads or t["signals"] or machine["tasks"][int(t["task"])]["exiting"]:
            return False
    return True


def queue_name(queue):
    return "the global queue" if queue == GLOBAL_QUEUE else f"CPU {queue}"


def thread_name(thread):
    """The name that its program gave it, without what moves a terminal."""
    return printable(name_it_has(thread))


def partner_of(thread, machine):
    """Whom a thread's message is for, or of whom it wants one."""
    i = int(thread["partner"]) - 1
    partner = machine["threads"][i]
    return f"{tid_of(partner, i)} {thread_name(partner)}".rstrip() if i >= 0 else "nobody"


def what_for(thread, now_ns, machine):
    """What a thread waits for, in words."""
    where = int(thread["where"])
    queue = WHERE.get(where, "queue")
    if WHERE.get(where, "state") == RUNNABLE:
        return f"for {queue_name(queue)}"
    if WHERE.get(where, "state") != BLOCKED:
        return f"on CPU {queue}"
    reason, timed = sleep_reason(thread)
    call = name_of(int(thread["x"][A7]))
    until = ""
    if timed:
        left_s = (int(thread["deadline_ns"]) - now_ns) / 1e9
        until = f", {max(left_s, 0):.3f} s left"
    if int(thread["faulting"]) >= CALL_FORWARDED:
        return f"{call}, by its file server{until}"
    if reason == SLEEP_FUTEX:
        return f"{call} {int(thread['futex_address']):#x}{until}"
    if reason == SLEEP_SEND:
        return f"send to {partner_of(thread, machine)}{until}"
    if reason == SLEEP_RECEIVE_FROM:
        return f"receive from {partner_of(thread, machine)}{until}"
    if reason == SLEEP_JOIN:
        return f"the end of {partner_of(thread, machine)}"
    if reason == SLEEP_SERVER:
        number = int(thread["x"][A7])
        return f"{call} {int(thread['restart_a0'])}" if number in OF_DESCRIPTORS else call
    words = {
        SLEEP_TIME: call, SLEEP_KERNEL: "a signal or fault", SLEEP_SUSPEND: "suspended", SLEEP_STOP: "stopped",
        SLEEP_EVENT: call, SLEEP_QUEUE: call, SLEEP_WAITS: call, SLEEP_RETRY: call, SLEEP_VFORK: call,
        SLEEP_VECTOR: call, SLEEP_RECEIVE: "receive from anybody", SLEEP_PERIOD: call,
        SLEEP_RELEASED: "a reason for an upcall", SLEEP_SPARE: "an upcall, as a spare",
        SLEEP_MAIL: "a message in its mailbox", SLEEP_PORT: "a message in a port",
    }  # fmt: skip
    return f"{words.get(reason, 'waking up')}{until}"


def on_behalf_of(thread):
    """For which user thread a thread is in the kernel (kernel/upcalls/), in words; "" for none."""
    return f", of user thread {int(thread['user_thread']):#x}" if thread["kse"] & KSE_INSIDE else ""


def waits(machine, clock_ns, monotonic_ns, symbols=None):
    """[Wait] of all living threads. `clock_ns` is shm/clock's time, `symbols` (job's record, pc) -> a name, or None."""
    found = []
    for i in living(machine):
        t = machine["threads"][i]
        state = WHERE.get(int(t["where"]), "state")
        since_ns = int(t["queued_ns"]) if state in (RUNNABLE, BLOCKED) else clock_ns
        pc = int(t["pc"])
        found.append(
            Wait(
                task=int(machine["tasks"][int(t["task"])]["pid"]),
                tid=tid_of(t, int(i)),
                name=thread_name(t),
                state=STATE_NAMES[state],
                what=what_for(t, monotonic_ns, machine) + on_behalf_of(t),
                since_s=max(clock_ns - since_ns, 0) / 1e9,
                pc=pc,
                place=symbols(int(machine["tasks"][int(t["task"])]["job"]), pc) if symbols else "",
            )
        )
    return found


def table(found):
    """The lines of a table of Waits."""
    rows = [("task", "tid", "name", "state", "waits", "for s", "pc")]
    for w in found[:MOST_LINES]:
        place = f"{w.pc:#x} {w.place}".rstrip()
        rows.append((str(w.task), str(w.tid), w.name, w.state, w.what, f"{w.since_s:.3f}", place))
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows]
    if len(found) > MOST_LINES:
        lines.append(f"and {len(found) - MOST_LINES:,} more threads")
    return lines
