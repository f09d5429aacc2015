"""Root may become another user and not go back; what others may do with files follows their permission bits."""

import struct

import pytest

from emu.server.credentials import ROOT, UNUSED_MAX, Credentials, CredentialTable
from tests.server.calls.guest import AT_FDCWD

CREATE, RDONLY, WRONLY, RDWR, TRUNC = 0o100, 0, 1, 2, 0o1000
ALICE, BOB, STAFF = 1000, 1001, 50
KEEP = -1
R, W, X, AT_EACCESS = 4, 2, 1, 0x200


def become(guest, uid, *groups):
    """Root again, then another user for good, with these supplementary groups."""
    guest.task.credentials = ROOT
    assert guest.sys("setgroups", len(groups), struct.pack(f"<{len(groups)}I", *groups)) == 0
    assert guest.sys("setgid", uid) == 0 and guest.sys("setuid", uid) == 0


def identities(guest, name):
    at = guest.room(12)
    assert guest.sys(name, at, at + 4, at + 8) == 0
    return struct.unpack("<3I", guest.read(at, 12))


def test_root_becomes_another_user_and_cannot_go_back(guest):
    assert [guest.sys(name) for name in ("getuid", "geteuid", "getgid", "getegid")] == [0] * 4
    become(guest, ALICE)
    assert [guest.sys(name) for name in ("getuid", "geteuid", "getgid", "getegid")] == [ALICE] * 4
    assert identities(guest, "getresuid") == (ALICE,) * 3 and identities(guest, "getresgid") == (ALICE,) * 3
    assert guest.sys("setuid", 0) == "EPERM" and guest.sys("setgid", 0) == "EPERM"
    assert guest.sys("setresuid", KEEP, 0, KEEP) == "EPERM" and guest.sys("setreuid", 0, KEEP) == "EPERM"
    assert guest.sys("setgroups", 0, 0) == "EPERM" and guest.sys("setuid", ALICE) == 0


def test_a_saved_user_is_a_way_back(guest):
    assert guest.sys("setresuid", ALICE, ALICE, 0) == 0
    assert guest.sys("setuid", BOB) == "EPERM" and guest.sys("setuid", 0) == 0
    assert identities(guest, "getresuid") == (ALICE, 0, 0)
    assert guest.sys("setuid", BOB) == 0 and identities(guest, "getresuid") == (BOB,) * 3


def test_real_and_effective_are_exchanged_and_the_saved_one_follows(guest):
    assert guest.sys("setreuid", KEEP, ALICE) == 0 and identities(guest, "getresuid") == (0, ALICE, ALICE)
    assert guest.sys("setreuid", ALICE, 0) == 0 and identities(guest, "getresuid") == (ALICE, 0, 0)
    assert guest.sys("setregid", STAFF, KEEP) == 0 and identities(guest, "getresgid") == (STAFF, 0, 0)
    assert guest.sys("setuid", KEEP) == "EINVAL"


def test_the_user_for_files_tells_what_it_was(guest):
    assert guest.sys("setfsuid", ALICE) == 0 and guest.sys("setfsuid", KEEP) == ALICE
    assert guest.sys("setfsgid", STAFF) == 0 and guest.sys("setfsgid", KEEP) == STAFF
    become(guest, ALICE)
    assert guest.sys("setfsuid", 0) == ALICE and guest.sys("setfsuid", KEEP) == ALICE


def test_groups_are_kept_in_order_and_bounded(guest):
    assert guest.sys("setgroups", 3, struct.pack("<3I", 7, 5, 6)) == 0 and guest.sys("getgroups", 0, 0) == 3
    at = guest.room(12)
    assert guest.sys("getgroups", 3, at) == 3 and struct.unpack("<3I", guest.read(at, 12)) == (5, 6, 7)
    assert guest.sys("getgroups", 2, at) == "EINVAL" and guest.sys("setgroups", 33, at) == "EINVAL"
    assert guest.sys("setgroups", 1, 8) == "EFAULT" and guest.sys("setgroups", 0, 0) == 0


def test_capabilities_are_all_or_none(guest):
    header, data = guest.put(struct.pack("<Ii", 0x20080522, 0)), guest.room(24)
    assert guest.sys("capget", header, data) == 0
    assert struct.unpack("<6I", guest.read(data, 24)) == (0xFFFFFFFF, 0xFFFFFFFF, 0, 0x1FF, 0x1FF, 0)
    assert guest.sys("capset", header, data) == 0
    become(guest, ALICE)
    assert guest.sys("capset", header, data) == "EPERM"
    assert guest.sys("capget", header, data) == 0 and not any(guest.read(data, 24))
    old = guest.put(struct.pack("<Ii", 1, 0))
    assert guest.sys("capget", old, 0) == 0 and struct.unpack("<I", guest.read(old, 4)) == (0x20080522,)
    assert guest.sys("capget", old - 0, 0) == 0


def test_status_says_who_it_is(guest):
    become(guest, ALICE, 7, 8)
    text = guest.contents("/proc/self/status").decode()
    assert "Uid:\t1000\t1000\t1000\t1000\n" in text and "Groups:\t7 8\n" in text


@pytest.mark.parametrize(
    ("user", "groups", "mode", "allowed"),
    [(ALICE, (), 0o700, R | W | X), (ALICE, (), 0o077, 0), (BOB, (), 0o750, 0), (BOB, (STAFF,), 0o750, R | X),
     (BOB, (STAFF,), 0o707, 0), (BOB, (), 0o706, R | W)],
)  # fmt: skip
def test_the_first_class_that_fits_decides(guest, user, groups, mode, allowed):
    guest.save("/tmp/f", b"text")
    assert guest.sys("fchownat", AT_FDCWD, "/tmp/f", ALICE, STAFF, 0) == 0
    assert guest.sys("fchmodat", AT_FDCWD, "/tmp/f", mode) == 0
    become(guest, user, *groups)
    for flags, needed in ((RDONLY, R), (WRONLY, W), (RDWR, R | W), (RDONLY | TRUNC, R | W)):
        fd = guest.open("/tmp/f", flags)
        assert fd == "EACCES" if needed & ~allowed else isinstance(fd, int)
    for mode in range(8):
        assert guest.sys("faccessat", AT_FDCWD, "/tmp/f", mode) == ("EACCES" if mode & ~allowed else 0)
    assert guest.sys("truncate", "/tmp/f", 0) == (0 if allowed & W else "EACCES")


def test_a_directory_is_entered_listed_and_changed_by_its_own_bits(guest):
    guest.sys("mkdirat", AT_FDCWD, "/d", 0o711)
    guest.save("/d/f", b"text")
    become(guest, ALICE)
    assert guest.contents("/d/f") == b"text" and guest.open("/d", 0o200000) == "EACCES"
    assert guest.open("/d/new", CREATE | WRONLY) == "EACCES" and guest.sys("unlinkat", AT_FDCWD, "/d/f", 0) == "EACCES"
    assert guest.sys("mkdirat", AT_FDCWD, "/d/e", 0o700) == "EACCES"
    assert guest.sys("symlinkat", "f", AT_FDCWD, "/d/l") == "EACCES"
    assert guest.sys("renameat2", AT_FDCWD, "/d/f", AT_FDCWD, "/tmp/f", 0) == "EACCES"
    guest.task.credentials = ROOT
    guest.sys("fchmodat", AT_FDCWD, "/d", 0o700)
    become(guest, ALICE)
    assert guest.open("/d/f") == "EACCES" and guest.sys("chdir", "/d") == "EACCES" and guest.stat("/d/f") == "EACCES"


def test_in_a_sticky_directory_only_owners_remove(guest):
    become(guest, ALICE)
    guest.save("/tmp/alices", b"")
    become(guest, BOB)
    assert guest.sys("unlinkat", AT_FDCWD, "/tmp/alices", 0) == "EPERM"
    assert guest.sys("renameat2", AT_FDCWD, "/tmp/alices", AT_FDCWD, "/tmp/bobs", 0) == "EPERM"
    guest.save("/tmp/bobs", b"")
    assert guest.sys("renameat2", AT_FDCWD, "/tmp/bobs", AT_FDCWD, "/tmp/alices", 0) == "EPERM"
    become(guest, ALICE)
    assert guest.sys("unlinkat", AT_FDCWD, "/tmp/alices", 0) == 0


def test_attributes_are_changed_by_owners(guest):
    become(guest, ALICE)
    guest.save("/tmp/f", b"")
    at = guest.room(128)
    guest.sys("newfstatat", AT_FDCWD, "/tmp/f", at, 0)
    assert struct.unpack_from("<II", guest.read(at, 128), 24) == (ALICE, ALICE)
    times = struct.pack("<4q", 1, 0, 1, 0)
    assert guest.sys("fchmodat", AT_FDCWD, "/tmp/f", 0o640) == 0
    assert guest.sys("fchownat", AT_FDCWD, "/tmp/f", BOB, KEEP, 0) == "EPERM"
    assert guest.sys("fchownat", AT_FDCWD, "/tmp/f", KEEP, ALICE, 0) == 0
    assert guest.sys("utimensat", AT_FDCWD, "/tmp/f", times, 0) == 0
    become(guest, BOB)
    assert guest.sys("fchmodat", AT_FDCWD, "/tmp/f", 0o666) == "EPERM"
    assert guest.sys("utimensat", AT_FDCWD, "/tmp/f", times, 0) == "EPERM"
    assert guest.sys("utimensat", AT_FDCWD, "/tmp/f", 0, 0) == "EACCES"


def test_access_asks_for_the_real_user(guest):
    guest.sys("mkdirat", AT_FDCWD, "/closed", 0o700)
    guest.save("/closed/f", b"")
    assert guest.sys("setresuid", ALICE, 0, 0) == 0
    assert guest.sys("faccessat", AT_FDCWD, "/closed/f", R) == "EACCES"
    assert guest.sys("faccessat2", AT_FDCWD, "/closed/f", R, AT_EACCESS) == 0
    assert isinstance(guest.open("/closed/f"), int)


def test_users_cannot_take_more_of_the_machine(guest):
    become(guest, ALICE)
    assert guest.sys("setrlimit", 7, struct.pack("<QQ", 1024, 8192)) == "EPERM"
    assert guest.sys("setpriority", 0, 0, -1) == "EACCES" and guest.sys("setpriority", 0, 0, 1) == 0
    assert guest.sys("sched_setscheduler", 0, 1, struct.pack("<i", 5)) == "EPERM"


def test_credentials_that_no_thread_has_are_forgotten():
    used = {5}
    table = CredentialTable(lambda: used)
    indices = [table.index(Credentials(uid=k)) for k in range(1, 3 * UNUSED_MAX)]
    assert len(set(indices)) == len(indices) and table.index(Credentials(uid=5)) == 5
    assert len(table._entries) <= UNUSED_MAX + 2 and table[5].uid == 5 and table[0] == ROOT
