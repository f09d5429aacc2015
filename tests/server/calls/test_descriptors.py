"""Descriptors: lowest free first, shared by dup and fork, limited, closed on exec."""

import struct

O_RDONLY, O_RDWR, O_CREAT, O_APPEND, O_CLOEXEC, O_NONBLOCK, O_PATH = 0, 2, 0o100, 0o2000, 0o2000000, 0o4000, 0o10000000
F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC = 0, 1, 2, 3, 4, 1030


def test_a_new_descriptor_is_the_lowest_free_one(guest):
    assert [guest.open("/dev/null") for _ in range(4)] == [0, 1, 2, 3]
    guest.sys("close", 1)
    assert guest.sys("dup", 3) == 1
    assert guest.sys("fcntl", 0, F_DUPFD, 10) == 10
    assert guest.open("/dev/null") == 4


def test_closed_and_impossible_descriptors_are_ebadf(guest):
    fd = guest.open("/dev/null")
    assert guest.sys("close", fd) == 0
    for call in ("close", "dup", "fsync", "fstat", "fchdir"):
        assert guest.sys(call, fd) == "EBADF"
        assert guest.sys(call, -1) == "EBADF"
    assert guest.sys("read", fd, guest.room(1), 1) == "EBADF"


def test_dup_shares_the_offset_and_open_does_not(guest):
    guest.save("/tmp/f", b"abcdef")
    fd = guest.open("/tmp/f")
    twin, other = guest.sys("dup", fd), guest.open("/tmp/f")
    assert guest.read_file(fd, 2) == b"ab"
    assert guest.read_file(twin, 2) == b"cd"
    assert guest.read_file(other, 2) == b"ab"


def test_dup3_replaces_and_checks(guest):
    guest.save("/tmp/f", b"abc")
    null, fd = guest.open("/dev/null"), guest.open("/tmp/f")
    assert guest.sys("dup3", fd, null, O_CLOEXEC) == null
    assert guest.read_file(null, 3) == b"abc"
    assert guest.sys("fcntl", null, F_GETFD) == 1
    assert guest.sys("dup3", fd, fd, 0) == "EINVAL"
    assert guest.sys("dup3", fd, 9, 1) == "EINVAL"
    assert guest.sys("dup3", fd, 1024, 0) == "EBADF"
    assert guest.sys("dup3", 77, 9, 0) == "EBADF"


def test_the_limit_of_descriptors_is_kept(guest):
    guest.limit_descriptors(3)
    assert [guest.open("/dev/null") for _ in range(4)] == [0, 1, 2, "EMFILE"]
    assert guest.open("/tmp/never", O_CREAT | O_RDWR) == "EMFILE"
    assert guest.stat("/tmp/never") == "ENOENT"
    assert guest.sys("fcntl", 0, F_DUPFD, 3) == "EINVAL"
    assert guest.sys("dup", 0) == "EMFILE"


def test_flags_are_kept_per_descriptor_and_per_open_file(guest):
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC)
    twin = guest.sys("dup", fd)
    assert guest.sys("fcntl", fd, F_GETFD) == 1 and guest.sys("fcntl", twin, F_GETFD) == 0
    assert guest.sys("fcntl", fd, F_GETFL) == O_RDWR | O_APPEND
    assert guest.sys("fcntl", twin, F_SETFL, O_NONBLOCK) == 0
    assert guest.sys("fcntl", fd, F_GETFL) == O_RDWR | O_NONBLOCK
    assert guest.sys("fcntl", twin, F_SETFD, 1) == 0 and guest.sys("fcntl", twin, F_GETFD) == 1
    assert guest.sys("fcntl", fd, F_DUPFD_CLOEXEC, 20) == 20 and guest.sys("fcntl", 20, F_GETFD) == 1
    assert guest.sys("fcntl", fd, 999) == "EINVAL"


def test_after_exec_what_is_marked_is_closed(guest):
    guest.save("/tmp/f", b"abcd")
    fd, marked = guest.open("/tmp/f"), guest.open("/tmp/f", O_CLOEXEC)
    guest.task.files.exec()
    assert guest.read_file(fd, 2) == b"ab" and guest.read_file(marked, 2) == "EBADF"
    assert guest.task.files.open_descriptors() == [fd]


def test_close_range_closes_or_marks(guest):
    for _ in range(5):
        guest.open("/dev/null")
    assert guest.sys("close_range", 3, 0xFFFFFFFF, 4) == 0
    assert [guest.sys("fcntl", fd, F_GETFD) for fd in range(5)] == [0, 0, 0, 1, 1]
    assert guest.sys("close_range", 1, 3, 0) == 0
    assert guest.task.files.open_descriptors() == [0, 4]
    assert guest.sys("close_range", 3, 1, 0) == "EINVAL"


def test_a_place_can_be_looked_at_but_not_read(guest):
    guest.save("/tmp/f", b"abc")
    fd = guest.open("/tmp/f", O_PATH)
    assert guest.read_file(fd, 1) == "EBADF"
    assert guest.sys("lseek", fd, 0, 0) == "EBADF"
    assert guest.sys("fchmod", fd, 0o600) == "EBADF"
    assert guest.sys("fstat", fd, guest.room(128)) == 0
    assert guest.sys("fcntl", fd, F_GETFL) == O_PATH


def test_a_file_without_terminal_says_enotty(guest):
    fd = guest.open("/dev/null")
    for request in (0x5401, 0x5413, 0x1234):
        assert guest.sys("ioctl", fd, request, guest.room(64)) == "ENOTTY"


def test_ioctl_counts_what_is_left_to_read(guest):
    guest.save("/tmp/f", b"abcde")
    fd, at = guest.open("/tmp/f"), guest.room(4)
    guest.read_file(fd, 2)
    assert guest.sys("ioctl", fd, 0x541B, at) == 0
    assert struct.unpack("<i", guest.read(at, 4)) == (3,)
