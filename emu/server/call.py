"""What a served system call sees: itself, its task, and the machine (see registry.py)."""

from ..abi.errno import ENOMEM
from ..abi.words import WORD
from ..kernel.linux.memory import place
from ..kernel.linux.time import processor_ns
from ..kernel.thread.handles import tid
from ..kernel.vm.address_space import protect_region, unmap_region
from ..kernel.vm.file_pages import map_frame, map_past_end
from .errors import LinuxError
from .guest_memory import UserMemory
from .vfs.open_file import OpenFile


class Call:
    """One system call of one thread, kept while it waits."""

    def __init__(self, server, i, thread, number=None):
        x = thread["x"]
        self.server = server
        self.thread = thread
        self.thread_index = i
        self.number = int(x[17]) if number is None else number
        self.args = tuple(int(v) & WORD for v in x[10:16])
        self.tid = tid(server.base, i)
        self.machine = server.view
        self.tree = server.tree
        self.memo = None
        self.no_signal = False  # no SIGPIPE where the result is EPIPE
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
        self.timer_pool = server.timer_pool

    def abandon(self):
        """The call has waited and will not be made again: what it still keeps for that is given back."""
        if isinstance(self.memo, OpenFile):
            self.memo.close()

    @property
    def credentials(self):
        """Who the calling thread is (a Credentials)."""
        return self.task.credentials

    @credentials.setter
    def credentials(self, wanted):
        self.thread["credentials"] = self.server.credentials.index(wanted)
        self.thread["uid"] = self.task_record["uid"] = wanted.uid
        self.task.credentials = wanted

    def take_credentials(self):
        """Before the call is made, first or again: its task's are those of this thread."""
        self.task.credentials = self.server.credentials[int(self.thread["credentials"])]

    def waits(self):
        """Whether it has raised Blocked and nothing has ended its wait."""
        return self.server.waiting.has(self, self.server.machine["threads"]["sleep"])

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

    def processor_ns(self):
        """User and system time of the task together."""
        return processor_ns(self.server.base, self.server.me, self.task_index)
