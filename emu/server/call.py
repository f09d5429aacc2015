"""What a served system call sees: itself, its task, and the machine (see registry.py)."""

import time

import numpy as np

from ..abi.errno import ENOMEM, ESRCH
from ..abi.words import WORD
from ..kernel.linux.memory import place
from ..kernel.sched.migration import set_affinity
from ..kernel.thread.handles import thread_by_tid, tid
from ..kernel.vm.address_space import protect_region, unmap_region
from ..kernel.vm.file_pages import map_frame, map_past_end
from ..limits import NAME_BYTES, PAGE_SIZE
from ..shm.cpumask import to_int, to_words
from ..shm.events import record_name
from .calls.credentials import ROOT
from .errors import LinuxError
from .guest_memory import UserMemory
from .vfs.initial import START_DIRECTORY
from .vfs.table import FileTable


class TaskState:
    """The cold part of a task: files, names, limits."""

    def __init__(self, pid, argv, program, stdio, allowance):
        self.pid, self.ppid = pid, 0
        self.group = self.session = pid
        self.argv = list(argv)
        self.exe, self.program = program  # its absolute path in the guest's tree, its inode
        self.name = argv[0].rsplit(b"/", 1)[-1][:15]
        self.cwd = START_DIRECTORY
        self.umask = 0o022
        self.credentials = ROOT  # of the thread that is served now: the server sets them before each call
        self.limits = {}
        self.files = FileTable.standard(*stdio, allowance)
        self.ends, self.last_end = {}, 0  # mappings past their files' ends (server/calls/mapping.py)

    def release(self):
        """Drop the descriptors."""
        self.files.release()


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
        return int(thread["linux_policy"]), int(thread["realtime"])

    def set_scheduling(self, number, policy, priority):
        thread = self._thread(number)
        thread["linux_policy"], thread["realtime"] = policy, priority

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

    def set_name(self, number, name):
        """Name a thread: at most 15 bytes count."""
        record = self._thread(number)
        record["name"][:] = np.frombuffer(name[: NAME_BYTES - 1].ljust(NAME_BYTES, b"\0"), np.uint8)
        record_name(self._server.base, self._server.me, thread_by_tid(self._server.base, number))

    def set_max_siginfos(self, task, count):
        """How many signals may be queued for a task and its threads."""
        for index, state in self._server.tasks.items():
            if state is task:
                self._server.machine["tasks"][index]["max_siginfos"] = count

    def threads_of(self, task):
        """The tids of a task's threads."""
        machine, tids = self._server.machine, []
        index = next((index for index, state in self._server.tasks.items() if state is task), -1)
        i = int(machine["tasks"][index]["first_thread"]) if index >= 0 else -1
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


class Call:
    """One system call of one thread, kept while it waits."""

    def __init__(self, server, i, thread):
        x = thread["x"]
        self.server = server
        self.thread = thread
        self.thread_index = i
        self.number = int(x[17])
        self.args = tuple(int(v) & WORD for v in x[10:16])
        self.tid = tid(server.base, i)
        self.machine = server.view
        self.tree = server.tree
        self.memo = None
        self.resume_deadline_ns = int(thread["resume_deadline_ns"])  # of the wait that was interrupted, or 0
        thread["resume_deadline_ns"] = 0
        index = int(thread["task"])
        self.task_index = index
        self.task = server.tasks[index]
        self.task_record = server.machine["tasks"][index]
        self.scope = None  # the HoldScope in which the server executes the call
        self._memory = UserMemory(server.window, server.me, index)
        self.read = self._memory.read
        self.write = self._memory.write
        self.string = self._memory.string
        self.print = server.print

    @property
    def credentials(self):
        """Who the calling thread is (a Credentials)."""
        return self.task.credentials

    @credentials.setter
    def credentials(self, wanted):
        self.thread["credentials"] = self.server.credentials.index(wanted)
        self.thread["uid"] = wanted.uid
        self.task.credentials = wanted

    def take_credentials(self):
        """Before the call is made, first or again: its task's are those of this thread."""
        self.task.credentials = self.server.credentials[int(self.thread["credentials"])]

    def place_mapping(self, address, length, prot, flags):
        """Map as mmap would, without content; the guest address or a negative error."""
        return place(self.server.base, self.server.me, self.task_index, address, length, prot, flags)

    def protect(self, address, length, prot):
        """Change the permissions of pages."""
        return protect_region(self.server.base, self.server.me, self.task_index, address, length, prot)

    def unmap(self, address, length):
        """Take a mapping away again."""
        return unmap_region(self.server.base, self.server.me, self.task_index, address, length)

    def map_frame(self, address, frame, prot):
        """Map a file's own frame, of which the page is one more holder. ENOMEM.

        A page that another thread of the task has touched or unmapped meanwhile stays as it is.
        """
        self.server.store.share(frame)
        error = map_frame(self.server.base, self.server.me, self.task_index, address, frame, prot)
        if error < 0:
            self.server.store.free(frame)
        if error == -ENOMEM:
            raise LinuxError(ENOMEM)

    def map_past_end(self, address, length, prot, shared, number):
        """Map pages past a file's end. ENOMEM."""
        server = self.server
        if map_past_end(server.base, server.me, self.task_index, address, length, prot, int(shared), number) < 0:
            raise LinuxError(ENOMEM)

    def usage(self, who):
        """(user µs, system µs, peak KiB) of the task (0), its children (-1, none) or the thread (1).

        Times as time_calls.py counts them.
        """
        peak_kib = int(self.task_record["resident"]) * PAGE_SIZE // 1024
        if who < 0:
            return 0, 0, 0
        if who > 0:
            return int(self.thread["instructions"]) // 500, 0, peak_kib
        instructions = int(self.task_record["past_instructions"])
        i = int(self.task_record["first_thread"])
        while i >= 0:
            other = self.server.machine["threads"][i]
            instructions += int(other["instructions"])
            i = int(other["sibling_next"])
        return instructions // 500, 0, peak_kib
