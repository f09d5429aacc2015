"""What files and served calls may know of the machine, and do to its threads."""

import numpy as np

from ..abi.clocks import SECOND_NS
from ..abi.errno import ESRCH
from ..kernel.sched.confining import change_affinity
from ..kernel.sleep.inheritance import set_importance
from ..kernel.task.cpu_limit import set_cpu_limit
from ..kernel.task.family import begin_session, join_group
from ..kernel.thread.handles import thread_by_tid, tid
from ..kernel.thread.inherit import RESET_ON_FORK
from ..limits import MAX_SIGINFOS_PER_TASK, MAX_THREADS, NAME_BYTES, PAGE_SIZE
from ..shm.clock import read_steady, read_wall
from ..shm.cpumask import to_int, to_words
from ..shm.events import record_name
from . import facts
from .errors import LinuxError
from .guest_memory import UserMemory
from .resource_limits import (
    INFINITY,
    RLIMIT_AS,
    RLIMIT_CPU,
    RLIMIT_DATA,
    RLIMIT_NOFILE,
    RLIMIT_NPROC,
    RLIMIT_SIGPENDING,
    limit_of,
)

SCHED_IDLE, IDLE_NICE = 5, 19  # the policies know no idle threads: these are their least important ones
FAR_SECONDS = 1 << 31  # of processor time: no task comes there


class MachineView:
    """What files and calls may know of the machine."""

    hostname = "emu"

    def __init__(self, server, config):
        self._server = server
        self.memory_bytes = config["memory_bytes"]

    def free_memory_bytes(self):
        return int(self._server.machine["nr_free_frames"]) * PAGE_SIZE

    def random(self, count):
        return self._server.random.randbytes(count)

    def realtime_ns(self):
        return read_wall(self._server.base)

    def monotonic_ns(self):
        return read_steady(self._server.base)

    def tasks(self):
        return list(self._server.tasks.values())

    def zombies(self):
        """Tasks that have ended, and for which their parents have not waited."""
        return facts.zombies(self._server.machine, self._server.names_of_ended)

    def facts(self, task):
        return facts.task_facts(self._server.machine, task.index)

    def thread_facts(self, number, task):
        """Of the thread with this tid; where it is its task's first and has left, of another one's. ESRCH."""
        i = thread_by_tid(self._server.base, number)
        if i < 0 and number == task.pid:
            i = int(self._server.machine["tasks"][task.index]["first_thread"])
        if i < 0:
            raise LinuxError(ESRCH)
        return facts.thread_facts(self._server.machine, i)

    def regions(self, task):
        """What a task has mapped."""
        s = self._server
        return facts.regions(s.base, s.me, s.machine, s.store, task.index)

    def next_region(self, task, address):
        """The Region of a task's first area that ends above an address."""
        s = self._server
        return facts.region(s.base, s.me, s.machine, s.store, task.index, address)

    def write_back(self):
        """Give host files what guests have stored to shared mappings of them."""
        self._server.store.write_back()

    def read_memory(self, task, start, count):
        """Bytes of a task's memory; EFAULT."""
        return UserMemory(self._server.window, self._server.me, task.index).read(start, count)

    def cpu_times(self):
        """(busy, idle) ns of each CPU since the machine's start."""
        return facts.cpu_times(self._server.machine, self.nr_cpus, self.monotonic_ns())

    def counts(self):
        newest = max(self.tasks(), key=lambda task: task.started_ns, default=None)
        return facts.counts(self._server.machine, self.nr_cpus, newest.pid if newest else 0)

    def limit(self, task, number):
        """(soft, hard) of a RLIMIT_* of a task."""
        return limit_of(task, number)

    def affinity(self, number):
        """The CPU mask of a thread by tid, None when there is no such thread."""
        i = thread_by_tid(self._server.base, number)
        if i < 0:
            return None
        return to_int(self._server.machine["threads"][i]["asked_affinity"]) & self.cpu_mask

    @property
    def nr_cpus(self):
        """CPUs that a guest may know of: one more than the highest that is online."""
        return self.cpu_mask.bit_length()

    @property
    def cpu_mask(self):
        return to_int(self._server.machine["online"])

    def _thread(self, number):
        """Its record; ESRCH when it has just left."""
        i = thread_by_tid(self._server.base, number)
        if i < 0:
            raise LinuxError(ESRCH)
        return self._server.machine["threads"][i]

    def nice(self, number):
        """The nice value that was asked for."""
        return int(self._thread(number)["asked_nice"])

    def set_nice(self, number, value):
        """A thread's importance, -20 to 19; its policy sees it at once."""
        thread = self._thread(number)
        self._set_scheduling(number, int(thread["linux_policy"]), value, int(thread["own_realtime"]))

    def scheduling(self, number):
        """(SCHED_* that a thread asked for, with RESET_ON_FORK; its real-time priority)."""
        thread = self._thread(number)
        return int(thread["linux_policy"]), int(thread["own_realtime"])

    def set_scheduling(self, number, policy, priority, nice=None):
        self._set_scheduling(number, policy, self.nice(number) if nice is None else nice, priority)

    def _set_scheduling(self, number, policy, nice, priority):
        thread = self._thread(number)
        thread["linux_policy"], thread["asked_nice"] = policy, nice
        effective = IDLE_NICE if policy & ~RESET_ON_FORK == SCHED_IDLE else nice
        server = self._server
        set_importance(server.base, server.me, thread_by_tid(server.base, number), effective, priority)

    @property
    def slice_ns(self):
        """How long a thread runs before it gives way, where its policy has no other idea."""
        return int(self._server.machine["slice_ns"])

    def credentials(self, number):
        """Who a thread is (a Credentials)."""
        return self._server.credentials[int(self._thread(number)["credentials"])]

    def slack_ns(self, number):
        """How late a thread's time-outs may be, for the sake of others'."""
        return int(self._thread(number)["slack_ns"]) or int(self._server.machine["slack_ns"])

    def set_slack_ns(self, number, value):
        self._thread(number)["slack_ns"] = value

    def name(self, number):
        """A thread's name, without NUL."""
        return bytes(self._thread(number)["name"]).split(b"\0")[0]

    def name_of(self, task):
        """The name of a task's first thread, or what it was at first where that has left."""
        try:
            return self.name(task.pid)
        except LinuxError:
            return task.name

    def set_name(self, number, name):
        """Name a thread: at most 15 bytes count."""
        record = self._thread(number)
        record["name"][:] = np.frombuffer(name[: NAME_BYTES - 1].ljust(NAME_BYTES, b"\0"), np.uint8)
        record_name(self._server.base, self._server.me, thread_by_tid(self._server.base, number))

    def apply_limit(self, task, resource, soft, hard):
        """Hot code holds a task to this limit from now on, if it is one that hot code looks at."""
        record = self._server.machine["tasks"][task.index]
        if resource == RLIMIT_SIGPENDING:
            record["max_siginfos"] = min(soft, MAX_SIGINFOS_PER_TASK)
        elif resource == RLIMIT_NOFILE:
            record["max_descriptors"] = soft
        elif resource == RLIMIT_NPROC:
            record["max_processes"] = min(soft, MAX_THREADS)
        elif resource in (RLIMIT_AS, RLIMIT_DATA):
            record["limited_space"] = int(any(limit_of(task, r)[0] < INFINITY for r in (RLIMIT_AS, RLIMIT_DATA)))
        elif resource == RLIMIT_CPU:
            ns = [0 if seconds > FAR_SECONDS else max(seconds, 1) * SECOND_NS for seconds in (soft, hard)]
            set_cpu_limit(self._server.base, self._server.me, task.index, *ns)

    def join_group(self, task, group):
        """A task is in the process group with this number from now on."""
        join_group(self._server.base, self._server.me, task.index, group)

    def begin_session(self, task):
        """A task leads a session and a group of its own from now on."""
        begin_session(self._server.base, self._server.me, task.index)

    def is_child(self, task, parent):
        """Whether a task is the child of another."""
        return int(self._server.machine["tasks"][task.index]["parent"]) == parent.index + 1

    def threads_of(self, task):
        """The tids of a task's threads."""
        machine, tids = self._server.machine, []
        i = int(machine["tasks"][task.index]["first_thread"])
        while i >= 0:
            tids.append(tid(self._server.base, i))
            i = int(machine["threads"][i]["sibling_next"])
        return tids

    def set_affinity(self, number, mask):
        """Restrict a thread to CPUs; 0 or an error number."""
        i = thread_by_tid(self._server.base, number)
        if i < 0:
            return ESRCH
        self._server.machine["cpus"][self._server.me]["given"] = to_words(mask)
        return -change_affinity(self._server.base, self._server.me, i)
