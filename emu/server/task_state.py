"""What the system server knows of a task beside its record: its files, names and limits."""

from .calls.credentials import ROOT
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
