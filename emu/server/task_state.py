"""What the system server knows of a task beside its record: names, limits, and how it finds its files."""

import time

from ..abi.clone import CLONE_FS
from ..limits import NAME_BYTES
from .credentials import ROOT
from .timers import TaskTimers
from .vfs.initial import START_DIRECTORY
from .vfs.table import FileTable


class Place:
    """Where a task is in the tree, and its umask: common to tasks that share it (CLONE_FS)."""

    def __init__(self, cwd=START_DIRECTORY, umask=0o022):
        self.cwd = cwd
        self.umask = umask


class TaskState:
    """The cold part of a task: names, limits. `record` is the hot part, in tasks[index]."""

    def __init__(self, index, record, argv, program, open_files):
        self.index, self._record = index, record
        self.argv = list(argv)
        self.exe, self.program = program  # its absolute path in the guest's tree, its inode
        self.program.hold()
        self.name = argv[0].rsplit(b"/", 1)[-1][: NAME_BYTES - 1]
        self.place = Place()
        self.credentials = ROOT  # of the thread that is served now: the server sets them before each call
        self.limits = {}
        self.placed = None  # where its program was put (a Placed of server/exec.py)
        self.started_ns = time.monotonic_ns()
        self.executing = None  # the Execution for which its threads gather (server/calls/exec.py)
        self.executed = False  # a program since it was forked: its parent may not move it to another group
        self.open_files, self.files = open_files, FileTable(open_files, index)
        self.timers = TaskTimers()
        self.ends, self.last_end = {}, 0  # mappings past their files' ends (server/calls/mapping.py)

    pid = property(lambda self: int(self._record["pid"]))
    ppid = property(lambda self: int(self._record["parent_pid"]))
    state = property(lambda self: int(self._record["state"]))
    group = property(lambda self: int(self._record["group"]))
    session = property(lambda self: int(self._record["session"]))

    @property
    def cwd(self):
        return self.place.cwd

    @cwd.setter
    def cwd(self, node):
        self.place.cwd = node

    @property
    def umask(self):
        return self.place.umask

    @umask.setter
    def umask(self, mask):
        self.place.umask = mask

    def fork(self, index, record):
        """The state of a task that was forked from this one."""
        child = object.__new__(TaskState)
        vars(child).update(vars(self))
        child.index, child._record = index, record
        shares = int(record["shares"])
        child.place = self.place if shares & CLONE_FS else Place(self.cwd, self.umask)
        child.limits = dict(self.limits)
        child.executing, child.executed = None, False
        child.started_ns = time.monotonic_ns()
        child.timers = TaskTimers()
        child.ends = dict(self.ends)
        child.files = FileTable(self.open_files, index)
        child.program.hold()
        return child

    def execute(self, path, node, name):
        """It executes the program of an inode from now on, asked for by `name`; what execve(2) takes away is gone."""
        node.hold()
        self.program.release()
        self.exe, self.program, self.executed = path, node, True
        self.name = name.rsplit(b"/", 1)[-1][: NAME_BYTES - 1]
        self.ends = {}
        self.timers.close(keep_interval_timers=True)
        self.files.exec()

    def release(self):
        """Drop the timers, the locks and the program."""
        self.timers.close()
        self.files.release()
        self.program.release()
        self.program = None  # what a file has cost is given back with the last reference to it
