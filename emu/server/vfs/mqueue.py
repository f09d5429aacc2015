"""POSIX message queues: a directory of queues, each a priority queue of messages (mq_overview(7)).

A queue is an inode of a file system of its own, seen at /dev/mqueue; it lives until it has no name and nobody has it
open.  Reading its file tells of it; messages are sent and received by the calls of calls/mqueues.py.

One process may ask to be told of the next message that comes while the queue is empty and no receiver waits.  It is
told once.  A registration ends with the process that made it, which is looked for when somebody asks.
"""

import bisect
from collections import Counter

from ...abi.errno import EACCES, EAGAIN, EBUSY, EINVAL, EMFILE, EMSGSIZE, EPERM
from ...abi.files import O_NONBLOCK, POLLIN, POLLOUT, S_IFREG
from ...abi.ipc import MQ_MAXMSG, MQ_MSGSIZE
from ...kernel.thread.states import TASK_ALIVE
from ..errors import Blocked, LinuxError
from ..resource_limits import RLIMIT_MSGQUEUE, limit_of
from .directory import MemoryDirectory
from .inode import Filesystem, MemoryInode
from .open_file import SeekableFile

MQUEUE_MAGIC = 0x19800202
MESSAGE_BYTES = 224  # beside its data
TREE_NODE_BYTES = 48
SHOWN_BYTES = 80


class Registration:
    """Who is told of the next message: by signal 0 only noted (SIGEV_NONE)."""

    def __init__(self, task, signal, value):
        self.task, self.signal, self.value = task, signal, value


class MessageQueueNode(MemoryInode):
    kind = S_IFREG
    size = SHOWN_BYTES

    def __init__(self, filesystem, mode, most, most_bytes, maker):
        super().__init__(filesystem, mode)
        self.most, self.most_bytes = most, most_bytes
        self.messages = []  # (-priority, number, data): the first is the next
        self.bytes = 0
        self.changes = 0
        self.registration = None
        self.receivers = set()  # calls that wait for a message
        self.maker = maker
        self._sent = 0
        self._held = filesystem.allowance.charge(0)

    def open(self, flags, task):
        return MessageQueueFile(self, flags)

    def put(self, data, priority):
        """Add a message, for which there is room; the Registration that is to be told, or None. ENOMEM."""
        self._held.resize(self._held.size + MESSAGE_BYTES + len(data))
        self._sent += 1
        bisect.insort(self.messages, (-priority, self._sent, data))
        self.bytes += len(data)
        self.changes += 1
        self.receivers = {call for call in self.receivers if call.waits()}
        told = None
        if len(self.messages) == 1 and not self.receivers:
            told, self.registration = self.registered(), None
        return told

    def take(self):
        """(data, priority) of the next message, which is gone."""
        priority, _, data = self.messages.pop(0)
        self._held.resize(self._held.size - MESSAGE_BYTES - len(data))
        self.bytes -= len(data)
        self.changes += 1
        return data, -priority

    def registered(self):
        """The Registration of a process that lives, or None."""
        if self.registration is not None and self.registration.task.state != TASK_ALIVE:
            self.registration = None
        return self.registration

    def register(self, registration):
        """EBUSY."""
        if self.registered() is not None:
            raise LinuxError(EBUSY)
        self.registration = registration

    def unregister(self, task):
        """Forget a registration if it is this task's."""
        if self.registration is not None and self.registration.task is task:
            self.registration = None

    def reserved(self):
        """Bytes that count for RLIMIT_MSGQUEUE: those of a full queue."""
        return self.most * (self.most_bytes + TREE_NODE_BYTES)

    def drop(self):
        self.messages, self.registration = [], None
        self._held.resize(0)
        self.filesystem.reserved[self.maker] -= self.reserved()


class MessageQueueFile(SeekableFile):
    def size(self):
        return SHOWN_BYTES

    def read_at(self, offset, count):
        told = self.node.registered()
        signal, pid = (told.signal, told.task.pid) if told else (0, 0)
        text = f"QSIZE:{self.node.bytes:<10} NOTIFY:{0:<5} SIGNO:{signal:<5} NOTIFY_PID:{pid:<6}\n".encode()
        return text[offset : offset + count]

    def write_position(self):
        """Nobody writes to it but by mq_timedsend. EINVAL, as in Linux."""
        raise LinuxError(EINVAL)

    def sync(self):
        raise LinuxError(EINVAL)

    def poll(self):
        ready = POLLIN if self.node.messages else 0
        return ready | (POLLOUT if len(self.node.messages) < self.node.most else 0)

    def send(self, data, priority):
        """As MessageQueueNode.put. EMSGSIZE, EAGAIN, Blocked."""
        if len(self.node.messages) >= self.node.most:
            self._wait()
        return self.node.put(data, priority)

    def receive(self, call, most):
        """(data, priority). EMSGSIZE, EAGAIN, Blocked."""
        if most < self.node.most_bytes:
            raise LinuxError(EMSGSIZE)
        self.node.receivers.discard(call)
        if not self.node.messages:
            if not self.flags & O_NONBLOCK:
                self.node.receivers.add(call)
            self._wait()
        return self.node.take()

    def _wait(self):
        raise LinuxError(EAGAIN) if self.flags & O_NONBLOCK else Blocked(None, on=self.node)


class MessageQueueDirectory(MemoryDirectory):
    """The names of all queues; a file made here is a queue with default limits."""

    def __init__(self, clock, parent, name):
        super().__init__(Filesystem(3, MQUEUE_MAGIC, clock), 0o1777, parent, name)
        self.filesystem.reserved = Counter()  # user -> bytes of the queues that they have made

    def make(self, name, mode, task, most=MQ_MAXMSG, most_bytes=MQ_MSGSIZE):
        """A new queue under a name that is free. EMFILE: RLIMIT_MSGQUEUE."""
        maker, reserved = task.credentials.uid, self.filesystem.reserved
        node = MessageQueueNode(self.filesystem, mode & ~task.umask & 0o777, most, most_bytes, maker)
        if reserved[maker] + node.reserved() > limit_of(task, RLIMIT_MSGQUEUE)[0]:
            raise LinuxError(EMFILE)
        node.uid, node.gid = task.credentials.fsuid, task.credentials.fsgid
        self.add(name, node)
        reserved[maker] += node.reserved()
        return node

    def create(self, name, mode, flags, task):
        return self.make(name, mode, task).open(flags, task)

    def make_directory(self, name, mode):
        raise LinuxError(EPERM)

    def make_link(self, name, target):
        raise LinuxError(EPERM)


def checked_name(name):
    """EACCES where no queue can have this name."""
    if not name or "/" in name or name in (".", ".."):
        raise LinuxError(EACCES)
    return name
