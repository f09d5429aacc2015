"""/proc/PID: what the machine tells of a task (proc(5)).

`machine` gives the facts: facts(task), thread_facts(tid), regions(task), read_memory(task, start, count), name(tid),
credentials(tid), threads_of(task), limit(task, number).  Of a zombie there are its name, its state and its family.
"""

import os

from ...abi.clocks import SECOND_NS
from ...kernel.thread.inherit import RESET_ON_FORK
from ...kernel.thread.usage import USED_FAULTS, USED_INSTRUCTIONS, USED_INVOLUNTARY, USED_SYSTEM_NS, USED_VOLUNTARY
from ...limits import PAGE_SIZE, USER_TOP
from ..errors import LinuxError
from .directory import FixedDirectory
from .inode import Link
from .made_up import MadeUp, MadeUpLink, TextFile
from .proc_threads import TaskThreads

TICKS = 100  # a second, of times in stat
TICK_NS = SECOND_NS // TICKS
INSTRUCTIONS_PER_TICK = 5_000_000  # at the nominal 500 million a second, as everywhere
STATE_NAMES = {
    "R": "R (running)", "S": "S (sleeping)", "D": "D (disk sleep)", "T": "T (stopped)", "Z": "Z (zombie)",
}  # fmt: skip
LIMITS = (
    ("Max cpu time", "seconds"), ("Max file size", "bytes"), ("Max data size", "bytes"), ("Max stack size", "bytes"),
    ("Max core file size", "bytes"), ("Max resident set", "bytes"), ("Max processes", "processes"),
    ("Max open files", "files"), ("Max locked memory", "bytes"), ("Max address space", "bytes"),
    ("Max file locks", "locks"), ("Max pending signals", "signals"), ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""), ("Max realtime priority", ""), ("Max realtime timeout", "us"),
)  # fmt: skip
INFINITY = (1 << 64) - 1


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
    """/proc/PID/exe: leads to the program's inode, whatever its name leads to.

    It asks the task for it, which lets go of it when it ends.
    """

    def __init__(self, filesystem, owner, number):
        super().__init__(filesystem, lambda _: owner.exe, number)
        self._owner = owner

    def jump(self, task):
        return self._owner.program


class TaskDirectory(FixedDirectory):
    """/proc/PID. Its directories are made when they are looked for, so that it is in no circle with them.

    What a circle holds lives on until the collector comes by: the task, and through it files without a name, for which
    guest memory pays.
    """

    def lookup(self, name, task):
        make = self.directories.get(name)
        return make(self) if make else super().lookup(name, task)

    def list(self, task):
        made = [(name, make(self)) for name, make in self.directories.items()]
        return super().list(task) + [(name, node.number, node.kind) for name, node in made]


class DescriptorDirectory(FixedDirectory):
    """/proc/PID/fd, and fdinfo: an entry for each open descriptor, which `make(file, number)` makes."""

    def __init__(self, filesystem, parent, name, task, number, make, kind):
        super().__init__(filesystem, parent, name, number=number)
        self.task, self._make, self._kind = task, make, kind

    def lookup(self, name, task):
        if not (name.isascii() and name.isdecimal() and len(name) < 10 and str(int(name)) == name):
            return None
        try:
            return self._make(self.task.files.get(int(name)), self.number + 1 + int(name))
        except LinuxError:
            return None

    def list(self, task):
        return [(str(fd), self.number + 1 + fd, self._kind) for fd in self.task.files.open_descriptors()]


def task_number(task):
    return (task.pid + 1) << 20  # below it: numbers of the fixed files; above: of the task's own


def task_directory(proc, task):
    """The directory of a living task."""
    filesystem, number, machine = proc.filesystem, task_number(task), proc.machine
    directory = TaskDirectory(filesystem, proc, str(task.pid), number=number)
    links = {"cwd": lambda _: _directory_of(task), "root": lambda _: "/"}
    texts = {
        "comm": lambda: name_of(machine, task) + b"\n",
        "cmdline": lambda: b"".join(_bytes(argument) + b"\0" for argument in task.argv),
        "stat": lambda: stat_text(machine, task),
        "status": lambda: status_text(machine, task),
        "statm": lambda: _statm(machine, task),
        "maps": lambda: _maps(machine, task),
        "auxv": lambda: task.placed.auxiliary if task.placed else b"",
        "environ": lambda: _environment(machine, task),
        "limits": lambda: _limits(machine, task),
        "mounts": lambda: mounts_text(proc.tree),
        "mountinfo": lambda: mount_info(proc.tree),
        "cgroup": lambda: "0::/\n",
        "oom_score": lambda: "0\n",
        "oom_score_adj": lambda: "0\n",
        "personality": lambda: "00000000\n",
        "wchan": lambda: "0",
    }
    for i, (name, text) in enumerate(links.items(), 1):
        directory.entries[name] = MadeUpLink(filesystem, text, number + i)
    for i, (name, text) in enumerate(texts.items(), 8):
        directory.entries[name] = TextFile(filesystem, text, number + i)
    directory.entries["exe"] = ProgramLink(filesystem, task, number + 7)

    def link(file, at):
        return DescriptorLink(filesystem, file, at)

    def info(file, at):
        return TextFile(filesystem, lambda: f"pos:\t{file.offset}\nflags:\t0{file.flags:o}\nmnt_id:\t1\n", at)

    def descriptors(name, k, make, kind):
        return lambda parent: DescriptorDirectory(filesystem, parent, name, task, number + 64 + (k << 18), make, kind)

    directory.directories = {
        "fd": descriptors("fd", 0, link, Link.kind),
        "fdinfo": descriptors("fdinfo", 1, info, TextFile.kind),
        "task": lambda parent: TaskThreads(filesystem, parent, task, machine, stat_text, status_text),
    }
    return directory


def zombie_directory(proc, zombie):
    """The directory of a task that has ended."""
    filesystem, number = proc.filesystem, task_number(zombie)
    directory = FixedDirectory(filesystem, proc, str(zombie.pid), number=number)
    texts = {
        "comm": lambda: zombie.name + b"\n",
        "cmdline": lambda: b"",
        "stat": lambda: _zombie_stat(zombie),
        "status": lambda: (
            f"Name:\t{os.fsdecode(zombie.name)}\nState:\tZ (zombie)\nTgid:\t{zombie.pid}\nPid:\t{zombie.pid}\n"
            f"PPid:\t{zombie.ppid}\nThreads:\t1\n"
        ),
    }
    for i, (name, text) in enumerate(texts.items(), 8):
        directory.entries[name] = TextFile(filesystem, text, number + i)
    return directory


def _directory_of(task):
    return task.cwd if isinstance(task.cwd, str) else task.cwd.path()


def _bytes(text):
    return text if isinstance(text, bytes) else os.fsencode(text)


def name_of(machine, task):
    """Its first thread's, or what it was at first where that has left."""
    try:
        return machine.name(task.pid)
    except LinuxError:
        return task.name


# --- stat and status --------------------------------------------------------------------------------------------------


def _times(used):
    """User and system time in ticks, as /proc/PID/stat has them."""
    return used[USED_INSTRUCTIONS] // INSTRUCTIONS_PER_TICK, used[USED_SYSTEM_NS] // TICK_NS


def stat_text(machine, task, tid=None):
    """The 52 fields of a task, or of the thread with this tid."""
    thread, facts = machine.thread_facts(tid or task.pid, task), machine.facts(task)
    regions, placed = machine.regions(task), task.placed
    name = machine.name(tid) if tid else name_of(machine, task)
    used, below = thread.used if tid else facts.used, facts.used_by_children
    images = [(start, end) for start, end, rights, _ in (placed.images if placed else ()) if "x" in rights] or [(0, 0)]
    data = [(start, end) for start, end, rights, _ in (placed.images if placed else ()) if "w" in rights] or [(0, 0)]
    masks = facts.pending | thread.pending, thread.blocked, facts.ignored, facts.handled
    fields = [
        tid or task.pid, f"({os.fsdecode(name)})", thread.state, task.ppid, task.group, task.session, 0, -1, 0,
        used[USED_FAULTS], below[USED_FAULTS], 0, 0, *_times(used), *_times(below),
        -1 - thread.realtime if thread.realtime else 20 + thread.nice, thread.nice, facts.nr_threads, 0,
        task.started_ns * TICKS // SECOND_NS,
        sum(region.pages for region in regions) * PAGE_SIZE, facts.resident, INFINITY,
        images[0][0], images[0][1], placed.sp if placed else 0, thread.sp, thread.pc,
        *(mask & (1 << 31) - 1 for mask in masks),
        0, 0, 0, facts.exit_signal, thread.cpu, thread.realtime, thread.policy & ~RESET_ON_FORK, 0, 0, 0,
        data[0][0], data[-1][1], facts.brk_start, *(placed.arguments if placed else (0, 0)),
        *(placed.variables if placed else (0, 0)), 0,
    ]  # fmt: skip
    return " ".join(map(str, fields)) + "\n"


def _zombie_stat(zombie):
    fields = [zombie.pid, f"({os.fsdecode(zombie.name)})", "Z", zombie.ppid, zombie.group, zombie.session, 0, -1]
    times = zombie.instructions // INSTRUCTIONS_PER_TICK, zombie.system_ns // TICK_NS
    fields += [0] * 5 + [*times, 0, 0, 20, 0, 1] + [0] * 17
    fields += [zombie.exit_signal] + [0] * 13 + [zombie.wait_status]
    return " ".join(map(str, fields)) + "\n"


def _tabbed(numbers):
    return "\t".join(map(str, numbers))


def cpu_list(mask):
    """CPUs as Linux lists them: 0-3,8."""
    runs, cpu = [], 0
    while mask >> cpu:
        if mask >> cpu & 1:
            first = cpu
            while mask >> cpu + 1 & 1:
                cpu += 1
            runs.append(f"{first}-{cpu}" if cpu > first else str(cpu))
        cpu += 1
    return ",".join(runs)


def status_text(machine, task, tid=None):
    try:
        who = machine.credentials(tid or task.pid)
    except LinuxError:  # its first thread has left
        who = task.credentials
    thread, facts, regions = machine.thread_facts(tid or task.pid, task), machine.facts(task), machine.regions(task)
    name = machine.name(tid) if tid else name_of(machine, task)
    kib = {kind: pages * PAGE_SIZE >> 10 for kind, pages in _page_counts(task, regions).items()}
    return (
        f"Name:\t{os.fsdecode(name)}\n"
        f"Umask:\t{task.umask:04o}\nState:\t{STATE_NAMES[thread.state]}\nTgid:\t{task.pid}\nNgid:\t0\n"
        f"Pid:\t{tid or task.pid}\nPPid:\t{task.ppid}\nTracerPid:\t0\n"
        f"Uid:\t{_tabbed(who[:4])}\nGid:\t{_tabbed(who[4:8])}\n"
        f"FDSize:\t{max(64, len(task.files.open_descriptors()))}\nGroups:\t{' '.join(map(str, who.groups))}\n"
        f"VmPeak:\t{kib['all']:8} kB\nVmSize:\t{kib['all']:8} kB\nVmLck:\t{facts.locked * PAGE_SIZE >> 10:8} kB\n"
        f"VmHWM:\t{facts.resident * PAGE_SIZE >> 10:8} kB\nVmRSS:\t{facts.resident * PAGE_SIZE >> 10:8} kB\n"
        f"VmData:\t{kib['data']:8} kB\nVmStk:\t{kib['stack']:8} kB\nVmExe:\t{kib['text']:8} kB\n"
        f"Threads:\t{facts.nr_threads}\n"
        f"SigPnd:\t{thread.pending:016x}\nShdPnd:\t{facts.pending:016x}\nSigBlk:\t{thread.blocked:016x}\n"
        f"SigIgn:\t{facts.ignored:016x}\nSigCgt:\t{facts.handled:016x}\n"
        f"Cpus_allowed:\t{thread.affinity:x}\nCpus_allowed_list:\t{cpu_list(thread.affinity)}\n"
        f"voluntary_ctxt_switches:\t{thread.used[USED_VOLUNTARY]}\nnonvoluntary_ctxt_switches:\t{thread.used[USED_INVOLUNTARY]}\n"
    )


# --- mounts -----------------------------------------------------------------------------------------------------------


def _mounts(tree):
    """(device number, where, kind, options) of all file systems, the root first."""
    found = [(1, "/", "tmpfs", "rw"), (2, "/proc", "proc", "rw,nosuid,nodev,noexec"), (2, "/sys", "sysfs", "ro")]
    for mount in tree.mounts:
        found.append((mount.device, mount.target, "9p", "ro" if mount.read_only else "rw"))
    return found


def _escaped(path):
    return "".join(f"\\{ord(c):03o}" if c in " \t\n\\" else c for c in path)


def mounts_text(tree):
    return "".join(f"emu {_escaped(where)} {kind} {options} 0 0\n" for _, where, kind, options in _mounts(tree))


def mount_info(tree):
    return "".join(
        f"{k} {0 if k == 1 else 1} 0:{device} / {_escaped(where)} {options} - {kind} emu {options.split(',')[0]}\n"
        for k, (device, where, kind, options) in enumerate(_mounts(tree), 1)
    )


# --- memory -----------------------------------------------------------------------------------------------------------


def _page_counts(task, regions):
    counts = {"all": 0, "text": 0, "data": 0, "stack": 0}
    sp = task.placed.sp if task.placed else 0
    for region in regions:
        counts["all"] += region.pages
        if region.start <= sp < region.end:
            counts["stack"] += region.pages
        elif "x" in region.rights:
            counts["text"] += region.pages
        elif region.rights[1] == "w" and region.rights[3] == "p":
            counts["data"] += region.pages
    return counts


def _statm(machine, task):
    counts = _page_counts(task, machine.regions(task))
    data = counts["data"] + counts["stack"]
    return f"{counts['all']} {machine.facts(task).resident} 0 {counts['text']} 0 {data} 0\n"


def _maps(machine, task):
    """One line a region."""
    facts, placed, lines = machine.facts(task), task.placed, []
    images = placed.images if placed else ()
    for start, end, region in _cut(machine.regions(task), [edge for image in images for edge in image[:2]], facts):
        name = next((path for low, high, _, path in images if low <= start < high), "")
        offset = inode = 0
        if region.mapped is not None:
            name, inode = region.mapped.path, region.mapped.inode
            offset = (region.first * PAGE_SIZE) + start - region.start
        elif not name and facts.brk_start <= start < facts.brk:
            name = "[heap]"
        elif placed and start <= placed.sp < end:
            name = "[stack]"
        elif end > USER_TOP - 16 * PAGE_SIZE:
            name = "[vdso]"
        line = f"{start:08x}-{end:08x} {region.rights} {offset:08x} 00:00 {inode}"
        lines.append(f"{line:<72} {name}\n" if name else line + " \n")
    return "".join(lines)


def _cut(regions, edges, facts):
    """(start, end, region), cut where programs and the heap begin and end."""
    edges = sorted({*edges, facts.brk_start})
    for region in regions:
        start = region.start
        for edge in edges:
            if start < edge < region.end:
                yield start, edge, region
                start = edge
        yield start, region.end, region


def _environment(machine, task):
    """As the program's stack has it now."""
    if not task.placed:
        return b""
    start, end = task.placed.variables
    try:
        return machine.read_memory(task, start, end - start)
    except LinuxError:
        return b""


def _limits(machine, task):
    lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}"]
    for number, (name, unit) in enumerate(LIMITS):
        soft, hard = ("unlimited" if each == INFINITY else each for each in machine.limit(task, number))
        lines.append(f"{name:<25} {soft:<20} {hard:<20} {unit:<10}")
    return "\n".join(lines) + "\n"
