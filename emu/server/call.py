"""What a served system call sees: itself, its task, and the machine (see registry.py)."""

from ..abi.words import WORD
from ..kernel.files import directory
from ..kernel.linux.memory import place, place_file
from ..kernel.linux.time import cold_clock_ns
from ..kernel.thread.handles import tid
from ..kernel.vm.mapped import residence
from .file_limits import room_to_write
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
        self.exceeds_file_limit = False  # SIGXFSZ is due when it ends
        self.scope = None  # the HoldScope in which the server executes the call
        self._memory = UserMemory(server.window, server.me, index, server.bring_page)
        self.read = self._memory.read
        self.write = self._memory.write
        self.reserve = self._memory.reserve
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
        """Map new memory as mmap would; the guest address or a negative error."""
        return place(self.server.base, self.server.me, self.task_index, address, length, prot, flags)

    def place_file(self, address, length, prot, flags, object, first):
        """Map pages of a file's object from `first` on, as mmap would; the guest address or a negative error."""
        server = self.server
        return place_file(server.base, server.me, self.task_index, address, length, prot, flags, object, first)

    def area(self, address):
        """The Region of the first area that ends above an address; it begins at USER_TOP when there is none."""
        return self.machine.next_region(self.task, address)

    def residence(self, address):
        """1 when the page of an address is in memory, 0 when it is only mapped, -1 when it is not."""
        return residence(self.server.base, self.server.me, self.task_index, address)

    def room_to_write(self, file, position, count):
        """How many of `count` bytes from a position of a file on the task may write. EFBIG."""
        return room_to_write(self, file, position, count)

    def go_to_machine(self):
        """The task's working directory is the machine's, also where a file server of the guest's own has its files."""
        directory.go_to_machine(self.server.base, self.server.me, self.task_index)

    def set_umask(self, mask):
        """What the task's new files must not have of their modes, also at a file server of the guest's own."""
        directory.set_umask(self.server.base, self.server.me, self.task_index, mask)

    def clock_ns(self, clock):
        """The time of a clock, as the calling thread names it; -EINVAL."""
        return cold_clock_ns(self.server.base, self.server.me, self.thread_index, clock)
