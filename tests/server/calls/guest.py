"""A guest that is nothing but one task of a bare machine, 1 MiB of memory and a page store: enough to make calls."""

import ctypes
import functools
import gc
import random
import struct

from emu.abi.errno import ENOSPC, ESRCH, NAMES
from emu.abi.mman import PROT_READ, PROT_WRITE
from emu.abi.syscall_numbers import NUMBERS
from emu.kernel.actions import BLOCK, SERVE
from emu.kernel.files.for_server import close_table, create_table
from emu.kernel.linux.calls import linux_call
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.kernel.vm.address_space import map_region
from emu.limits import SERVER
from emu.server import served  # noqa: F401  (registers the handlers)
from emu.server.calls.registry import execute
from emu.server.credentials import ROOT
from emu.server.errors import Blocked, LinuxError
from emu.server.facts import Counts, Region, TaskFacts, ThreadFacts
from emu.server.file_limits import room_to_write
from emu.server.guest_memory import UserMemory
from emu.server.resource_limits import RLIMIT_NOFILE, limit_of
from emu.server.vfs.initial import initial_tree
from emu.server.vfs.table import FileTable, OpenFiles
from emu.shm.tags import alive
from emu.testing.bare import bare_window

MEMORY_BYTES = 1 << 20
BASE = 0x10000  # guest addresses below are unmapped
AT_FDCWD = -100
ON_CPU = {
    NUMBERS[name] for name in (
        "read", "write", "readv", "writev", "close", "dup", "dup3", "fcntl", "pipe2",
        "socketpair", "sendto", "recvfrom", "sendmsg", "recvmsg", "eventfd2", "epoll_create1", "epoll_ctl",
        "epoll_pwait", "epoll_pwait2",
    )
}  # fmt: skip


@functools.cache
def _linux_call():
    """The hot system calls, callable from here."""
    return ctypes.CFUNCTYPE(*(ctypes.c_int64,) * 4)(linux_call.address)


class PageStore:
    """As server/guest_memory.py's, but frames are bytes of this process, and all files that were mapped stay so."""

    def __init__(self, capacity=512):
        self.frames = {}
        self.references = {}
        self.objects = []  # {page: frame} of files that are mapped
        self.mapped = []  # the MappedFile of each
        self.stored = []  # the pages of each that guests have stored to
        self.memory_bytes = capacity * 4096
        self.capacity = capacity
        self.next = 1

    def allocate(self):
        if len(self.frames) >= self.capacity:
            raise LinuxError(ENOSPC)
        self.frames[self.next], self.references[self.next] = bytearray(4096), 1
        self.next += 1
        return self.next - 1

    def free(self, frame):
        self.references[frame] -= 1
        if self.references[frame] == 0:
            del self.frames[frame], self.references[frame]

    def new_object(self, mapped, nr_pages):
        self.objects.append({})
        self.mapped.append(mapped)
        self.stored.append(set())
        return len(self.objects) - 1

    def set_limit(self, found, nr_pages):
        pass

    def put_page(self, found, page, frame):
        if page not in self.objects[found]:
            self.objects[found][page] = frame
            self.references[frame] += 1

    def cut(self, found, nr_pages):
        for page in [page for page in self.objects[found] if page >= nr_pages]:
            self.free(self.objects[found].pop(page))

    def page(self, found, page):
        return self.objects[found].get(page)

    def modified(self, found, first, end):
        return [page for page in sorted(self.stored[found]) if first <= page < end]

    def clean(self, found, first, end):
        self.stored[found] = {page for page in self.stored[found] if not first <= page < end}

    def let_go(self):
        for found in range(len(self.objects)):
            self.cut(found, 0)
            self.mapped[found].owner.unmapped()
        self.mapped.clear()
        self.objects.clear()

    def read(self, frame, start, count):
        return bytes(self.frames[frame][start : start + count])

    def write(self, frame, start, data):
        self.frames[frame][start : start + len(data)] = data


class Machine:
    nr_cpus = 4
    cpu_mask = 0b1111
    memory_bytes = 2 * 512 * 4096  # half of it is for files
    hostname = "emu"

    def __init__(self):
        self._random = random.Random(1)
        self.now_ns = 1_700_000_000_123_456_789
        self.masks = {100: 0b1111}
        self.nices, self.realtime, self.slacks = {}, {}, {}
        self.names = {100: b"program"}
        self.task_list, self.zombie_list = [], []

    def free_memory_bytes(self):
        return self.memory_bytes // 4

    def random(self, count):
        return self._random.randbytes(count)

    def realtime_ns(self):
        self.now_ns += 1000
        return self.now_ns

    def monotonic_ns(self):
        return self.now_ns - 1_700_000_000_000_000_000

    def tasks(self):
        return self.task_list

    def write_back(self):
        pass

    def zombies(self):
        return self.zombie_list

    def facts(self, task):
        return TaskFacts()

    def thread_facts(self, tid, task):
        return ThreadFacts()

    def regions(self, task):
        return [Region(0x10000, 0x20000, "r-xp")]

    def cpu_times(self):
        return [(10**9, 2 * 10**9)] * self.nr_cpus

    def counts(self):
        return Counts()

    def limit(self, task, number):
        return limit_of(task, number)

    def affinity(self, tid):
        return self.masks.get(tid)

    def set_affinity(self, tid, mask):
        self.masks[tid] = mask
        return 0

    def nice(self, tid):
        return self.nices.get(tid, 0)

    def set_nice(self, tid, value):
        self.nices[tid] = value

    def scheduling(self, tid):
        return self.realtime.get(tid, (0, 0))

    slice_ns = 10_000_000

    def set_scheduling(self, tid, policy, priority, nice=None):
        self.realtime[tid] = policy, priority
        if nice is not None:
            self.nices[tid] = nice

    def credentials(self, tid):
        return self.task_list[0].credentials

    def slack_ns(self, tid):
        return self.slacks.get(tid, 50_000)

    def set_slack_ns(self, tid, value):
        self.slacks[tid] = value

    def name(self, tid):
        if tid not in self.names:
            raise LinuxError(ESRCH)
        return self.names[tid]

    def set_name(self, tid, name):
        self.names[tid] = name[:15]

    def apply_limit(self, task, resource, soft, hard):
        if resource == RLIMIT_NOFILE:
            self.task_records[0]["max_descriptors"] = soft

    def join_group(self, task, group):
        task.group = group

    def begin_session(self, task):
        task.group = task.session = task.pid

    def is_child(self, task, parent):
        return task is not self.task_list[0]

    def threads_of(self, task):
        return [task.pid]


class Task:
    def __init__(self, pid=100, table=None):
        self.pid, self.ppid = pid, 1
        self.group = self.session = pid
        self.files = table
        self.cwd = "/"
        self.umask = 0o022
        self.credentials = ROOT
        self.limits = {}
        self.executed = False
        self.name = b"program"
        self.exe, self.program = "/bin/program", None
        self.argv = [b"program", b"argument"]
        self.placed, self.started_ns = None, 0


class Call:
    def __init__(self, guest, number, args):
        self.number, self.args, self.memo, self.resume_deadline_ns = number, args, None, 0
        self.task, self.tree, self.machine, self.tid = guest.task, guest.tree, guest.machine, guest.task.pid
        self.read, self.write, self.string = guest.read, guest.write, guest.string
        self.reserve = guest.memory.reserve
        self.no_signal = False

    @property
    def credentials(self):
        return self.task.credentials

    @credentials.setter
    def credentials(self, wanted):
        self.task.credentials = wanted

    def go_to_machine(self):
        pass  # it has no file server

    def set_umask(self, mask):
        pass

    def clock_ns(self, clock):
        return 1_750_000_000

    def room_to_write(self, file, position, count):
        return room_to_write(self, file, position, count)


class Guest:
    """`guest.sys("openat", path, …)` makes a call; str and bytes arguments are put into memory first."""

    def __init__(self, mounts=(), capacity=512):
        self._window = bare_window(cpus=1)
        self.window = self._window.__enter__()
        self.base = self.window.address
        self.index = self._new_task()
        assert map_region(self.base, SERVER, self.index, BASE, MEMORY_BYTES, PROT_READ | PROT_WRITE) == 0
        self.thread = create_thread(self.base, SERVER, self.index)
        self.machine = Machine()
        self.machine.memory_bytes = max(2 * capacity * 4096, Machine.memory_bytes)
        self.machine.task_records = self.window.machine["tasks"]
        self.store = PageStore(capacity)
        self.tree = initial_tree(self.machine, self.store, mounts)
        self.open_files = OpenFiles(self.window, SERVER, self.machine.realtime_ns, self.tree.allowance)
        self.task = Task(table=FileTable(self.open_files, self.index))
        self.machine.task_list.append(self.task)
        self.memory = UserMemory(self.window, SERVER, self.index)
        self.read, self.write, self.string = self.memory.read, self.memory.write, self.memory.string
        self.used = 0

    def _new_task(self):
        """A task without threads, with an empty descriptor table."""
        task = create_task(self.base, SERVER)
        assert task >= 0 and create_table(self.base, SERVER, task) == 0
        return task

    def limit_descriptors(self, count):
        """Set RLIMIT_NOFILE."""
        assert self.sys("prlimit64", 0, 7, struct.pack("<QQ", count, max(count, 4096)), 0) == 0

    # --- memory

    def put(self, data):
        """Address of these bytes in guest memory."""
        if self.used + len(data) > MEMORY_BYTES:
            self.used = 0
        address = BASE + self.used
        self.write(address, data)
        self.used += len(data) + 15 & ~15
        return address

    def room(self, count):
        return self.put(bytes(count))

    # --- calls

    def prepare(self, name, *arguments):
        values = []
        for value in arguments:
            if isinstance(value, str):
                value = value.encode() + b"\0"
            if isinstance(value, bytes):
                value = self.put(value)
            values.append(value & ((1 << 64) - 1))
        return Call(self, NUMBERS[name], tuple(values + [0] * (6 - len(values))))

    def execute(self, call):
        """A call's result, by the CPU's hot code or by the server's handler. Blocked."""
        self.open_files.close_orphans()
        try:
            action, result = self._on_cpu(call) if call.number in ON_CPU else (SERVE, 0)
            assert action != BLOCK, "a call sleeps in the kernel: no test of the server's"
            return execute(call) if action == SERVE else result
        finally:
            self.open_files.watched.publish()
            self.open_files.give_back()
            self.open_files.close_orphans()

    def _on_cpu(self, call):
        """(what the CPU does next, a0)."""
        thread = self.window.machine["threads"][self.thread]
        self.window.machine["cpus"][0]["current"] = self.thread
        thread["sleep_done"] = 0
        thread["x"][17] = call.number
        for k, value in enumerate(call.args):
            thread["x"][10 + k] = value - ((value >> 63) << 64)
        return _linux_call()(self.base, 0, self.thread), int(thread["x"][10])

    def sys(self, name, *arguments):
        """Result of the call, or the name of its error."""
        result = self.execute(self.prepare(name, *arguments))
        return result if result >= 0 else NAMES[-result]

    def blocks(self, name, *arguments):
        """The Blocked that the call raises, and the call."""
        call = self.prepare(name, *arguments)
        try:
            result = self.execute(call)
        except Blocked as blocked:
            return blocked, call
        raise AssertionError(f"{name} did not block but gave {result}")

    def open(self, path, flags=0, mode=0o644):
        return self.sys("openat", AT_FDCWD, path, flags, mode)

    def read_file(self, fd, count=4096):
        address = self.room(count)
        n = self.sys("read", fd, address, count)
        return self.read(address, n) if isinstance(n, int) else n

    def contents(self, path):
        fd = self.open(path)
        if isinstance(fd, str):
            return fd
        data = self.read_file(fd, 1 << 16)
        self.sys("close", fd)
        return data

    def save(self, path, data):
        fd = self.open(path, 0o1101)
        if isinstance(fd, str):
            return fd
        assert self.sys("write", fd, self.put(data), len(data)) == len(data)
        return self.sys("close", fd)

    def stat(self, path, flags=0):
        """(mode, links, size, inode) or the error."""
        address = self.room(128)
        result = self.sys("newfstatat", AT_FDCWD, path, address, flags)
        if result != 0:
            return result
        raw = self.read(address, 128)
        _, inode, mode, links = struct.unpack_from("<QQII", raw)
        return mode, links, struct.unpack_from("<q", raw, 48)[0], inode

    def list(self, path):
        """Names in a directory, sorted, without "." and ".."."""
        fd = self.open(path, 0o200000)
        if isinstance(fd, str):
            return fd
        names, address = [], self.room(512)
        while (n := self.sys("getdents64", fd, address, 512)) != 0:
            assert isinstance(n, int), n
            raw = self.read(address, n)
            while raw:
                size = struct.unpack_from("<H", raw, 16)[0]
                names.append(raw[19:size].split(b"\0")[0].decode())
                raw = raw[size:]
        self.sys("close", fd)
        assert names[:2] == [".", ".."]
        return sorted(names[2:])

    def data_frames(self):
        """How many frames hold data of files, rather than pay for what the server holds."""
        return len(self.store.frames) - len(self.tree.allowance._frames)

    def finish(self):
        """Close and drop everything; the number of frames still in use."""
        if self.task is None:
            return len(self.store.frames)
        for task in range(int(self.window.machine["fresh_task"])):
            close_table(self.base, SERVER, task)
        self.open_files.close_orphans()
        self.task = None
        self.machine.task_list.clear()
        self.tree.close()
        self.store.let_go()
        left = alive(self.window.machine)
        assert "open file" not in left and "pipe" not in left and "pipe page" not in left, left
        del self.memory, self.read, self.write, self.string
        self.machine.task_records = None
        self._window.__exit__(None, None, None)
        gc.collect()  # calls that waited, which a test kept with their tracebacks
        return len(self.store.frames)
