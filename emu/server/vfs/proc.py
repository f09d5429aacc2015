"""What the machine says of itself in files: /proc and /sys/devices/system/cpu.

Texts are made when a file is opened.  /proc/PID exists for every task that `machine.tasks()` gives (with pid, ppid,
name, exe, argv, cwd, files, group, session); /proc/self leads to the caller's.
"""

import os

from ...abi.errno import ENOENT
from ..errors import LinuxError
from .directory import FixedDirectory
from .inode import Filesystem, Link
from .made_up import MadeUp, MadeUpLink, TextFile
from .proc_threads import TaskThreads

PROC_MAGIC = 0x9FA0
ISA = "rv64imafdc_zicbom_zicboz_zicond_zicsr_zifencei_zba_zbb_zbs"


class DescriptorLink(MadeUp, Link):
    """/proc/PID/fd/N: leads to the open file's inode itself, whether or not it has a name."""

    kind = Link.kind
    permissions = 0o777
    open = Link.open

    def __init__(self, filesystem, file, number):
        super().__init__(filesystem, number)
        self.file = file

    def target(self, task):
        return self.file.path()

    def jump(self, task):
        return self.file.node


class ProgramLink(MadeUpLink):
    """/proc/PID/exe: leads to the program's inode, whatever its name leads to."""

    program = None

    def jump(self, task):
        return self.program


class DescriptorDirectory(FixedDirectory):
    """/proc/PID/fd"""

    def __init__(self, filesystem, parent, task, number):
        super().__init__(filesystem, parent, "fd", number=number)
        self.task = task

    def lookup(self, name, task):
        if not (name.isascii() and name.isdecimal() and len(name) < 10 and str(int(name)) == name):
            return None
        try:
            return DescriptorLink(self.filesystem, self.task.files.get(int(name)), self.number + 1 + int(name))
        except LinuxError:
            return None

    def list(self, task):
        return [(str(fd), self.number + 1 + fd, Link.kind) for fd in self.task.files.open_descriptors()]


class ProcDirectory(FixedDirectory):
    """/proc: fixed entries, and a directory for each task."""

    def __init__(self, filesystem, parent, machine):
        super().__init__(filesystem, parent, "proc")
        self.machine = machine

    def lookup(self, name, task):
        node = self.entries.get(name)
        if node is None and name.isdecimal():
            for each in self.machine.tasks():
                if str(each.pid) == name:
                    return _task_directory(self, each)
        return node

    def list(self, task):
        pids = [(str(each.pid), _task_number(each), self.kind) for each in self.machine.tasks()]
        return super().list(task) + pids


def _task_number(task):
    return (task.pid + 1) << 20  # below it: numbers of the fixed files; above: of the task's own


def _task_directory(proc, task):
    filesystem, number = proc.filesystem, _task_number(task)
    directory = FixedDirectory(filesystem, proc, str(task.pid), number=number)
    links = {"cwd": lambda _: _directory_of(task), "root": lambda _: "/"}
    texts = {
        "comm": lambda: _name(proc.machine, task) + b"\n",
        "cmdline": lambda: b"".join(_bytes(argument) + b"\0" for argument in task.argv),
        "stat": lambda: _task_stat(proc.machine, task),
        "status": lambda: _task_status(proc.machine, task),
    }
    for i, (name, text) in enumerate(links.items(), 1):
        directory.entries[name] = MadeUpLink(filesystem, text, number + i)
    for i, (name, text) in enumerate(texts.items(), 8):
        directory.entries[name] = TextFile(filesystem, text, number + i)
    directory.entries["exe"] = ProgramLink(filesystem, lambda _: task.exe, number + 7)
    directory.entries["exe"].program = task.program
    directory.entries["fd"] = DescriptorDirectory(filesystem, directory, task, number + 16)
    directory.entries["task"] = TaskThreads(filesystem, directory, task, proc.machine)
    return directory


def _directory_of(task):
    return task.cwd if isinstance(task.cwd, str) else task.cwd.path()


def _bytes(text):
    return text if isinstance(text, bytes) else os.fsencode(text)


def _name(machine, task):
    """Its first thread's, or what it was at first where that has left."""
    try:
        return machine.name(task.pid)
    except LinuxError:
        return task.name


def _task_stat(machine, task):
    """52 fields; those that the machine does not know are 0."""
    head = f"{task.pid} ({os.fsdecode(_name(machine, task))}) R {task.ppid} {task.group} {task.session}"
    return head + " 0" * 46 + "\n"


def _tabbed(numbers):
    return "\t".join(map(str, numbers))


def _task_status(machine, task):
    try:
        who = machine.credentials(task.pid)
    except LinuxError:  # its first thread has left
        who = task.credentials
    return (
        f"Name:\t{os.fsdecode(_name(machine, task))}\n"
        f"Umask:\t{task.umask:04o}\nState:\tR (running)\nTgid:\t{task.pid}\n"
        f"Pid:\t{task.pid}\nPPid:\t{task.ppid}\nUid:\t{_tabbed(who[:4])}\nGid:\t{_tabbed(who[4:8])}\n"
        f"Groups:\t{' '.join(map(str, who.groups))}\n"
    )


def _cpuinfo(machine):
    return "".join(
        f"processor\t: {cpu}\nhart\t\t: {cpu}\nisa\t\t: {ISA}\nmmu\t\t: sv39\n\n" for cpu in range(machine.nr_cpus)
    )


def _meminfo(machine):
    total, free = machine.memory_bytes >> 10, machine.free_memory_bytes() >> 10
    sizes = {"MemTotal": total, "MemFree": free, "MemAvailable": free, "Buffers": 0, "Cached": 0, "SwapTotal": 0}
    return "".join(f"{name + ':':<16}{size:>8} kB\n" for name, size in {**sizes, "SwapFree": 0}.items())


def _cpu_list(machine):
    return f"0-{machine.nr_cpus - 1}\n" if machine.nr_cpus > 1 else "0\n"


def _uptime(machine):
    seconds = machine.monotonic_ns() / 1e9
    return f"{seconds:.2f} 0.00\n"


def _no_task(task):
    if task is None:
        raise LinuxError(ENOENT)
    return str(task.pid)


def proc_directory(root, machine):
    """The tree of /proc."""
    filesystem = Filesystem(2, PROC_MAGIC, machine.realtime_ns)
    proc = ProcDirectory(filesystem, root, machine)
    texts = {
        "cpuinfo": lambda: _cpuinfo(machine),
        "meminfo": lambda: _meminfo(machine),
        "uptime": lambda: _uptime(machine),
        "loadavg": lambda: "0.00 0.00 0.00 1/1 1\n",
        "version": lambda: "Linux version 6.6.0 (emu)\n",
        "filesystems": lambda: "nodev\tproc\nnodev\ttmpfs\n",
    }
    proc.entries["self"] = MadeUpLink(filesystem, _no_task)
    for name, text in texts.items():
        proc.entries[name] = TextFile(filesystem, text)
    system = proc.subdirectory("sys")
    kernel, memory = system.subdirectory("kernel"), system.subdirectory("vm")
    system.subdirectory("fs").entries["nr_open"] = TextFile(filesystem, lambda: "65536\n")
    kernel.entries["osrelease"] = TextFile(filesystem, lambda: "6.6.0\n")
    kernel.entries["ostype"] = TextFile(filesystem, lambda: "Linux\n")
    kernel.entries["hostname"] = TextFile(filesystem, lambda: machine.hostname + "\n")
    memory.entries["overcommit_memory"] = TextFile(filesystem, lambda: "1\n")
    return proc


def sys_directory(root, machine):
    """The tree of /sys: only devices/system/cpu."""
    filesystem = Filesystem(2, PROC_MAGIC, machine.realtime_ns)
    sys = FixedDirectory(filesystem, root, "sys")
    cpus = sys.subdirectory("devices").subdirectory("system").subdirectory("cpu")
    for name in ("online", "possible", "present"):
        cpus.entries[name] = TextFile(filesystem, lambda: _cpu_list(machine))
    for cpu in range(machine.nr_cpus):
        cpus.subdirectory(f"cpu{cpu}")
    return sys
