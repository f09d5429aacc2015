"""What files and served calls may know of the machine, and do to its threads."""

import time

import numpy as np

from ..abi.errno import ESRCH
from ..kernel.sched.migration import set_affinity
from ..kernel.sleep.inheritance import set_realtime
from ..kernel.task.family import begin_session, join_group
from ..kernel.thread.handles import thread_by_tid, tid
from ..limits import NAME_BYTES, PAGE_SIZE
from ..shm.cpumask import to_int, to_words
from ..shm.events import record_name
from . import facts
from .errors import LinuxError
from .guest_memory import UserMemory
from .resource_limits import limit_of


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
        return time.time_ns()

    def monotonic_ns(self):
        return time.monotonic_ns()

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
        return to_int(self._server.machine["threads"][i]["affinity"]) & self.cpu_mask

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
        return int(self._thread(number)["nice"])

    def set_nice(self, number, value):
        """A thread's importance, -20 to 19; policies see it at their next hook."""
        self._thread(number)["nice"] = value

    def scheduling(self, number):
        """(SCHED_* that a thread asked for, its real-time priority)."""
        thread = self._thread(number)
        return int(thread["linux_policy"]), int(thread["own_realtime"])

    def set_scheduling(self, number, policy, priority):
        self._thread(number)["linux_policy"] = policy
        set_realtime(self._server.base, self._server.me, thread_by_tid(self._server.base, number), priority)

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

    def set_max_siginfos(self, task, count):
        """How many signals may be queued for a task and its threads."""
        self._server.machine["tasks"][task.index]["max_siginfos"] = count

    def set_max_descriptors(self, task, count):
        """The first descriptor number that a task may not use."""
        self._server.machine["tasks"][task.index]["max_descriptors"] = count

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
        return set_affinity(self._server.base, self._server.me, i)
