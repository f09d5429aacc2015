"""Calls about the machine, limits, users, sessions and scheduling parameters."""

import struct

from emu.server.calls.info import MAX_SLACK_NS
from emu.server.credentials import ROOT
from tests.server.calls.guest import Task

SELF = 100


def words(guest, address, count, kind="Q"):
    return struct.unpack(f"<{count}{kind}", guest.read(address, struct.calcsize(f"<{count}{kind}")))


def test_uname_names_linux_on_riscv64(guest):
    at = guest.room(390)
    assert guest.sys("uname", at) == 0
    fields = [guest.read(at + 65 * i, 65).rstrip(b"\0").decode() for i in range(6)]
    assert fields[0] == "Linux" and fields[1] == "emu" and fields[2] == "6.6.0" and fields[4] == "riscv64"
    assert guest.sys("uname", 8) == "EFAULT"


def test_random_bytes_come_from_the_machines_seed(guest):
    at = guest.room(32)
    assert guest.sys("getrandom", at, 32, 0) == 32
    first = guest.read(at, 32)
    assert guest.sys("getrandom", at, 32, 1) == 32 and guest.read(at, 32) != first
    assert guest.sys("getrandom", at, 1, 8) == "EINVAL" and guest.sys("getrandom", 8, 1, 0) == "EFAULT"


def test_limits_are_kept(guest):
    at, new = guest.room(16), guest.put(struct.pack("<QQ", 10, 20))
    assert guest.sys("prlimit64", 0, 7, 0, at) == 0 and words(guest, at, 2) == (1024, 4096)
    assert guest.sys("getrlimit", 3, at) == 0 and words(guest, at, 2) == (8 << 20, (1 << 64) - 1)
    assert guest.sys("prlimit64", SELF, 7, new, at) == 0 and words(guest, at, 2) == (1024, 4096)
    assert guest.sys("getrlimit", 7, at) == 0 and words(guest, at, 2) == (10, 20)
    assert guest.sys("setrlimit", 7, guest.put(struct.pack("<QQ", 21, 20))) == "EINVAL"
    assert guest.sys("getrlimit", 16, at) == "EINVAL" and guest.sys("prlimit64", 5, 7, 0, at) == "ESRCH"


def test_sysinfo_tells_memory_and_tasks(guest):
    at = guest.room(112)
    assert guest.sys("sysinfo", at) == 0
    values = struct.unpack("<q9QHHIQQII", guest.read(at, 112))
    assert values[4] == guest.machine.memory_bytes and values[5] == guest.machine.free_memory_bytes()
    assert values[1:4] == (1 << 16,) * 3 and values[10] == 1 and values[15] == 1


def test_groups_and_sessions(guest):
    child = Task(101)
    child.group = child.session = SELF
    guest.machine.task_list.append(child)
    assert guest.sys("getpgid", 0) == SELF and guest.sys("getpgid", 101) == SELF and guest.sys("getsid", 101) == SELF
    assert guest.sys("setpgid", 0, 0) == "EPERM"  # the leader of a session
    assert guest.sys("setpgid", 101, 77) == "EPERM"
    assert guest.sys("setpgid", 101, 0) == 0 and child.group == 101
    assert guest.sys("setpgid", 101, SELF) == 0 and child.group == SELF
    assert guest.sys("setsid") == "EPERM" and guest.sys("getpgid", 55) == "ESRCH"
    guest.task = child
    assert guest.sys("setsid") == 101 and child.session == child.group == 101
    guest.task = guest.machine.task_list[0]


def test_names_of_threads_are_cut_to_fifteen_bytes(guest):
    at = guest.room(16)
    assert guest.sys("prctl", 15, "a name that is too long") == 0
    assert guest.sys("prctl", 16, at) == 0 and guest.read(at, 16) == b"a name that is \0"
    assert guest.sys("prctl", 15, "short") == 0 and guest.machine.names[SELF] == b"short"
    assert guest.contents("/proc/self/comm") == b"short\n", "a task is called what its first thread is"
    assert guest.sys("prctl", 999) == "EINVAL" and guest.sys("prctl", 15, 8) == "EFAULT"


def test_timer_slack_is_a_threads_own(guest):
    assert guest.sys("prctl", 30) == 50_000
    assert guest.sys("prctl", 29, 1) == 0 and guest.sys("prctl", 30) == 1
    assert guest.sys("prctl", 29, 0) == 0 and guest.machine.slacks[SELF] == 0
    assert guest.sys("prctl", 29, -1) == 0 and guest.machine.slacks[SELF] == MAX_SLACK_NS


def test_affinity_is_a_mask_of_the_cpus_there_are(guest):
    at = guest.room(128)
    assert guest.sys("sched_getaffinity", 0, 128, at) == 8 and words(guest, at, 1) == (0b1111,)
    assert guest.sys("sched_getaffinity", 0, 4, at) == "EINVAL" and guest.sys("sched_getaffinity", 99, 8, at) == "ESRCH"
    assert guest.sys("sched_setaffinity", 0, 8, struct.pack("<Q", 0xF2)) == 0
    assert guest.sys("sched_getaffinity", SELF, 8, at) == 8 and words(guest, at, 1) == (0b10,)
    assert guest.sys("sched_setaffinity", 0, 8, struct.pack("<Q", 0xF0)) == "EINVAL"
    assert guest.sys("sched_setaffinity", 99, 8, struct.pack("<Q", 1)) == "ESRCH"


def test_scheduling_parameters_are_checked_and_given_back(guest):
    at = guest.put(struct.pack("<i", 10))
    assert guest.sys("sched_getscheduler", 0) == 0
    assert guest.sys("sched_setscheduler", 0, 0, at) == "EINVAL"
    assert guest.sys("sched_setscheduler", 0, 9, at) == "EINVAL"
    assert guest.sys("sched_setscheduler", 0, 1, at) == 0 and guest.sys("sched_getscheduler", SELF) == 1
    assert guest.sys("sched_setparam", 0, guest.put(struct.pack("<i", 20))) == 0
    assert guest.sys("sched_getparam", 0, at) == 0 and words(guest, at, 1, "i") == (20,)
    assert guest.sys("sched_get_priority_max", 2) == 99 and guest.sys("sched_get_priority_min", 0) == 0
    assert guest.sys("sched_get_priority_min", 4) == "EINVAL" and guest.sys("sched_getscheduler", 99) == "ESRCH"
    at = guest.room(16)
    assert guest.sys("sched_rr_get_interval", 0, at) == 0 and words(guest, at, 2) == (0, 0)
    assert guest.sys("getpriority", 0, 0) == 20 and guest.sys("setpriority", 0, 0, 30) == 0
    assert guest.sys("getpriority", 0, 0) == 1 and guest.sys("getpriority", 3, 0) == "EINVAL"


def test_hwprobe_tells_the_extensions_and_does_not_know_other_keys(guest):
    at = guest.put(struct.pack("<qQqQqQ", 3, 0, 4, 0, 77, 5))
    assert guest.sys("riscv_hwprobe", at, 3, 0, 0, 0) == 0
    assert struct.unpack("<qQqQqQ", guest.read(at, 48)) == (3, 1, 4, 0x80000007B, -1, 0)
    assert guest.sys("riscv_hwprobe", at, 1, 8, struct.pack("<Q", 1), 0) == 0
    assert guest.sys("riscv_hwprobe", at, 1, 8, struct.pack("<Q", 1 << 9), 0) == "EINVAL"
    assert guest.sys("riscv_hwprobe", at, 1, 0, 0, 1) == "EINVAL"


def test_what_is_accepted_refused_and_missing(guest):
    for call in ("riscv_flush_icache", "mlock", "munlock", "mlockall", "munlockall", "msync", "sync"):
        assert guest.sys(call) == 0
    for call in ("sethostname", "clock_settime", "settimeofday"):
        assert guest.sys(call) == "EPERM"
    for call in ("rseq", "get_mempolicy", "set_mempolicy"):
        assert guest.sys(call) == "ENOSYS"
    assert guest.sys("personality", 0xFFFFFFFF) == 0 and guest.sys("personality", 8) == "EINVAL"
    at = guest.room(16)
    assert guest.sys("gettimeofday", at, 0) == 0 and words(guest, at, 2)[0] == 1_700_000_000


def test_io_priorities_follow_nice_and_are_checked(guest):
    assert guest.sys("ioprio_get", 1, 0) == 2 << 13 | 4
    guest.sys("setpriority", 0, 0, 19)
    assert guest.sys("ioprio_get", 1, 100) == 2 << 13 | 7 and guest.sys("ioprio_get", 2, 0) == 2 << 13 | 7
    assert guest.sys("ioprio_get", 1, 77) == "ESRCH" and guest.sys("ioprio_get", 4, 0) == "EINVAL"
    assert guest.sys("ioprio_set", 1, 0, 3 << 13) == 0 and guest.sys("ioprio_set", 1, 0, 4 << 13) == "EINVAL"


def test_the_kernels_log_is_empty(guest):
    at = guest.room(64)
    assert guest.sys("syslog", 3, at, 64) == 0 and guest.sys("syslog", 10, 0, 0) == 1 << 14
    assert guest.sys("syslog", 3, 0, 64) == guest.sys("syslog", 11, at, 64) == guest.sys("syslog", 8, 0, 9) == "EINVAL"
    guest.task.credentials = ROOT._replace(euid=5)
    assert guest.sys("syslog", 5, 0, 0) == "EPERM" and guest.sys("syslog", 10, 0, 0) == 1 << 14
