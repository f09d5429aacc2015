"""Names: directories, links, renames, attributes, and the errors of paths."""

import struct

import pytest

O_CREAT, O_EXCL, O_TRUNC, O_RDWR = 0o100, 0o200, 0o1000, 2
O_DIRECTORY, O_NOFOLLOW, O_PATH = 0o200000, 0o400000, 0o10000000
CWD, NOFOLLOW, REMOVEDIR, EMPTY_PATH = -100, 0x100, 0x200, 0x1000
S_IFDIR, S_IFREG, S_IFLNK = 0o040000, 0o100000, 0o120000


def mkdir(guest, path, mode=0o777):
    return guest.sys("mkdirat", CWD, path, mode)


def link(guest, target, path):
    return guest.sys("symlinkat", target, CWD, path)


def unlink(guest, path, flags=0):
    return guest.sys("unlinkat", CWD, path, flags)


def rename(guest, old, new, flags=0):
    return guest.sys("renameat2", CWD, old, CWD, new, flags)


def readlink(guest, path, size=4096):
    at = guest.room(size)
    n = guest.sys("readlinkat", CWD, path, at, size)
    return guest.read(at, n).decode() if isinstance(n, int) else n


def cwd(guest):
    at = guest.room(4096)
    n = guest.sys("getcwd", at, 4096)
    return guest.read(at, n - 1).decode() if isinstance(n, int) else n


def test_open_creates_truncates_and_refuses(guest):
    assert guest.open("/tmp/f") == "ENOENT"
    assert guest.open("/tmp/none/f", O_CREAT) == "ENOENT"
    assert guest.save("/tmp/f", b"text") == 0
    assert guest.open("/tmp/f", O_CREAT | O_EXCL) == "EEXIST"
    assert guest.open("/tmp/f/", 0) == "ENOTDIR"
    assert guest.open("/tmp/f/x", O_CREAT) == "ENOTDIR"
    assert guest.open("/tmp/f", O_DIRECTORY) == "ENOTDIR"
    assert guest.open("/tmp/new/", O_CREAT) == "EISDIR"
    assert guest.open("/tmp", O_RDWR) == "EISDIR"
    assert guest.open("/tmp", O_CREAT) == "EISDIR"
    assert guest.open("/tmp", O_DIRECTORY | O_CREAT) == "EINVAL"
    assert guest.open("") == "ENOENT"
    guest.sys("close", guest.open("/tmp/f", O_RDWR | O_TRUNC))
    assert guest.contents("/tmp/f") == b""


def test_umask_takes_bits_away(guest):
    assert guest.sys("umask", 0o077) == 0o022
    guest.open("/tmp/f", O_CREAT, 0o666)
    mkdir(guest, "/tmp/d")
    assert guest.stat("/tmp/f")[0] == S_IFREG | 0o600 and guest.stat("/tmp/d")[0] == S_IFDIR | 0o700


def test_dots_and_slashes_change_nothing(guest):
    mkdir(guest, "/tmp/d")
    guest.save("/tmp/d/f", b"x")
    for path in ("//tmp//d/./f", "/tmp/d/../d/f", "/../../tmp/d/f", "/tmp/./d/.././../tmp/d/f"):
        assert guest.contents(path) == b"x"
    assert guest.contents("/tmp/d/f/..") == "ENOTDIR"
    assert guest.contents("/tmp/d/f/.") == "ENOTDIR"


def test_names_and_paths_have_a_longest_length(guest):
    assert mkdir(guest, "/tmp/" + "n" * 255) == 0
    assert mkdir(guest, "/tmp/" + "n" * 256) == "ENAMETOOLONG"
    assert mkdir(guest, "/tmp/" + "ü" * 128) == "ENAMETOOLONG"
    assert guest.open("/tmp/" + "./" * 2100) == "ENAMETOOLONG"


def test_relative_paths_start_at_the_working_directory_or_at_a_descriptor(guest):
    mkdir(guest, "/tmp/d")
    guest.save("/tmp/d/f", b"x")
    assert guest.sys("chdir", "/tmp/d") == 0 and cwd(guest) == "/tmp/d"
    assert guest.contents("f") == b"x" and guest.contents("../d/f") == b"x"
    assert guest.sys("chdir", "f") == "ENOTDIR" and guest.sys("chdir", "none") == "ENOENT"
    directory = guest.open("/tmp", O_DIRECTORY)
    fd = guest.sys("openat", directory, "d/f", 0, 0)
    assert guest.read_file(fd) == b"x"
    assert guest.sys("openat", fd, "f", 0, 0) == "ENOTDIR"
    assert guest.sys("openat", 99, "f", 0, 0) == "EBADF"
    assert isinstance(guest.sys("openat", 99, "/tmp/d/f", 0, 0), int)
    assert guest.sys("fchdir", directory) == 0 and cwd(guest) == "/tmp"
    assert guest.sys("fchdir", fd) == "ENOTDIR"
    assert guest.sys("getcwd", guest.room(3), 3) == "ERANGE"


def test_a_removed_working_directory_is_enoent(guest):
    mkdir(guest, "/tmp/d")
    guest.sys("chdir", "/tmp/d")
    fd = guest.open(".", O_DIRECTORY)
    unlink(guest, "/tmp/d", REMOVEDIR)
    assert cwd(guest) == "ENOENT"
    assert guest.sys("openat", fd, "f", O_CREAT, 0o600) == "ENOENT"
    assert guest.sys("mkdirat", fd, "d", 0o700) == "ENOENT"
    assert guest.sys("getdents64", fd, guest.room(99), 99) == "ENOENT"
    assert guest.sys("fchdir", fd) == 0 and cwd(guest) == "ENOENT"


def test_symbolic_links_are_followed_or_not_as_asked(guest):
    guest.save("/tmp/f", b"text")
    link(guest, "f", "/tmp/relative")
    link(guest, "/tmp/relative", "/tmp/absolute")
    link(guest, "../tmp", "/tmp/up")
    assert guest.contents("/tmp/absolute") == b"text" and guest.contents("/tmp/up/up/relative") == b"text"
    assert readlink(guest, "/tmp/absolute") == "/tmp/relative" and readlink(guest, "/tmp/absolute", 4) == "/tmp"
    assert readlink(guest, "/tmp/f") == "EINVAL" and readlink(guest, "/tmp/none") == "ENOENT"
    assert guest.open("/tmp/relative", O_NOFOLLOW) == "ELOOP"
    assert isinstance(guest.open("/tmp/relative", O_NOFOLLOW | O_PATH), int)
    assert guest.stat("/tmp/relative")[0] == S_IFREG | 0o644
    assert guest.stat("/tmp/relative", NOFOLLOW)[0:3] == (S_IFLNK | 0o777, 1, 1)
    assert guest.stat("/tmp/up/", NOFOLLOW)[0] & S_IFDIR
    assert link(guest, "f", "/tmp/up") == "EEXIST" and link(guest, "", "/tmp/x") == "ENOENT"


def test_a_file_is_created_where_a_dangling_link_points_but_not_exclusively(guest):
    link(guest, "/tmp/target", "/tmp/link")
    assert guest.open("/tmp/link", O_CREAT | O_EXCL) == "EEXIST"
    assert guest.open("/tmp/link") == "ENOENT"
    assert guest.save("/tmp/link", b"x") == 0
    assert guest.contents("/tmp/target") == b"x"


def test_links_in_a_circle_are_eloop_and_forty_in_a_row_are_not(guest):
    link(guest, "b", "/tmp/a")
    link(guest, "a", "/tmp/b")
    assert guest.open("/tmp/a") == "ELOOP"
    guest.save("/tmp/l0", b"end")
    for i in range(1, 42):
        link(guest, f"l{i - 1}", f"/tmp/l{i}")
    assert guest.contents("/tmp/l40") == b"end"
    assert guest.open("/tmp/l41") == "ELOOP"


def test_hard_links_share_one_file(guest):
    guest.save("/tmp/a", b"one")
    assert guest.sys("linkat", CWD, "/tmp/a", CWD, "/tmp/b", 0) == 0
    assert guest.stat("/tmp/a")[1] == 2 and guest.stat("/tmp/a")[3] == guest.stat("/tmp/b")[3]
    guest.save("/tmp/b", b"two")
    unlink(guest, "/tmp/b")
    assert guest.contents("/tmp/a") == b"two" and guest.stat("/tmp/a")[1] == 1
    assert guest.sys("linkat", CWD, "/tmp", CWD, "/tmp/d", 0) == "EPERM"
    assert guest.sys("linkat", CWD, "/tmp/a", CWD, "/tmp/a", 0) == "EEXIST"
    assert guest.sys("linkat", CWD, "/proc/version", CWD, "/tmp/v", 0) == "EXDEV"
    link(guest, "a", "/tmp/s")
    assert guest.sys("linkat", CWD, "/tmp/s", CWD, "/tmp/s2", 0) == 0 and readlink(guest, "/tmp/s2") == "a"
    assert guest.sys("linkat", CWD, "/tmp/s", CWD, "/tmp/a2", 0x400) == 0 and guest.stat("/tmp/a2")[1] == 2


def test_an_unlinked_open_file_keeps_its_data_until_the_last_close(guest):
    guest.save("/tmp/f", b"still here")
    fd = guest.open("/tmp/f")
    twin = guest.sys("dup", fd)
    assert unlink(guest, "/tmp/f") == 0 and guest.open("/tmp/f") == "ENOENT"
    guest.sys("close", fd)
    assert guest.read_file(twin) == b"still here" and guest.data_frames() == 1
    guest.sys("close", twin)
    assert not guest.data_frames()


def test_directories_are_made_and_removed(guest):
    assert mkdir(guest, "/tmp/d/") == 0 and mkdir(guest, "/tmp/d") == "EEXIST" and mkdir(guest, "/") == "EEXIST"
    assert mkdir(guest, "/tmp/none/d") == "ENOENT"
    assert mkdir(guest, "/tmp/d/e") == 0 and guest.stat("/tmp/d")[1] == 3
    assert unlink(guest, "/tmp/d", REMOVEDIR) == "ENOTEMPTY" and unlink(guest, "/tmp/d") == "EISDIR"
    assert unlink(guest, "/tmp/d/e", REMOVEDIR) == 0 and unlink(guest, "/tmp/d", REMOVEDIR) == 0
    guest.save("/tmp/f", b"")
    assert unlink(guest, "/tmp/f", REMOVEDIR) == "ENOTDIR" and unlink(guest, "/tmp/f/") == "ENOTDIR"
    assert unlink(guest, "/tmp/none") == "ENOENT" and unlink(guest, "/tmp/f", 1) == "EINVAL"
    assert unlink(guest, "/tmp/.", REMOVEDIR) == "EINVAL" and unlink(guest, "/tmp/..", REMOVEDIR) == "ENOTEMPTY"
    assert unlink(guest, "/", REMOVEDIR) == "EBUSY"


def test_rename_replaces_as_posix_says(guest):
    guest.save("/tmp/a", b"a")
    guest.save("/tmp/b", b"b")
    mkdir(guest, "/tmp/d")
    mkdir(guest, "/tmp/d/e")
    assert rename(guest, "/tmp/a", "/tmp/b", 1) == "EEXIST" and rename(guest, "/tmp/a", "/tmp/x", 2) == "EINVAL"
    assert rename(guest, "/tmp/a", "/tmp/b") == 0 and guest.contents("/tmp/b") == b"a"
    assert guest.open("/tmp/a") == "ENOENT" and rename(guest, "/tmp/a", "/tmp/b") == "ENOENT"
    assert rename(guest, "/tmp/b", "/tmp/d") == "EISDIR" and rename(guest, "/tmp/d", "/tmp/b") == "ENOTDIR"
    assert rename(guest, "/tmp/d", "/tmp/d/e/f") == "EINVAL" and rename(guest, "/tmp/d/e", "/tmp/d") == "ENOTEMPTY"
    mkdir(guest, "/tmp/empty")
    assert rename(guest, "/tmp/d", "/tmp/empty/") == 0 and guest.list("/tmp/empty") == ["e"]
    assert rename(guest, "/tmp/empty", "/var/moved") == 0 and guest.stat("/var/moved")[1] == 3
    guest.sys("chdir", "/var/moved/e")
    assert guest.sys("chdir", "../..") == 0 and cwd(guest) == "/var"
    assert rename(guest, "/tmp/b", "/tmp/b") == 0
    assert rename(guest, "/tmp/b", "/tmp/c/") == "ENOTDIR"
    assert rename(guest, "/tmp/.", "/tmp/x") == "EBUSY" and rename(guest, "/tmp/b", "/proc/b") == "EXDEV"


def test_renaming_one_hard_link_over_another_does_nothing(guest):
    guest.save("/tmp/a", b"x")
    guest.sys("linkat", CWD, "/tmp/a", CWD, "/tmp/b", 0)
    assert rename(guest, "/tmp/a", "/tmp/b") == 0
    assert guest.list("/tmp") == ["a", "b"]


def test_directories_are_listed_piece_by_piece(guest):
    names = [f"name-{i:03}" for i in range(60)]
    for name in names:
        guest.open(f"/tmp/{name}", O_CREAT)
    assert guest.list("/tmp") == names
    fd, at = guest.open("/tmp", O_DIRECTORY), guest.room(64)
    assert guest.sys("getdents64", fd, at, 8) == "EINVAL"
    first = guest.sys("getdents64", fd, at, 64)
    before = guest.read(at, first)
    guest.sys("lseek", fd, 0, 0)
    assert guest.sys("getdents64", fd, at, 64) == first and guest.read(at, first) == before
    assert guest.sys("getdents64", guest.open("/tmp/name-000"), at, 64) == "ENOTDIR"


def test_stat_and_statx_lay_out_the_same_facts(guest):
    guest.save("/tmp/f", b"12345")
    guest.sys("fchownat", CWD, "/tmp/f", 7, 8, 0)
    guest.sys("utimensat", CWD, "/tmp/f", struct.pack("<qqqq", 11, 12, 13, 14), 0)
    a, b = guest.room(128), guest.room(256)
    assert guest.sys("newfstatat", CWD, "/tmp/f", a, 0) == 0 and guest.sys("statx", CWD, "/tmp/f", 0, 0x7FF, b) == 0
    old, new = guest.read(a, 128), guest.read(b, 256)
    assert struct.unpack_from("<IIII", old, 16) == (S_IFREG | 0o644, 1, 7, 8)
    assert struct.unpack_from("<qi", old, 48) == (5, 4096)
    assert struct.unpack_from("<qqqqq", old, 64) == (8, 11, 12, 13, 14)
    assert struct.unpack_from("<III", new, 16) == (1, 7, 8) and struct.unpack_from("<H", new, 28) == (S_IFREG | 0o644,)
    assert struct.unpack_from("<QQQ", new, 32)[1:] == (5, 8)
    assert struct.unpack_from("<QI", new, 64) == (11, 12) and struct.unpack_from("<QI", new, 112) == (13, 14)
    assert guest.sys("statx", CWD, "/tmp/f", 0, 1 << 31, b) == "EINVAL"
    assert guest.sys("newfstatat", CWD, "/tmp/f", a, 1) == "EINVAL"
    fd = guest.open("/tmp/f")
    assert guest.sys("newfstatat", fd, "", a, EMPTY_PATH) == 0 and guest.read(a, 128) == old
    assert guest.sys("newfstatat", fd, "", a, 0) == "ENOENT"
    assert guest.sys("newfstatat", CWD, "", a, EMPTY_PATH) == 0


def test_times_can_be_now_omitted_or_given(guest):
    guest.save("/tmp/f", b"")
    at = guest.room(128)
    omit, now = (1 << 30) - 2, (1 << 30) - 1
    guest.sys("utimensat", CWD, "/tmp/f", struct.pack("<qqqq", 5, 6, 7, 8), 0)
    guest.sys("utimensat", CWD, "/tmp/f", struct.pack("<qqqq", 0, omit, 0, now), 0)
    guest.sys("newfstatat", CWD, "/tmp/f", at, 0)
    accessed, _, modified = struct.unpack_from("<qqq", guest.read(at, 128), 72)
    assert accessed == 5 and modified > 1_000_000_000
    assert guest.sys("utimensat", CWD, "/tmp/f", struct.pack("<qqqq", 0, 1 << 30, 0, 0), 0) == "EINVAL"
    assert guest.sys("utimensat", guest.open("/tmp/f"), 0, 0, 0) == 0


def test_modes_are_set_and_asked(guest):
    guest.save("/tmp/f", b"")
    assert guest.sys("faccessat", CWD, "/tmp/f", 6) == 0 and guest.sys("faccessat", CWD, "/tmp/f", 1) == "EACCES"
    assert guest.sys("fchmodat", CWD, "/tmp/f", 0o755) == 0
    assert guest.sys("faccessat2", CWD, "/tmp/f", 1, 0) == 0
    assert guest.sys("fchmod", guest.open("/tmp/f"), 0o4700) == 0 and guest.stat("/tmp/f")[0] == S_IFREG | 0o4700
    assert guest.sys("faccessat", CWD, "/tmp/none", 0) == "ENOENT"
    assert guest.sys("faccessat", CWD, "/tmp", 8) == "EINVAL"
    link(guest, "f", "/tmp/l")
    assert guest.sys("fchmodat2", CWD, "/tmp/l", 0o600, NOFOLLOW) == "EOPNOTSUPP"
    assert guest.sys("fchown", guest.open("/tmp/f"), 1, -1) == 0


def test_statfs_tells_the_kind_and_the_room(guest):
    at = guest.room(120)
    assert guest.sys("statfs", "/tmp", at) == 0
    kind, block, blocks, free = struct.unpack_from("<qqQQ", guest.read(at, 120))
    assert (kind, block, blocks, free) == (0x01021994, 4096, 512, 256)
    assert guest.sys("fstatfs", guest.open("/proc"), at) == 0
    assert struct.unpack_from("<q", guest.read(at, 120)) == (0x9FA0,)


@pytest.mark.parametrize("path", ["/proc/new", "/sys/new", "/proc/self/new"])
def test_what_the_machine_makes_up_can_not_be_changed(guest, path):
    assert guest.open(path, O_CREAT) == "EPERM"
    assert mkdir(guest, path) == "EPERM"
    assert unlink(guest, "/proc/version") == "EPERM"
    assert guest.open("/proc/version", O_RDWR) == "EACCES"
