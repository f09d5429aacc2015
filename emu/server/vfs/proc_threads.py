"""/proc/PID/task: a directory for each living thread of a task, with `stat`, `status` and the thread's name in `comm`.

Writing there renames a thread of the writer's own task, which is what pthread_setname_np does for any thread but
the caller; another task's is refused, as in Linux (EINVAL).
"""

import functools

from ...abi.errno import EINVAL
from ...abi.files import O_TRUNC, S_IFREG
from ..errors import LinuxError
from .directory import FixedDirectory
from .made_up import MadeUp, TextFile
from .open_file import SeekableFile


class TaskThreads(FixedDirectory):
    """/proc/PID/task"""

    def __init__(self, filesystem, parent, task, machine, stat_text, status_text):
        super().__init__(filesystem, parent, "task", number=_number(task.pid))
        self.task, self.machine = task, machine
        self._texts = stat_text, status_text

    def lookup(self, name, task):
        for tid in self.machine.threads_of(self.task):
            if str(tid) == name:
                return self._thread(tid)
        return None

    def list(self, task):
        return [(str(tid), _number(tid) + 1, self.kind) for tid in self.machine.threads_of(self.task)]

    def _thread(self, tid):
        directory = FixedDirectory(self.filesystem, self, str(tid), number=_number(tid) + 1)
        directory.entries["comm"] = ThreadName(self.filesystem, self.machine, tid, self.task)
        for k, (name, text) in enumerate(zip(("stat", "status"), self._texts), 3):
            make = functools.partial(text, self.machine, self.task, tid)
            directory.entries[name] = TextFile(self.filesystem, make, _number(tid) + k)
        return directory


def _number(tid):
    return (1 << 60) + (tid << 4)  # inodes of tasks are below: proc.py


class ThreadName(MadeUp):
    """/proc/PID/task/TID/comm"""

    kind = S_IFREG
    permissions = 0o644

    def __init__(self, filesystem, machine, tid, owner):
        super().__init__(filesystem, _number(tid) + 2)
        self.machine, self.tid, self.owner = machine, tid, owner

    def open(self, flags, task):
        return OpenName(self, flags & ~O_TRUNC, task)


class OpenName(SeekableFile):
    def __init__(self, node, flags, task):
        super().__init__(node, flags)
        self.task = task

    def size(self):
        return len(self._text())

    def _text(self):
        return self.node.machine.name(self.node.tid) + b"\n"

    def read_at(self, offset, count):
        return self._text()[offset : offset + count]

    def write_at(self, offset, data):
        if self.task is not self.node.owner:
            raise LinuxError(EINVAL)
        self.node.machine.set_name(self.node.tid, bytes(data).split(b"\0")[0])
        return len(data)
