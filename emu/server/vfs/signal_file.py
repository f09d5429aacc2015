"""signalfd: pending signals of a mask, taken by reading (signalfd(2)).

Who reads takes its own signals and its task's.  In an epoll set it is the signals of the thread that made the file, and
of its task, that make it ready; Linux looks at those of whoever calls epoll_wait.
"""

import struct

from ...abi.errno import EAGAIN, EINVAL
from ...abi.files import O_NONBLOCK, O_RDWR, POLLIN
from ...abi.signals import SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGSEGV, SIGTRAP
from ...kernel.task.signals import take_signal
from ...kernel.task.timers import SI_TIMER
from ..errors import Blocked, LinuxError, Watch
from .inode import MemoryInode
from .open_file import OpenFile

INFO = struct.Struct("<IiiIIiIIIIiiQQQQ48x")
FAULTS = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV}
SI_QUEUE = -1


def signal_info(words):
    """Linux's struct signalfd_siginfo from the first 48 bytes of a siginfo."""
    number, errno, code = struct.unpack_from("<iii", words)
    pid, uid = struct.unpack_from("<II", words, 16)
    status, value = struct.unpack_from("<i", words, 24)[0], struct.unpack_from("<Q", words, 24)[0]
    tid = overrun = user = system = address = 0
    if number == SIGCHLD and code > 0:
        user, system = struct.unpack_from("<QQ", words, 32)
        value = 0
    elif code == SI_TIMER:
        tid, overrun, pid, uid = pid, uid, 0, 0
    elif number in FAULTS and code > 0:
        address, pid, uid, value = struct.unpack_from("<Q", words, 16)[0], 0, 0, 0
    elif code != SI_QUEUE:
        value = 0
    word = status if value else 0
    status = status if number == SIGCHLD and code > 0 else 0
    return INFO.pack(number, errno, code, pid, uid, 0, tid, 0, overrun, 0, status, word, value, user, system, address)


class SignalNode(MemoryInode):
    """Open as long as one file of it is; the machine counts them, and signals while there are any."""

    def __init__(self, filesystem, server, owner):
        super().__init__(filesystem, 0o600)
        self.server, self.owner = server, owner  # the thread that made it
        self.reads = 0
        server.machine["signal_files"] += 1

    @property
    def changes(self):
        return int(self.server.machine["signal_news"]) + self.reads

    def drop(self):
        self.server.machine["signal_files"] -= 1


class SignalFile(OpenFile):
    def __init__(self, node, flags, mask):
        super().__init__(node, O_RDWR | flags)
        self.mask = mask

    def path(self):
        return "anon_inode:[signalfd]"

    def _reader(self):
        """The thread that makes the present call, else the one that made the file."""
        caller = self.node.server.open_files.caller
        return self.node.owner if caller is None else caller

    def poll(self):
        threads, tasks = self.node.server.machine["threads"], self.node.server.machine["tasks"]
        thread = threads[self._reader()]
        return POLLIN if (int(thread["signals"]) | int(tasks[int(thread["task"])]["signals"])) & self.mask else 0

    def read(self, count):
        if count < INFO.size:
            raise LinuxError(EINVAL)
        watch = Watch(self.node)  # before the look: a signal may come right behind it
        server, data = self.node.server, b""
        while len(data) + INFO.size <= count:
            if not take_signal(server.base, server.me, self._reader(), self.mask):
                break
            data += signal_info(server.machine["cpus"][server.me]["siginfo"].tobytes())
        if not data:
            raise LinuxError(EAGAIN) if self.flags & O_NONBLOCK else Blocked(None, on=watch)
        self.node.reads += 1
        return data
