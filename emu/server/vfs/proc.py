"""/proc: what the machine says of itself in files (proc(5)). proc_tasks.py has what it says of tasks.

Texts are made when a file is opened.  /proc/PID exists for every task that `machine.tasks()` gives (with pid, ppid,
name, exe, argv, cwd, files, group, session), and for those of `machine.zombies()`; /proc/self leads to the caller's.
"""

import functools
import uuid

from ...abi.clocks import SECOND_NS
from ...abi.errno import ENOENT
from ...limits import MAX_THREADS
from ..errors import LinuxError
from .directory import FixedDirectory
from .inode import Filesystem
from .made_up import MadeUpLink, TextFile
from .proc_tasks import TICKS, task_directory, task_number, zombie_directory

PROC_MAGIC = 0x9FA0
TICK_NS = SECOND_NS // TICKS
ISA = "rv64imafdc_zicbom_zicboz_zicond_zicsr_zifencei_zba_zbb_zbs"


class ProcDirectory(FixedDirectory):
    """/proc: fixed entries, and a directory for each task."""

    def __init__(self, filesystem, parent, machine, tree):
        super().__init__(filesystem, parent, "proc")
        self.machine, self.tree = machine, tree

    def lookup(self, name, task):
        node = self.entries.get(name)
        if node is None and name.isdecimal():
            for each in self.machine.tasks():
                if str(each.pid) == name:
                    return task_directory(self, each)
            for each in self.machine.zombies():
                if str(each.pid) == name:
                    return zombie_directory(self, each)
        return node

    def list(self, task):
        found = [*self.machine.tasks(), *self.machine.zombies()]
        return super().list(task) + [(str(each.pid), task_number(each), self.kind) for each in found]


def _cpuinfo(machine):
    return "".join(
        f"processor\t: {cpu}\nhart\t\t: {cpu}\nisa\t\t: {ISA}\nmmu\t\t: sv39\n\n" for cpu in range(machine.nr_cpus)
    )


def _meminfo(machine):
    total, free = machine.memory_bytes >> 10, machine.free_memory_bytes() >> 10
    sizes = {"MemTotal": total, "MemFree": free, "MemAvailable": free, "Buffers": 0, "Cached": 0, "SwapTotal": 0}
    return "".join(f"{name + ':':<16}{size:>8} kB\n" for name, size in {**sizes, "SwapFree": 0}.items())


def _uptime(machine):
    seconds = machine.monotonic_ns() / 1e9
    return f"{seconds:.2f} 0.00\n"


def _no_task(task):
    if task is None:
        raise LinuxError(ENOENT)
    return str(task.pid)


def _stat(machine):
    """Time by CPU in hundredths of a second: all that is not idle is the guests'."""
    times = [(busy // TICK_NS, idle // TICK_NS) for busy, idle in machine.cpu_times()]
    lines = [f"cpu  {sum(busy for busy, _ in times)} 0 0 {sum(idle for _, idle in times)} 0 0 0 0 0 0"]
    lines += [f"cpu{cpu} {busy} 0 0 {idle} 0 0 0 0 0 0" for cpu, (busy, idle) in enumerate(times)]
    counts = machine.counts()
    booted = (machine.realtime_ns() - machine.monotonic_ns()) // SECOND_NS
    return "\n".join(lines) + (
        f"\nintr 0\nctxt {counts.switches}\nbtime {booted}\nprocesses {counts.spawned}\n"
        f"procs_running {counts.running}\nprocs_blocked 0\nsoftirq 0\n"
    )


def _load(machine):
    """The averages are those of this moment: emu keeps none."""
    counts = machine.counts()
    average = f"{counts.running}.00"
    return f"{average} {average} {average} {counts.running}/{counts.threads} {counts.last_pid}\n"


def _random_uuid(machine):
    return f"{uuid.UUID(bytes=machine.random(16), version=4)}\n"


def proc_directory(root, machine, tree):
    """The tree of /proc."""
    filesystem = Filesystem(2, PROC_MAGIC, machine.realtime_ns)
    proc = ProcDirectory(filesystem, root, machine, tree)

    def put(directory, **texts):
        for name, text in texts.items():
            directory.entries[name] = TextFile(filesystem, text if callable(text) else lambda text=text: f"{text}\n")

    put(
        proc,
        cpuinfo=lambda: _cpuinfo(machine),
        meminfo=lambda: _meminfo(machine),
        uptime=lambda: _uptime(machine),
        loadavg=lambda: _load(machine),
        stat=lambda: _stat(machine),
        version="Linux version 6.6.0 (emu)",
        filesystems="nodev\tproc\nnodev\tsysfs\nnodev\ttmpfs",
        cmdline="emu",
        swaps="Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority",
    )
    proc.entries["self"] = MadeUpLink(filesystem, _no_task)
    proc.entries["mounts"] = MadeUpLink(filesystem, lambda _: "self/mounts")
    system = proc.subdirectory("sys")
    kernel = system.subdirectory("kernel")
    put(
        kernel,
        osrelease="6.6.0",
        ostype="Linux",
        version="#1 SMP emu",
        hostname=lambda: machine.hostname + "\n",
        pid_max=1 << 29,
        ngroups_max=65536,
        cap_last_cap=40,
        randomize_va_space=0,
    )
    kernel.entries["threads-max"] = TextFile(filesystem, lambda: f"{MAX_THREADS}\n")
    boot_id = functools.cache(lambda: _random_uuid(machine))
    put(
        kernel.subdirectory("random"),
        uuid=lambda: _random_uuid(machine),
        boot_id=boot_id,
        entropy_avail=256,
        poolsize=256,
    )
    put(
        system.subdirectory("vm"),
        overcommit_memory=1,
        overcommit_ratio=50,
        max_map_count=65530,
        mmap_min_addr=65536,
        swappiness=0,
    )
    files = system.subdirectory("fs")
    put(files, nr_open=65536)
    files.entries["file-max"] = TextFile(filesystem, lambda: "65536\n")
    files.entries["pipe-max-size"] = TextFile(filesystem, lambda: "1048576\n")
    return proc
