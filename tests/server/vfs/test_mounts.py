"""Mounted host directories: what the user gave is there, the rest of the host is out of reach."""

import os
import threading

import pytest

from emu.abi.errno import ENOENT
from emu.server.errors import LinuxError
from emu.server.vfs.host import HostDirectory, HostMount
from emu.server.vfs.mounts import Mount, parse_mount
from tests.server.calls.guest import Guest

O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NOFOLLOW, O_PATH = 2, 0o100, 0o200, 0o1000, 0o2000, 0o400000, 0o10000000
CWD, REMOVEDIR = -100, 0x200
SECRET = b"the host's secret"


@pytest.fixture
def host(tmp_path):
    """Beside the mounted directory lies what must stay hidden."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "secret").write_bytes(SECRET)
    shared = tmp_path / "shared"
    (shared / "sub").mkdir(parents=True)
    (shared / "f").write_bytes(b"shared text")
    (shared / "sub" / "g").write_bytes(b"below")
    return shared


def descriptors():
    return sorted(os.listdir("/proc/self/fd"))


def mounted(host, writable):
    guest = Guest([Mount(str(host), "/mnt", writable)])
    return guest


@pytest.fixture
def reader(host):
    before = descriptors()
    guest = mounted(host, False)
    yield guest
    assert guest.finish() == 0 and descriptors() == before


@pytest.fixture
def writer(host):
    before = descriptors()
    guest = mounted(host, True)
    yield guest
    assert guest.finish() == 0 and descriptors() == before


# --- what is mounted is there


def test_files_are_read_listed_and_stated(reader, host):
    assert reader.contents("/mnt/f") == b"shared text" and reader.contents("/mnt/sub/../sub/g") == b"below"
    assert reader.list("/mnt") == ["f", "sub"] and reader.list("/") == sorted({*reader.list("/"), "mnt"})
    mode, _, size, inode = reader.stat("/mnt/f")
    assert mode & 0o170000 == 0o100000 and size == 11 and inode == os.stat(host / "f").st_ino
    assert reader.open("/mnt/none") == "ENOENT" and reader.open("/mnt/f/x") == "ENOTDIR"
    fd = reader.open("/mnt/f")
    assert reader.sys("lseek", fd, -4, 2) == 7 and reader.read_file(fd) == b"text"
    assert reader.sys("faccessat", CWD, "/mnt/f", 4) == 0 and reader.sys("faccessat", CWD, "/mnt/f", 2) == "EROFS"
    assert reader.sys("statfs", "/mnt", reader.room(120)) == 0


def test_working_directories_in_a_mount_and_their_parents_are_the_guests(reader):
    assert reader.sys("chdir", "/mnt/sub") == 0 and reader.task.cwd.path() == "/mnt/sub"
    assert reader.contents("g") == b"below" and reader.contents("../f") == b"shared text"
    assert reader.sys("chdir", "../..") == 0 and reader.task.cwd.path() == "/"


@pytest.mark.parametrize(
    "call, arguments",
    [
        ("openat", (CWD, "/mnt/f", O_RDWR, 0)),
        ("openat", (CWD, "/mnt/f", O_TRUNC, 0)),
        ("openat", (CWD, "/mnt/new", O_CREAT | O_RDWR, 0o600)),
        ("mkdirat", (CWD, "/mnt/new", 0o700)),
        ("unlinkat", (CWD, "/mnt/f", 0)),
        ("unlinkat", (CWD, "/mnt/sub", REMOVEDIR)),
        ("symlinkat", ("f", CWD, "/mnt/new")),
        ("linkat", (CWD, "/mnt/f", CWD, "/mnt/new", 0)),
        ("renameat2", (CWD, "/mnt/f", CWD, "/mnt/new", 0)),
        ("truncate", ("/mnt/f", 0)),
        ("fchmodat", (CWD, "/mnt/f", 0o777)),
        ("fchmodat", (CWD, "/mnt/sub", 0o777)),
        ("fchownat", (CWD, "/mnt/f", 1, 1, 0)),
        ("utimensat", (CWD, "/mnt/f", 0, 0)),
        ("utimensat", (CWD, "/mnt", 0, 0)),
    ],
)
def test_a_mount_is_read_only_unless_asked(reader, host, call, arguments):
    before = os.stat(host / "f")
    assert reader.sys(call, *arguments) == "EROFS"
    assert sorted(os.listdir(host)) == ["f", "sub"] and os.stat(host / "f") == before


def test_a_writable_mount_takes_every_change(writer, host):
    guest = writer
    assert guest.save("/mnt/new", b"fresh") == 0 and (host / "new").read_bytes() == b"fresh"
    fd = guest.open("/mnt/new", O_RDWR | O_APPEND)
    guest.sys("write", fd, b" data", 5)
    assert guest.sys("fsync", fd) == 0 and (host / "new").read_bytes() == b"fresh data"
    assert guest.sys("ftruncate", fd, 3) == 0 and guest.sys("fallocate", fd, 0, 0, 100) == 0
    assert guest.sys("truncate", "/mnt/new", 5) == 0 and (host / "new").read_bytes() == b"fre\0\0"
    assert guest.sys("mkdirat", CWD, "/mnt/d", 0o755) == 0
    assert guest.sys("renameat2", CWD, "/mnt/new", CWD, "/mnt/d/moved", 1) == 0
    assert guest.sys("linkat", CWD, "/mnt/d/moved", CWD, "/mnt/twin", 0) == 0 and os.stat(host / "twin").st_nlink == 2
    assert guest.sys("symlinkat", "twin", CWD, "/mnt/s") == 0 and guest.contents("/mnt/s") == b"fre\0\0"
    assert guest.sys("fchmodat", CWD, "/mnt/twin", 0o4711) == 0
    assert os.stat(host / "twin").st_mode & 0o7777 == 0o711, "no setuid files appear on the host"
    assert guest.sys("utimensat", CWD, "/mnt/twin", (5).to_bytes(8, "little") * 4, 0) == 0
    assert os.stat(host / "twin").st_mtime_ns == 5_000_000_005
    assert guest.sys("unlinkat", CWD, "/mnt/d", REMOVEDIR) == "ENOTEMPTY"
    assert guest.sys("unlinkat", CWD, "/mnt/d/moved", 0) == 0 and guest.sys("unlinkat", CWD, "/mnt/d", REMOVEDIR) == 0
    assert guest.open("/mnt/f", O_CREAT | O_EXCL) == "EEXIST"


def test_a_file_may_be_created_without_the_right_to_open_it_again(writer, host):
    fd = writer.open("/mnt/locked", O_CREAT | O_RDWR, 0)
    assert writer.sys("write", fd, b"x", 1) == 1 and os.stat(host / "locked").st_mode & 0o777 == 0


def test_names_do_not_move_between_file_systems_and_a_mount_stays(writer):
    assert writer.sys("renameat2", CWD, "/mnt/f", CWD, "/tmp/f", 0) == "EXDEV"
    assert writer.sys("linkat", CWD, "/mnt/f", CWD, "/tmp/f", 0) == "EXDEV"
    assert writer.sys("unlinkat", CWD, "/mnt", REMOVEDIR) == "EBUSY"
    assert writer.sys("renameat2", CWD, "/mnt", CWD, "/other", 0) == "EBUSY"
    assert writer.sys("renameat2", CWD, "/mnt/sub", CWD, "/mnt/sub/x", 0) == "EINVAL"


def test_a_mapping_of_a_host_file_is_one_with_what_is_read_and_written(writer, host):
    file = writer.task.files.get(writer.open("/mnt/f", O_RDWR))
    file.check_map(shared=True, writable=True)
    mapped = file.map_pages(0, 4096)
    frame = mapped.frame(0)
    assert writer.store.read(frame, 0, 6) == b"shared"
    writer.store.write(frame, 0, b"STORED")
    writer.store.stored[mapped.object] = {0}  # as a guest's store marks it
    assert file.read_at(0, 6) == b"STORED" == (host / "f").read_bytes()[:6], "written back before it is read"
    file.write_at(2, b"--")
    assert writer.store.read(frame, 0, 6) == b"ST--ED"
    file.truncate(3)
    assert writer.store.read(frame, 0, 6) == b"ST-\0\0\0"
    file.truncate(0)
    assert mapped.frame(0) is None and not mapped.bring(0)
    file.write_at(5000, b"x")
    assert mapped.bring(1) and writer.store.read(mapped.frame(1), 5000 - 4096, 1) == b"x"


# --- nothing else is


def test_dots_never_leave_the_guests_tree(reader, host):
    for path in ("/mnt/../secret", "/mnt/../../../../../../etc/passwd", "/mnt/sub/../../secret", "/../secret"):
        assert reader.open(path) == "ENOENT"
    directory = reader.open("/mnt/sub", 0o200000)
    assert reader.sys("openat", directory, "../../secret", 0, 0) == "ENOENT"
    assert reader.sys("openat", directory, f"../..{host.parent}/secret", 0, 0) == "ENOENT"


def test_links_in_a_mount_are_resolved_in_the_guests_tree(reader, host):
    outside = host.parent
    (host / "absolute").symlink_to(outside / "secret")
    (host / "relative").symlink_to("../secret")
    (host / "directory").symlink_to(outside)
    (host / "root").symlink_to("/")
    (host / "device").symlink_to("/dev/null")
    (host / "inside").symlink_to("sub/g")
    for path in ("absolute", "relative", "directory/secret", "directory/hidden/secret", f"root{outside}/secret"):
        assert reader.open(f"/mnt/{path}") == "ENOENT"
        assert reader.stat(f"/mnt/{path}") == "ENOENT"
    assert reader.contents("/mnt/inside") == b"below"
    assert reader.stat("/mnt/root/mnt/f")[2] == 11, "an absolute link means the guest's root"
    assert reader.stat("/mnt/device")[0] & 0o170000 == 0o020000 and reader.contents("/mnt/device") == b""
    assert reader.open("/mnt/absolute", O_NOFOLLOW) == "ELOOP"


def test_a_guest_can_not_write_through_its_own_links(writer, host):
    assert writer.sys("symlinkat", str(host.parent / "secret"), CWD, "/mnt/s") == 0
    assert writer.sys("symlinkat", "..", CWD, "/mnt/up") == 0
    assert writer.open("/mnt/s", O_RDWR | O_TRUNC) == "ENOENT"
    assert writer.open("/mnt/s", O_RDWR | O_CREAT) == "ENOENT"
    assert writer.sys("truncate", "/mnt/s", 0) == "ENOENT" and writer.sys("fchmodat", CWD, "/mnt/s", 0o777) == "ENOENT"
    writer.save("/mnt/up/secret", b"in the guest")
    assert writer.contents("/secret") == b"in the guest"
    assert (host.parent / "secret").read_bytes() == SECRET


def test_proc_does_not_lead_to_the_host(reader, host):
    for path in ("/proc/self/root", "/proc/self/cwd", "/proc/100/root"):
        assert reader.open(f"{path}{host.parent}/secret") == "ENOENT"
    fd = reader.open("/mnt/f")
    assert reader.contents(f"/proc/self/fd/{fd}") == b"shared text"
    assert reader.open(f"/proc/self/fd/{fd}/../../secret") == "ENOTDIR"
    directory = reader.open("/mnt/sub", 0o200000)
    assert reader.open(f"/proc/self/fd/{directory}/../../secret") == "ENOENT"
    assert reader.open(f"/proc/{os.getpid()}/root") == "ENOENT"


def test_the_hosts_own_proc_links_do_not_jump(tmp_path):
    guest = Guest([Mount("/proc/self", "/mnt", False)])
    (tmp_path / "secret").write_bytes(SECRET)
    assert guest.open(f"/mnt/root{tmp_path}/secret") == "ENOENT"
    assert guest.stat("/mnt/cwd/pyproject.toml") == "ENOENT"
    with open(tmp_path / "secret") as held:
        assert guest.open(f"/mnt/fd/{held.fileno()}") == "ENOENT"
    guest.finish()


def test_devices_sockets_and_fifos_are_seen_and_not_opened(reader, host):
    os.mkfifo(host / "fifo")
    assert reader.stat("/mnt/fifo")[0] & 0o170000 == 0o010000 and "fifo" in reader.list("/mnt")
    assert reader.open("/mnt/fifo") == "EACCES" and isinstance(reader.open("/mnt/fifo", O_PATH), int)


def test_a_directory_that_becomes_a_link_after_it_was_opened_stays_closed(reader, host):
    directory = reader.open("/mnt/sub", 0o200000)
    reader.sys("chdir", "/mnt/sub")
    os.rename(host / "sub", host / "old")
    (host / "sub").symlink_to(host.parent / "hidden")
    assert reader.sys("openat", directory, "secret", 0, 0) in ("ENOTDIR", "ELOOP")
    assert reader.sys("getdents64", directory, reader.room(512), 512) in ("ENOTDIR", "ELOOP")
    assert reader.open("secret") in ("ENOTDIR", "ELOOP")


def test_a_link_that_becomes_a_directory_after_it_was_looked_up_is_gone(host):
    (host / "link").symlink_to("sub")
    mount = HostMount(3, host, False, None)
    try:
        link = HostDirectory(mount, (), None, "mnt").lookup("link", None)
        assert link.target(None) == "sub"
        (host / "link").unlink()
        (host / "link").mkdir()
        with pytest.raises(LinuxError) as refused:
            link.target(None)
        assert refused.value.errno == ENOENT
    finally:
        mount.close()


def _reads_secret(path):
    try:
        return path.read_bytes() == SECRET
    except OSError:
        return False


@pytest.mark.parametrize("victim", ["sub", "f"])
def test_no_race_with_the_host_leaks_a_byte(writer, host, victim):
    """The host swaps a directory (or a file) with a link to outside while the guest opens it.

    The control is an ordinary open of the same path, which does reach the secret.
    """
    outside = host.parent / ("hidden" if victim == "sub" else "secret")
    (host / "sub" / "secret").write_bytes(b"public")
    path = "/mnt/sub/secret" if victim == "sub" else "/mnt/f"
    real, link, stop = host / f"{victim}.real", host / f"{victim}.link", threading.Event()
    link.symlink_to(outside)

    def swap():
        while not stop.is_set():
            os.rename(host / victim, real)
            os.rename(link, host / victim)
            os.rename(host / victim, link)
            os.rename(real, host / victim)

    thread = threading.Thread(target=swap)
    thread.start()
    seen, control = [], host / path.removeprefix("/mnt/")
    raced = False
    try:
        for i in range(50_000):
            if raced and i >= 400:
                break
            seen.append(writer.contents(path))
            raced = raced or _reads_secret(control)
            writer.sys("fchmodat", CWD, path, 0o600 + i % 2)
            writer.sys("utimensat", CWD, path, 0, 0)
            writer.sys("truncate", path, 3)
    finally:
        stop.set()
        thread.join()
    assert raced, "the control saw no swap: the test has no power"
    assert SECRET not in seen
    assert (host.parent / "secret").read_bytes() == SECRET == (host.parent / "hidden" / "secret").read_bytes()
    for data in seen:
        assert data in ("ENOENT", "ENOTDIR", "ELOOP", "EACCES") or data[:3] in (b"pub", b"sha")


# --- what the user asks for


def test_requests_are_parsed(tmp_path):
    assert parse_mount(f"{tmp_path}:/data") == Mount(str(tmp_path), "/data", False)
    assert parse_mount(f"{tmp_path}/:/data//x/:rw") == Mount(str(tmp_path), "/data/x", True)
    assert parse_mount(f"{tmp_path}:/data:ro").writable is False


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "expected HOST:GUEST"),
        ("/tmp", "expected HOST:GUEST"),
        ("/tmp:/a:/b", "expected HOST:GUEST"),
        ("/no/such:/a", "not a directory"),
        (":/a", "not a directory"),
        ("/tmp:a", "must be absolute"),
        ("/tmp:/a/../b", "must be absolute"),
        ("/tmp:/", "root can not be replaced"),
        ("/tmp:", "must be absolute"),
    ],
)
def test_bad_requests_get_one_line_that_names_them(text, words):
    with pytest.raises(ValueError, match=words) as error:
        parse_mount(text)
    assert repr(text) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("target", ["/dev", "/proc/x", "/mnt/inner", "/mnt", "/dev/null"])
def test_a_taken_place_is_refused_with_one_line(host, target):
    before = descriptors()
    guest = mounted(host, False)
    with pytest.raises(ValueError, match=target):
        guest.tree.mount(Mount(str(host), target, False))
    guest.finish()
    assert descriptors() == before


def test_host_descriptors_that_the_server_needs_are_not_the_guests(writer, host, monkeypatch):
    from emu.server.vfs.host_descriptors import held_by_guests

    monkeypatch.setattr(held_by_guests, "used", 1 << 30)
    assert writer.open("/mnt/f") == "ENFILE"
    monkeypatch.setattr(held_by_guests, "used", 0)
    assert writer.open("/mnt/missing") == "ENOENT" and held_by_guests.used == 0
    fd = writer.open("/mnt/f")
    assert held_by_guests.used == 1 and writer.sys("close", fd) == 0 and held_by_guests.used == 0
