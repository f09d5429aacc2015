"""`Inspector`: a machine's records, memory and programs, whether it runs (attach.py) or is a snapshot (snapshot.py).

Everything here is read without a lock, and only read.  Of a machine that runs each answer is a hint, for it may change
between two words; of one that is paused, or of a snapshot, it is exact.  So nothing that is read is trusted: an index
is checked before it is used, a list is followed for as many steps as it can have members, and guest memory is looked up
through page tables that may say anything.

A page of a segment that nobody has touched comes into being when it is read through a mapping.  So arrays are read up
to their `fresh_` mark only, and guest memory only where a page table has a frame.
"""

import os
import time
import weakref

import numpy as np

from ..kernel.thread.handles import HANDLE
from ..kernel.thread.states import DEAD, FREE, NEW, TASK_ALIVE, TASK_FREE, WHERE
from ..limits import MAX_ACTORS, MAX_CPUS, MAX_TASKS, MAX_THREADS, SERVER, SUPERVISOR, TIMEKEEPER, TRANSLATOR
from ..machine.symbols import printable
from ..machine.threads import name_of
from ..machine.waits import tid_of
from ..shm.layout import MACHINE, THREAD
from .guest_memory import GuestMemory
from .programs import Programs

ACTORS = {SUPERVISOR: "supervisor", SERVER: "server", TIMEKEEPER: "timekeeper", TRANSLATOR: "translator"}
THREADS_OFFSET = MACHINE.offset("threads")


class Inspector:
    """`machine` is the record, `memory` the guest's as an array of bytes, `header` the facts of description.py.

    `live` is False for a snapshot; `pid` is the supervisor's.
    """

    def __init__(self, machine, ram, header, live, newer_programs=dict):
        self.machine, self.header, self.live = machine, header, live
        self._newer_programs = newer_programs  # the programs of jobs that were started since
        self.pid = header["process"]
        self.memory = GuestMemory(machine, ram)
        self._programs = Programs()
        self.descriptors = ()  # of its segments, where it runs
        self.directory = None  # its private one, where it runs

    def keep(self, descriptors):
        """Have these closed when nobody needs the Inspector any more."""
        self.descriptors = descriptors
        weakref.finalize(self, _close, descriptors)

    def snapshot_header(self):
        """What a snapshot of it begins with."""
        known = ("format", "layout", "process", "memory_bytes", "address", "cpus", "policy", "seed", "made_ns")
        programs = {**self.header["programs"], **self._newer_programs()}
        return {**{name: self.header[name] for name in known}, "programs": programs}

    @classmethod
    def of_buffers(cls, records, memory, header, live, newer_programs=dict):
        """Of two mappings."""
        machine = np.frombuffer(records, dtype=MACHINE.dtype, count=1)[0]
        return cls(machine, np.frombuffer(memory, np.uint8), header, live, newer_programs)

    def now_ns(self):
        """The time for which the records speak."""
        return time.monotonic_ns() if self.live else self.header["taken_ns"]

    # --- threads and tasks ----------------------------------------------------------------------

    def used(self, array, fresh):
        """The records of an array up to its `fresh_` mark."""
        records = self.machine[array]
        return records[: min(max(int(self.machine[fresh]), 0), len(records))]

    def threads(self):
        return self.used("threads", "fresh_thread")

    def thread(self, i):
        return self.machine["threads"][i]

    def state(self, i):
        return WHERE.get(int(self.thread(i)["where"]), "state")

    def living(self):
        """Indices of the threads that have not left."""
        state = WHERE.get(self.threads()["where"], "state")
        return np.flatnonzero((state > NEW) & (state < DEAD)).tolist()

    def exists(self, i):
        return 0 <= i < MAX_THREADS and FREE < self.state(i) < DEAD

    def tid(self, i):
        return tid_of(self.thread(i), i)

    def name(self, i):
        return printable(name_of(self.thread(i)))

    def title(self, i):
        """A thread in words: "tid 3 worker"."""
        return f"tid {self.tid(i)} {self.name(i)}".rstrip() if 0 <= i < MAX_THREADS else f"thread {i}"

    def thread_of_tid(self, tid):
        """The index of a living thread, -1."""
        i = (tid - 1) % MAX_THREADS
        return i if tid > 0 and self.exists(i) and self.tid(i) == tid else -1

    def thread_at(self, address):
        """The index of the thread whose record lies at a host address of the machine's window, -1."""
        i, rest = divmod(address - self.header["address"] - THREADS_OFFSET, THREAD.size)
        return i if rest == 0 and 0 <= i < MAX_THREADS else -1

    def address_of_thread(self, i):
        return self.header["address"] + THREADS_OFFSET + i * THREAD.size

    def tasks(self):
        """Indices of the tasks that are alive, or wait to be waited for."""
        return np.flatnonzero(self.used("tasks", "fresh_task")["state"] != TASK_FREE).tolist()

    def task_of(self, i):
        """The index of a thread's task."""
        return min(max(int(self.thread(i)["task"]), 0), MAX_TASKS - 1)

    def task(self, k):
        return self.machine["tasks"][k]

    def pid_of(self, i):
        return int(self.task(self.task_of(i))["pid"])

    def task_of_pid(self, pid):
        """The index of a task, -1."""
        return next((k for k in self.tasks() if int(self.task(k)["pid"]) == pid), -1)

    def job_of(self, k):
        """The number of a task's job."""
        jobs = self.machine["jobs"]
        return int(jobs["number"][min(max(int(self.task(k)["job"]), 0), len(jobs) - 1)])

    def leader(self, k):
        """The index of a task's first thread, -1 when it has left."""
        handle = int(self.task(k)["leader"])
        i = HANDLE.get(handle, "index")
        right = self.exists(i) and int(self.thread(i)["generation"]) == HANDLE.get(handle, "generation")
        return i if right and int(self.task(k)["state"]) == TASK_ALIVE else -1

    # --- CPUs ----------------------------------------------------------------------------------

    def nr_cpus(self):
        return min(max(int(self.machine["nr_cpus"]), 0), MAX_CPUS)

    def cpu(self, k):
        return self.machine["cpus"][k]

    def current(self, k):
        """The thread that a CPU runs, -1 none."""
        i = int(self.cpu(k)["current"])
        return i if 0 <= i < MAX_THREADS else -1

    def actor(self, word):
        """Who holds a lock with this word, in words."""
        actor = word - 1
        if 0 <= actor < MAX_CPUS:
            return f"CPU {actor}"
        return f"the {ACTORS[actor]}" if MAX_CPUS <= actor < MAX_ACTORS else f"actor {actor}"

    # --- programs ------------------------------------------------------------------------------

    def program_path(self, k):
        """The path of the program of a task's job, "" where nobody knows it."""
        number = self.job_of(k)
        if number not in self.header["programs"] and self.live:
            self.header["programs"].update(self._newer_programs())
        name = self.header["programs"].get(number, b"")
        return printable(name.decode(errors="replace")) if isinstance(name, bytes) else ""

    def program(self, k, pc):
        """The Program whose code a task has at a place, None where that is no program's, or nobody knows whose."""
        path = self.program_path(k)
        program = self._programs.at(path) if path else None
        return program if program and program.is_in(self.memory, k, pc) else None

    def place(self, k, pc):
        """The name of a place in a task, "" without."""
        program = self.program(k, pc)
        return program.symbols.at(pc) if program else ""


def _close(descriptors):
    for descriptor in descriptors:
        os.close(descriptor)
