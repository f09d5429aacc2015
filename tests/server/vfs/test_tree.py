"""The tree that a machine starts with, and what it says of the machine."""

import gc
import os
import weakref

import pytest

from emu.server.facts import Zombie
from emu.server.vfs.mounts import Mount
from emu.server.vfs.proc_tasks import cpu_list
from tests.server.calls.guest import Guest, Task


def readlink(guest, path):
    at = guest.room(256)
    n = guest.sys("readlinkat", -100, path, at, 256)
    return guest.read(at, n).decode() if isinstance(n, int) else n


def test_the_usual_directories_are_there(guest):
    assert {"bin", "dev", "etc", "proc", "root", "sys", "tmp"} <= set(guest.list("/"))
    assert guest.stat("/tmp")[0] == guest.stat("/dev/shm")[0] == 0o041777
    assert {"null", "zero", "random", "urandom", "full", "shm", "stdout"} <= set(guest.list("/dev"))
    assert guest.list("/etc") == []


def test_cpus_are_told_in_sys_and_proc(guest):
    for name in ("online", "possible", "present"):
        assert guest.contents(f"/sys/devices/system/cpu/{name}") == b"0-3\n"
    assert {"cpu0", "cpu3", "online"} <= set(guest.list("/sys/devices/system/cpu"))
    assert guest.contents("/proc/cpuinfo").count(b"processor\t") == 4
    assert b"MemTotal:           4096 kB" in guest.contents("/proc/meminfo")


def test_proc_self_is_the_callers(guest):
    assert readlink(guest, "/proc/self") == "100" and readlink(guest, "/proc/self/exe") == "/bin/program"
    assert guest.contents("/proc/self/cmdline") == b"program\0argument\0"
    assert guest.contents("/proc/self/comm") == b"program\n"
    assert guest.contents("/proc/self/stat").startswith(b"100 (program) R 1 100 100 ")
    assert len(guest.contents("/proc/100/stat").split()) == 52
    assert b"Pid:\t100\n" in guest.contents("/proc/self/status")
    assert "100" in guest.list("/proc") and guest.open("/proc/101") == "ENOENT"
    other = Task(101)
    guest.machine.task_list.append(other)
    assert guest.contents("/proc/101/stat").startswith(b"101 ")


def test_a_task_that_has_ended_is_shown_as_a_zombie(guest):
    guest.machine.zombie_list.append(Zombie(7, 100, 100, 100, b"gone", 3 << 8, 10_000_000, 30_000_000, 17))
    fields = guest.contents("/proc/7/stat").split()
    assert fields[:5] == [b"7", b"(gone)", b"Z", b"100", b"100"] and len(fields) == 52
    assert (fields[13], fields[14], fields[51]) == (b"2", b"3", b"768")
    assert "7" in guest.list("/proc") and b"State:\tZ (zombie)\n" in guest.contents("/proc/7/status")
    assert guest.contents("/proc/7/cmdline") == b"" and guest.open("/proc/7/maps") == "ENOENT"


def test_limits_and_mounts_are_told_in_proc(tmp_path):
    guest = Guest([Mount(str(tmp_path), "/a b", True)])
    guest.task.limits[7] = (20, 4096)
    assert b"Max open files            20                   4096                 files     \n" in guest.contents(
        "/proc/self/limits"
    )
    assert guest.contents("/proc/mounts").splitlines()[-1] == rb"emu /a\040b 9p rw 0 0"
    assert rb" 1 0:3 / /a\040b rw - 9p emu rw" in guest.contents("/proc/self/mountinfo")
    assert guest.finish() == 0


def test_memory_is_told_region_by_region(guest):
    assert guest.contents("/proc/self/maps") == b"00010000-00020000 r-xp 00000000 00:00 0 \n"
    assert guest.contents("/proc/self/statm") == b"16 0 0 16 0 0 0\n"


def test_the_machine_counts_time_and_threads_in_proc(guest):
    lines = guest.contents("/proc/stat").splitlines()
    assert lines[0] == b"cpu  400 0 0 800 0 0 0 0 0 0" and lines[4].startswith(b"cpu3 100 0 0 200 ")
    assert guest.contents("/proc/loadavg") == b"1.00 1.00 1.00 1/1 1\n"
    assert guest.contents("/proc/sys/kernel/pid_max") == b"536870912\n"
    assert guest.contents("/proc/sys/kernel/random/uuid") != guest.contents("/proc/sys/kernel/random/uuid")
    assert guest.contents("/proc/sys/kernel/random/boot_id") == guest.contents("/proc/sys/kernel/random/boot_id")


@pytest.mark.parametrize(("mask", "text"), [(0b1, "0"), (0b1111, "0-3"), (0b1011, "0-1,3"), (1 << 255, "255"), (0, "")])
def test_cpus_are_listed_as_linux_does(mask, text):
    assert cpu_list(mask) == text


def test_open_files_are_told_in_proc(guest):
    guest.save("/tmp/f", b"text")
    fd = guest.open("/tmp/f")
    assert readlink(guest, f"/proc/self/fd/{fd}") == "/tmp/f" and str(fd) in guest.list("/dev/fd")
    guest.sys("unlinkat", -100, "/tmp/f", 0)
    assert guest.contents(f"/proc/self/fd/{fd}") == b"text", "an open file without a name can be opened again"
    assert readlink(guest, "/proc/self/fd/77") == "ENOENT" and readlink(guest, "/proc/self/fd/x") == "ENOENT"


def test_a_text_stays_the_same_while_it_is_read_in_pieces(guest):
    fd = guest.open("/proc/uptime")
    first = guest.read_file(fd, 3)
    guest.machine.now_ns += 10**12
    assert (first + guest.read_file(fd)).count(b"\n") == 1
    assert guest.sys("lseek", fd, 0, 0) == 0 and guest.read_file(fd, 3) == first


def test_every_entry_can_be_stated_and_every_directory_listed(guest):
    seen, pending = 0, ["/"]
    while pending:
        path = pending.pop()
        for name in guest.list(path):
            below = os.path.join(path, name)
            stat = guest.stat(below, 0x100)
            assert not isinstance(stat, str), (below, stat)
            seen += 1
            if stat[0] & 0o170000 == 0o040000 and name not in ("fd", "fdinfo"):  # listing it changes it
                pending.append(below)
    assert seen > 40


def test_a_directory_of_a_task_is_gone_as_soon_as_nobody_uses_it(guest):
    """Without the collector: else it would keep the task, and files that guest memory pays for."""
    gc.disable()
    try:
        for name in ("fd", "fdinfo", "task", "maps", "exe"):
            directory = guest.tree.root.lookup("proc", guest.task).lookup(str(guest.task.pid), guest.task)
            entry = directory.lookup(name, guest.task)
            if name in ("fd", "fdinfo", "task"):
                assert entry.parent is directory and directory.list(guest.task) and entry.list(guest.task) is not None
            gone = weakref.ref(directory)
            del directory, entry
            assert gone() is None, name
    finally:
        gc.enable()


def test_inode_numbers_in_one_file_system_are_different(guest):
    numbers = [guest.stat(f"/proc/{name}", 0x100)[3] for name in guest.list("/proc")]
    assert len(numbers) == len(set(numbers))


def test_the_end_of_the_machine_gives_every_frame_back(guest):
    for i in range(20):
        guest.save(f"/tmp/f{i}", bytes(5000))
        guest.sys("mkdirat", -100, f"/tmp/d{i}", 0o700)
        guest.sys("linkat", -100, f"/tmp/f{i}", -100, f"/tmp/d{i}/twin", 0)
    held = guest.open("/tmp/f3")
    guest.sys("unlinkat", -100, "/tmp/f3", 0)
    assert guest.finish() == 0 and held >= 0
