"""What guests make the server hold is paid for with guest memory, weighs no more than it costs, and comes back."""

import gc
import os
import tracemalloc

import pytest

from emu.abi.errno import ENOMEM
from emu.server.errors import LinuxError
from emu.server.vfs.allowance import PAGE_SIZE, SPARE_FRAMES, Allowance
from emu.server.vfs.mounts import Mount
from tests.server.calls.guest import AT_FDCWD, Guest, PageStore

O_CREAT_RDWR, O_DIRECTORY = 0o102, 0o200000
NR_OFTEN, LONG = 300, "n" * 240


@pytest.fixture
def guest():
    fresh = Guest(capacity=1 << 16)
    fresh.limit_descriptors(4096)
    yield fresh
    assert fresh.finish() == 0, "charges or frames of file data leaked"


def tiny(guest, path):
    fd = guest.open(path, O_CREAT_RDWR)
    if isinstance(fd, str):
        return fd
    written = guest.sys("write", fd, guest.put(b"x"), 1)
    guest.sys("close", fd)
    return written


def deep(guest, k):
    guest.sys("mkdirat", AT_FDCWD, "d", 0o755)
    return guest.sys("chdir", "d")


def linked(guest, k):
    if guest.stat("/tmp/f") == "ENOENT":
        guest.save("/tmp/f", b"x")
    return guest.sys("linkat", AT_FDCWD, "/tmp/f", AT_FDCWD, f"/tmp/{LONG}{k}", 0)


def page(guest, k):
    fd = guest.open("/tmp/sparse", O_CREAT_RDWR)
    done = guest.sys("pwrite64", fd, b"x", 1, k << 30)
    guest.sys("close", fd)
    return done


def listing(guest, k):
    if k == 0:
        for n in range(50):
            guest.save(f"/tmp/{LONG}{n}", b"")
    fd = guest.open("/tmp", O_DIRECTORY)
    return guest.sys("getdents64", fd, guest.room(4096), 4096)


def pinned(guest, k):
    """A removed directory, in a removed directory, …, that only an open file of the last one remembers."""
    guest.sys("mkdirat", AT_FDCWD, f"/tmp/{LONG}{k}", 0o755)
    fd = guest.open(f"/tmp/{LONG}{k}/file", O_CREAT_RDWR)
    guest.sys("unlinkat", AT_FDCWD, f"/tmp/{LONG}{k}/file", 0)
    assert guest.sys("unlinkat", AT_FDCWD, f"/tmp/{LONG}{k}", 0x200) == 0
    return fd


KINDS = {
    "tiny files": lambda guest, k: tiny(guest, f"/tmp/{k}"),
    "files with names beyond ASCII": lambda guest, k: tiny(guest, f"/tmp/{'ü' * 100}{k}"),
    "directories": lambda guest, k: guest.sys("mkdirat", AT_FDCWD, f"/tmp/{k}", 0o755),
    "deep directories": deep,
    "long symbolic links": lambda guest, k: guest.sys("symlinkat", "a" * 4000, AT_FDCWD, f"/tmp/{k}"),
    "symbolic links beyond ASCII": lambda guest, k: guest.sys("symlinkat", "🙂" * 900, AT_FDCWD, f"/tmp/{k}"),
    "hard links": linked,
    "pages of a sparse file": page,
    "open files": lambda guest, k: guest.open("/tmp/f", O_CREAT_RDWR),
    "open devices": lambda guest, k: guest.open("/dev/null"),
    "open texts": lambda guest, k: guest.open("/proc/self/status"),
    "open directories": listing,
    "removed directories": pinned,
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_server_holds_weighs_no_more_than_it_costs(guest, kind):
    make = KINDS[kind]
    for _ in range(16):
        guest.open("/dev/null")  # these cost nothing
    make(guest, 0)  # what comes once
    gc.collect()
    tracemalloc.start()
    charged = guest.tree.allowance.size
    frames = guest.data_frames()
    before = tracemalloc.get_traced_memory()[0]
    for k in range(1, NR_OFTEN):
        assert not isinstance(make(guest, k), str)
    gc.collect()
    weight = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    weight -= (guest.data_frames() - frames) * (4096 + 200)  # the fake store's own
    weight -= len(guest.tree.allowance._frames) * (4096 + 200)
    cost = guest.tree.allowance.size - charged
    assert cost > 0 and weight <= cost, f"{weight / NR_OFTEN:.0f} bytes each are charged as {cost / NR_OFTEN:.0f}"
    assert len(guest.tree.allowance._frames) * PAGE_SIZE >= guest.tree.allowance.size


ERRORS = {
    "tiny files": "ENOSPC", "directories": "ENOSPC",
    "long symbolic links": "ENOSPC", "hard links": "ENOSPC", "open files": "ENOMEM",
    "pages of a sparse file": "ENOSPC",
}  # fmt: skip


@pytest.mark.parametrize("kind", ERRORS)
def test_a_guest_that_fills_its_memory_gets_an_error_and_can_clean_up(guest, kind):
    make = KINDS[kind]
    make(guest, 0)
    guest.store.capacity = len(guest.store.frames) + 20
    assert ERRORS[kind] in (make(guest, k) for k in range(1, 3000))
    assert len(guest.store.frames) <= guest.store.capacity
    for fd in guest.task.files.open_descriptors():
        assert guest.sys("close", fd) == 0
    for name in guest.list("/tmp"):
        if guest.sys("unlinkat", AT_FDCWD, f"/tmp/{name}", 0) == "EISDIR":
            assert guest.sys("unlinkat", AT_FDCWD, f"/tmp/{name}", 0x200) == 0
    gc.collect()
    assert guest.tree.allowance.size == 0 and not guest.store.frames


def test_of_files_and_names_no_more_than_half_of_guest_memory_is_held(guest):
    allowance = guest.tree.allowance
    assert allowance._most == guest.machine.memory_bytes // 2
    allowance._most = 1 << 19
    for _ in range(100):
        guest.open("/dev/null")
    assert "ENOSPC" in (guest.sys("mkdirat", AT_FDCWD, f"/tmp/{k}", 0o755) for k in range(1000))
    assert allowance.size_of_files <= 1 << 19 < allowance.size
    assert guest.open("/dev/null") == 100, "it still gets what is no file"
    for name in guest.list("/tmp"):
        assert guest.sys("unlinkat", AT_FDCWD, f"/tmp/{name}", 0x200) == 0
    gc.collect()
    assert allowance.size_of_files == 0 and tiny(guest, "/tmp/f") == 1


def test_a_rename_that_cannot_be_paid_changes_nothing(guest):
    tiny(guest, "/tmp/a")
    guest.store.capacity = len(guest.store.frames) + 9
    assert "ENOSPC" in (linked(guest, k) for k in range(100))
    before = guest.list("/tmp")
    assert guest.sys("renameat2", AT_FDCWD, "/tmp/a", AT_FDCWD, f"/tmp/{'x' * 255}", 0) == "ENOSPC"
    assert guest.list("/tmp") == before and len(before) > 10


def test_an_emptied_directory_gives_its_room_back(guest):
    for k in range(2000):
        guest.save(f"/tmp/{k}", b"")
    tmp = guest.tree.find(guest.task, guest.tree.root, "/tmp")
    full = tmp.entries.__sizeof__()
    for k in range(2000):
        guest.sys("unlinkat", AT_FDCWD, f"/tmp/{k}", 0)
    assert tmp.entries.__sizeof__() < full / 50


def test_few_frames_are_kept_and_none_for_nothing():
    store = PageStore(64)
    allowance = Allowance(store, 64 * PAGE_SIZE)
    big, small = allowance.charge(40 * PAGE_SIZE), allowance.charge(1)
    assert len(store.frames) == 41
    del big
    assert len(store.frames) == 1 + SPARE_FRAMES
    with pytest.raises(LinuxError) as refused:
        small.resize(65 * PAGE_SIZE)
    assert refused.value.errno == ENOMEM and small.size == 1 and len(store.frames) <= 1 + SPARE_FRAMES
    del small, refused
    assert not store.frames


def test_deep_trees_end_without_recursion(guest):
    for k in range(5000):
        assert deep(guest, k) == 0
    assert guest.sys("getcwd", guest.room(8192), 8192) == "ENAMETOOLONG"
    guest.save("here", b"x")
    assert guest.contents("here") == b"x"
    assert guest.sys("renameat2", AT_FDCWD, "/d", AT_FDCWD, "inside", 0) == "EINVAL"


def test_paths_through_deep_host_directories_are_bounded(tmp_path):
    guest = Guest([Mount(os.fspath(tmp_path), "/mnt", True)])
    (tmp_path / "/".join(["d"] * 200)).mkdir(parents=True)
    deep_path = "/mnt/" + "/".join(["d"] * 200)
    assert guest.sys("faccessat", AT_FDCWD, deep_path, 0) == 0
    assert guest.sys("faccessat", AT_FDCWD, deep_path + "/../d" * 500, 0) == "ELOOP"
    assert guest.finish() == 0
