"""Served Linux calls about the machine, limits and scheduling parameters.

Root may do what Linux lets root do; only what would change the machine is refused (EPERM).  Nice values, real-time
priorities and timer slack reach the machine's scheduler and timekeeper.  Whatever Linux policy a guest asks for, the
person who started the machine has chosen the policy that runs, and that decides what it makes of these values.
"""

import struct

from ...abi.clocks import SECOND_NS
from ...abi.errno import EACCES, EINVAL, ENAMETOOLONG, ENOSYS, EPERM, ESRCH
from ...limits import MAX_SIGINFOS_PER_TASK, NAME_BYTES
from ..errors import LinuxError
from ..resource_limits import RLIMIT_NOFILE, RLIMIT_SIGPENDING, limit_of
from .registry import Int32, Pointer, Size, UInt32, UInt64, served

RELEASE = "6.6.0"
LOAD_SHIFT = 16  # sysinfo's load averages are those of this moment, as in /proc/loadavg
MACHINE = "riscv64"
NR_OPEN = 1 << 16  # no task may open more files: /proc/sys/fs/nr_open

PR_SET_NAME, PR_GET_NAME = 15, 16
PR_SET_TIMERSLACK, PR_GET_TIMERSLACK = 29, 30
MAX_SLACK_NS = 1 << 61  # the sum of a deadline and this fits into a word
SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 0, 1, 2, 3, 5
PRIORITIES = {SCHED_OTHER: (0, 0), SCHED_FIFO: (1, 99), SCHED_RR: (1, 99), SCHED_BATCH: (0, 0), SCHED_IDLE: (0, 0)}
RESET_ON_FORK = 0x40000000
RR_INTERVAL_NS = 100_000_000

# riscv_hwprobe keys of this release and their values: IMA with F, D, C, Zba, Zbb, Zbs, Zicboz, Zicond;
# misaligned accesses work, slowly; the block that cbo.zero clears is 64 bytes.
EXTENSIONS = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 35
HWPROBE = {0: 0, 1: 0, 2: 0, 3: 1, 4: EXTENSIONS, 5: 2, 6: 64}


# --- the machine ----------------------------------------------------------------------------------------------------


@served("uname")
def uname(call, address: Pointer):
    fields = ("Linux", call.machine.hostname, RELEASE, "#1 SMP emu", MACHINE, "(none)")
    call.write(address, b"".join(field.encode()[:64].ljust(65, b"\0") for field in fields))
    return 0


@served("sysinfo")
def sysinfo(call, address: Pointer):
    machine = call.machine
    uptime = machine.monotonic_ns() // SECOND_NS
    free = machine.free_memory_bytes()
    tasks, load = len(machine.tasks()), machine.counts().running << LOAD_SHIFT
    call.write(address, struct.pack(
        "<qQQQQQQQQQHHIQQII",
        uptime, load, load, load, machine.memory_bytes, free, 0, 0, 0, 0, tasks, 0, 0, 0, 0, 1, 0,
    ))  # fmt: skip
    return 0


@served("getrandom")
def getrandom(call, address: Pointer, count: Size, flags: UInt32):
    if flags & ~7 or flags & 6 == 6:  # GRND_RANDOM with GRND_INSECURE
        raise LinuxError(EINVAL)
    count = min(count, 1 << 20)
    call.write(address, call.machine.random(count))
    return count


@served("gettimeofday")
def gettimeofday(call, time_at: Pointer, zone_at: Pointer):
    if time_at:
        seconds, ns = divmod(call.machine.realtime_ns(), SECOND_NS)
        call.write(time_at, struct.pack("<qq", seconds, ns // 1000))
    if zone_at:
        call.write(zone_at, bytes(8))
    return 0


@served("clock_settime", "settimeofday", "sethostname", "setdomainname", "reboot", "mount", "umount2", "chroot")
def not_permitted(call):
    raise LinuxError(EPERM)


@served("rseq", "get_mempolicy", "set_mempolicy", "mbind")
def not_offered(call):
    raise LinuxError(ENOSYS)


@served("riscv_hwprobe")
def riscv_hwprobe(call, pairs_at: Pointer, count: Size, cpus_bytes: Size, cpus_at: Pointer, flags: UInt32):
    if flags or count > 1 << 16:
        raise LinuxError(EINVAL)
    if cpus_bytes or cpus_at:
        mask = int.from_bytes(call.read(cpus_at, min(cpus_bytes, 1024)), "little")
        if not mask & call.machine.cpu_mask:
            raise LinuxError(EINVAL)
    keys = [key for key, _ in struct.iter_unpack("<qQ", call.read(pairs_at, count * 16))] if count else []
    known = [(key, HWPROBE[key]) if key in HWPROBE else (-1, 0) for key in keys]
    call.write(pairs_at, b"".join(struct.pack("<qQ", *pair) for pair in known))
    return 0


@served("riscv_flush_icache", "mlock", "mlock2", "munlock", "mlockall", "munlockall")
def nothing_to_do(call):
    """Calls that need do nothing: decoded instructions follow writes by themselves, memory is never paged out."""
    return 0


# --- limits and usage -----------------------------------------------------------------------------------------------


def _set_limit(call, task, resource, address):
    soft, hard = struct.unpack("<QQ", call.read(address, 16))
    limit_of(task, resource)
    if soft > hard:
        raise LinuxError(EINVAL)
    if resource == RLIMIT_NOFILE and hard > NR_OPEN:
        raise LinuxError(EPERM)
    if hard > limit_of(task, resource)[1] and not call.credentials.privileged:
        raise LinuxError(EPERM)
    task.limits[resource] = (soft, hard)
    if resource == RLIMIT_SIGPENDING:
        call.machine.set_max_siginfos(task, min(soft, MAX_SIGINFOS_PER_TASK))
    elif resource == RLIMIT_NOFILE:
        call.machine.set_max_descriptors(task, soft)


def _task(call, pid):
    """The task of a pid, 0 meaning the caller's; ESRCH."""
    if pid in (0, call.task.pid):
        return call.task
    for task in call.machine.tasks():
        if task.pid == pid:
            return task
    raise LinuxError(ESRCH)


@served("prlimit64")
def prlimit64(call, pid: Int32, resource: Int32, new_at: Pointer, old_at: Pointer):
    task = _task(call, pid)
    old = struct.pack("<QQ", *limit_of(task, resource))
    if new_at:
        _set_limit(call, task, resource, new_at)
    if old_at:
        call.write(old_at, old)
    return 0


@served("getrlimit")
def getrlimit(call, resource: Int32, address: Pointer):
    call.write(address, struct.pack("<QQ", *limit_of(call.task, resource)))
    return 0


@served("setrlimit")
def setrlimit(call, resource: Int32, address: Pointer):
    _set_limit(call, call.task, resource, address)
    return 0


# --- users, groups, sessions ----------------------------------------------------------------------------------------


@served("getpgid")
def getpgid(call, pid: Int32):
    return _task(call, pid).group


@served("setpgid")
def setpgid(call, pid: Int32, group: Int32):
    """A new group of the task's own, or one that a task of its session is in."""
    if group < 0:
        raise LinuxError(EINVAL)
    task = _task(call, pid)
    group = group or task.pid
    if task is not call.task and not call.machine.is_child(task, call.task):
        raise LinuxError(ESRCH)
    if task is not call.task and task.executed:
        raise LinuxError(EACCES)
    if task.session == task.pid or task.session != call.task.session:  # a session's leader keeps its group
        raise LinuxError(EPERM)
    if group != task.pid and not any(
        each.group == group and each.session == task.session for each in call.machine.tasks()
    ):
        raise LinuxError(EPERM)
    call.machine.join_group(task, group)
    return 0


@served("getsid")
def getsid(call, pid: Int32):
    return _task(call, pid).session


@served("setsid")
def setsid(call):
    task = call.task
    if any(each.group == task.pid for each in call.machine.tasks()):
        raise LinuxError(EPERM)
    call.machine.begin_session(task)
    return task.pid


@served("personality")
def personality(call, wanted: UInt32):
    """Only PER_LINUX, which is also the answer to the question (0xffffffff)."""
    if wanted not in (0, 0xFFFFFFFF):
        raise LinuxError(EINVAL)
    return 0


@served("prctl")
def prctl(call, option: Int32, argument: UInt64):
    """Set or get the thread's name or its timer slack (0: the machine's)."""
    if option == PR_SET_NAME:
        try:
            name = call.string(argument, NAME_BYTES)
        except LinuxError as error:
            if error.errno != ENAMETOOLONG:
                raise
            name = call.read(argument, NAME_BYTES - 1)
        call.machine.set_name(call.tid, name)
        return 0
    if option == PR_GET_NAME:
        call.write(argument, call.machine.name(call.tid).ljust(NAME_BYTES, b"\0"))
        return 0
    if option == PR_SET_TIMERSLACK:
        call.machine.set_slack_ns(call.tid, min(argument, MAX_SLACK_NS))
        return 0
    if option == PR_GET_TIMERSLACK:
        return call.machine.slack_ns(call.tid)
    raise LinuxError(EINVAL)


# --- scheduling parameters ------------------------------------------------------------------------------------------


def _thread(call, tid):
    """The tid of an existing thread, 0 meaning the caller; ESRCH, EINVAL."""
    if tid < 0:
        raise LinuxError(EINVAL)
    if tid in (0, call.tid):
        return call.tid
    if call.machine.affinity(tid) is None:
        raise LinuxError(ESRCH)
    return tid


def _parameters_of(call, tid):
    return call.machine.scheduling(_thread(call, tid))


def _set_parameters(call, tid, policy, priority):
    tid = _thread(call, tid)
    if policy not in PRIORITIES:
        raise LinuxError(EINVAL)
    lowest, highest = PRIORITIES[policy]
    if not lowest <= priority <= highest:
        raise LinuxError(EINVAL)
    if priority and not call.credentials.privileged:
        raise LinuxError(EPERM)
    call.machine.set_scheduling(tid, policy, priority)
    return 0


@served("sched_getaffinity")
def sched_getaffinity(call, tid: Int32, size: UInt32, address: Pointer):
    if size * 8 < call.machine.nr_cpus or size % 8:
        raise LinuxError(EINVAL)
    mask = call.machine.affinity(_thread(call, tid))
    if mask is None:
        raise LinuxError(ESRCH)
    known = mask.to_bytes(-(-call.machine.nr_cpus // 64) * 8, "little")
    call.write(address, known)
    return len(known)


@served("sched_setaffinity")
def sched_setaffinity(call, tid: Int32, size: UInt32, address: Pointer):
    mask = int.from_bytes(call.read(address, min(size, 1024)), "little") & call.machine.cpu_mask
    tid = _thread(call, tid)
    if not mask:
        raise LinuxError(EINVAL)
    return -call.machine.set_affinity(tid, mask)


@served("sched_getscheduler")
def sched_getscheduler(call, tid: Int32):
    return _parameters_of(call, tid)[0]


@served("sched_setscheduler")
def sched_setscheduler(call, tid: Int32, policy: Int32, address: Pointer):
    priority = struct.unpack("<i", call.read(address, 4))[0]
    return _set_parameters(call, tid, policy & ~RESET_ON_FORK, priority)


@served("sched_getparam")
def sched_getparam(call, tid: Int32, address: Pointer):
    call.write(address, struct.pack("<i", _parameters_of(call, tid)[1]))
    return 0


@served("sched_setparam")
def sched_setparam(call, tid: Int32, address: Pointer):
    priority = struct.unpack("<i", call.read(address, 4))[0]
    return _set_parameters(call, tid, _parameters_of(call, tid)[0], priority)


def _priorities(policy):
    if policy not in PRIORITIES:
        raise LinuxError(EINVAL)
    return PRIORITIES[policy]


@served("sched_get_priority_min")
def sched_get_priority_min(call, policy: Int32):
    return _priorities(policy)[0]


@served("sched_get_priority_max")
def sched_get_priority_max(call, policy: Int32):
    return _priorities(policy)[1]


@served("sched_rr_get_interval")
def sched_rr_get_interval(call, tid: Int32, address: Pointer):
    policy, _ = _parameters_of(call, tid)
    call.write(address, struct.pack("<qq", 0, 0 if policy == SCHED_FIFO else RR_INTERVAL_NS))
    return 0


@served("getpriority")
def getpriority(call, which: Int32, who: Int32):
    """20 - nice, as the kernel gives it (the C library turns it round)."""
    return 20 - min(call.machine.nice(tid) for tid in _threads_of_priority(call, which, who))


@served("setpriority")
def setpriority(call, which: Int32, who: Int32, value: Int32):
    for tid in _threads_of_priority(call, which, who):
        if value < call.machine.nice(tid) and not call.credentials.privileged:
            raise LinuxError(EACCES)
        call.machine.set_nice(tid, max(-20, min(19, value)))
    return 0


def _threads_of_priority(call, which, who):
    """Their tids: one thread (0), as in Linux, or all of the caller's task, for groups (1) and users (2)."""
    if which not in (0, 1, 2):
        raise LinuxError(EINVAL)
    return call.machine.threads_of(call.task) if which else [_thread(call, who)]
