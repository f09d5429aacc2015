"""What /proc tells of threads, tasks and CPUs, read from the machine's records.

The CPUs go on meanwhile, so numbers of one text may be of slightly different moments; each of them is right for one.
"""

from typing import NamedTuple

import numpy as np

from ..abi.words import WORD
from ..kernel.thread.states import (
    BLOCKED,
    FREE,
    NEW,
    RUNNABLE,
    RUNNING,
    SLEEP_KERNEL,
    SLEEP_VFORK,
    TASK_STOPPED,
    TASK_ZOMBIE,
    WHERE,
)
from ..kernel.thread.usage import USED_INSTRUCTIONS, USED_SYSTEM_NS
from ..kernel.vm.mapped import next_region
from ..kernel.vm.pagetable import SHARED, R, W, X
from ..limits import PAGE_SIZE, USAGE_WORDS, USER_TOP
from ..shm.cpumask import to_int

RUNS, SLEEPS, WAITS_FOR_CHILD, STOPPED = "RSDT"


NOTHING_USED = (0,) * USAGE_WORDS


class ThreadFacts(NamedTuple):
    """What is known of a thread; `used`: USED_* of kernel/thread/usage.py."""

    state: str = RUNS
    used: tuple = NOTHING_USED
    nice: int = 0
    policy: int = 0  # SCHED_*
    realtime: int = 0
    cpu: int = 0
    pending: int = 0
    blocked: int = 0
    affinity: int = 1
    pc: int = 0
    sp: int = 0


class TaskFacts(NamedTuple):
    """What is known of a task beside its first thread."""

    nr_threads: int = 1
    used: tuple = NOTHING_USED  # by all threads, also those that have left: USED_*
    used_by_children: tuple = NOTHING_USED
    resident: int = 0  # frames
    locked: int = 0  # pages (mlock)
    pending: int = 0
    ignored: int = 0
    handled: int = 0
    exit_signal: int = 17
    brk_start: int = 0
    brk: int = 0


class Region(NamedTuple):
    """An area of a task's memory."""

    start: int
    end: int
    rights: str  # as in /proc/PID/maps
    flags: int = 0  # of kernel/vm/areas.py
    mapped: object = None  # the MappedFile whose pages it has
    first: int = 0  # which of them lies at start
    object: int = -1  # of that file, or of a segment of shared memory

    @property
    def pages(self):
        return (self.end - self.start) // PAGE_SIZE


class Counts(NamedTuple):
    """Of the whole machine."""

    running: int = 1  # threads that run or wait for a CPU, and the one that asks
    threads: int = 1
    last_pid: int = 1
    switches: int = 0
    spawned: int = 1  # tasks and threads since the start


class Zombie(NamedTuple):
    """A task that has ended and for which its parent has not waited."""

    pid: int
    ppid: int
    group: int
    session: int
    name: bytes
    wait_status: int
    instructions: int
    system_ns: int
    exit_signal: int


def _used(t):
    """What a thread used: an array, USED_*."""
    switches = int(t["involuntary"])
    voluntary = max(int(t["slices"]) - switches - 1, 0)
    return np.array([t["instructions"], t["system_ns"], t["faults"], voluntary, switches, 0])


def thread_facts(machine, i):
    """Of the thread with this record."""
    t = machine["threads"][i]
    state = RUNS
    if WHERE.get(int(t["where"]), "state") == BLOCKED:
        reasons = {SLEEP_KERNEL: RUNS, SLEEP_VFORK: WAITS_FOR_CHILD}
        state = reasons.get(int(t["sleep_reason"]), SLEEPS)
    stopped = machine["tasks"][int(t["task"])]["stopped"] & TASK_STOPPED
    if stopped:  # at once, as its parent is told: also on the way to its safe point
        state = STOPPED
    return ThreadFacts(
        state, tuple(_used(t).tolist()), int(t["asked_nice"]), int(t["linux_policy"]), int(t["realtime"]),
        max(int(t["last_cpu"]), 0), int(t["signals"]) & WORD, int(t["signal_mask"]) & WORD,
        to_int(t["asked_affinity"]) & to_int(machine["online"]),
        int(t["pc"]) & WORD, int(t["x"][2]) & WORD,
    )  # fmt: skip


def task_facts(machine, index):
    k = machine["tasks"][index]
    used, i = k["past"].copy(), int(k["first_thread"])
    while i >= 0:
        used += _used(machine["threads"][i])
        i = int(machine["threads"][i]["sibling_next"])
    return TaskFacts(
        int(k["nr_threads"]), tuple(used.tolist()), tuple(k["children"].tolist()), max(int(k["resident"]), 0),
        int(k["locked"]),
        int(k["signals"]) & WORD, int(k["ignored"]) & WORD, int(k["handled"]) & WORD, int(k["exit_signal"]),
        int(k["brk_start"]), int(k["brk"]),
    )  # fmt: skip


def cpu_times(machine, nr_cpus, now_ns):
    """(busy, idle) ns of each CPU since the first program was started."""
    passed = max(now_ns - int(machine["boot_ns"]), 0) if machine["boot_ns"] else 0
    busy = (min(max(int(machine["cpus"][cpu]["busy_ns"]), 0), passed) for cpu in range(nr_cpus))
    return [(each, passed - each) for each in busy]


def counts(machine, nr_cpus, last_pid):
    """The Counts of a machine whose newest task has this pid."""
    states = WHERE.get(machine["threads"]["where"][: int(machine["fresh_thread"])], "state")
    cpus = machine["cpus"][:nr_cpus]
    return Counts(
        1 + int(((states == RUNNABLE) | (states == RUNNING)).sum()), int(((states != FREE) & (states != NEW)).sum()),
        last_pid, int(cpus["switches"].sum()), int(machine["nr_jobs"]) + int(cpus["spawned"].sum()),
    )  # fmt: skip


def region(base, me, machine, store, index, va):
    """The Region of a task's first area that ends above va; it starts and ends at USER_TOP when there is none."""
    next_region(base, me, index, va)
    start, end, flags, found, first = (int(word) for word in machine["cpus"][me]["given_words"][:5])
    rights = "".join(letter if flags & bit else "-" for letter, bit in (("r", R), ("w", W), ("x", X)))
    rights += "s" if flags & SHARED else "p"
    return Region(start, end, rights, flags, store.mapped(found - 1) if found else None, first, found - 1)


def regions(base, me, machine, store, index):
    """A task's Regions, from the lowest address on."""
    found = []
    each = region(base, me, machine, store, index, 0)
    while each.start < USER_TOP:
        found.append(each)
        each = region(base, me, machine, store, index, each.end)
    return found


def zombies(machine, names):
    """All Zombies; `names` are those of ended tasks: {index: (pid, name)}."""
    found = []
    for index, (pid, name) in list(names.items()):
        k = machine["tasks"][index]
        if int(k["state"]) != TASK_ZOMBIE or int(k["pid"]) != pid:
            del names[index]
            continue
        found.append(Zombie(
            pid, int(k["parent_pid"]), int(k["group"]), int(k["session"]), name, int(k["exiting"]) - 1,
            int(k["past"][USED_INSTRUCTIONS]), int(k["past"][USED_SYSTEM_NS]), int(k["exit_signal"]),
        ))  # fmt: skip
    return found
