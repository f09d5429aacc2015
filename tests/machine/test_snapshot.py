"""Snapshot files: what is in them, what is left out, and files that are damaged, truncated, or of another version."""

import errno
import os

import msgpack
import numpy as np
import pytest

from emu.limits import MIB, PAGE_SIZE
from emu.machine import snapshot
from emu.machine.description import FORMAT, layout_digest
from emu.machine.snapshot import MAGIC, SEGMENT_BYTES, SnapshotError, read_snapshot, write_snapshot
from emu.shm.layout import MACHINE

HEADER = {
    "format": FORMAT, "layout": layout_digest(), "process": 1, "memory_bytes": 16 * MIB, "address": 1 << 44, "cpus": 2,
    "policy": "inko", "seed": 7, "made_ns": 5, "programs": {0: b"hello"},
}  # fmt: skip


@pytest.fixture
def written(window, tmp_path):
    """A snapshot of a bare machine with two pages of memory in use, and a page of zeros between them."""
    window.memory(3)[:] = 3
    window.memory(4)[:] = 0
    window.memory(5)[-1] = 5
    path = tmp_path / "snapshot"
    size = write_snapshot(path, HEADER, window.descriptors[:2])
    assert size == path.stat().st_size < 64 * MIB
    return path


def test_records_and_memory_are_as_they_were(written, window):
    header, records, memory = read_snapshot(written)
    assert {name: header[name] for name in HEADER} == HEADER and header["left_out"] == 0
    machine = np.frombuffer(records, MACHINE.dtype, 1)[0]
    for name in ("nr_cpus", "made_ns", "free_thread", "nr_frames"):
        assert machine[name] == window.machine[name]
    assert np.array_equal(machine["queues"]["life"], window.machine["queues"]["life"])
    pages = np.frombuffer(memory, np.uint8).reshape(-1, PAGE_SIZE)
    assert (pages[3] == 3).all() and pages[5].sum() == 5 and np.flatnonzero(pages.any(axis=1)).tolist() == [3, 5]
    assert [3 * PAGE_SIZE, PAGE_SIZE] in header["extents"][1], "the page of zeros is not in the file"


def test_memory_beyond_the_limit_is_left_out_and_counted(window, tmp_path):
    for frame in range(8):
        window.memory(frame)[:] = 1
    write_snapshot(tmp_path / "all", HEADER, window.descriptors[:2])
    records_bytes = sum(length for _, length in read_snapshot(tmp_path / "all")[0]["extents"][0])
    write_snapshot(tmp_path / "some", HEADER, window.descriptors[:2], records_bytes + 3 * PAGE_SIZE)
    header, records, memory = read_snapshot(tmp_path / "some")
    assert header["left_out"] == 5 * PAGE_SIZE and len(records) == SEGMENT_BYTES
    assert np.frombuffer(memory, np.uint8).sum() == 3 * PAGE_SIZE


def test_nothing_is_left_where_the_disk_is_full(window, tmp_path, monkeypatch):
    class Full:
        f_bavail, f_frsize = 10, 4096

    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda path: Full)
        with pytest.raises(SnapshotError, match="No space left on device .* MiB are needed"):
            write_snapshot(tmp_path / "snapshot", HEADER, window.descriptors[:2])
    assert list(tmp_path.iterdir()) == []

    def refuse(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(snapshot, "_copy", refuse)
    with pytest.raises(SnapshotError, match="No space left on device"):
        write_snapshot(tmp_path / "snapshot", HEADER, window.descriptors[:2])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_ends_anywhere_says_so_in_one_line(written, tmp_path):
    whole, cut = written.read_bytes(), tmp_path / "cut"
    size = int.from_bytes(whole[len(MAGIC) : len(MAGIC) + 8], "little")
    start = len(MAGIC) + 8
    for length, told in (
        (0, "not one of emu's"), (5, "not one of emu's"), (start - 4, "within its header"),
        (start + 10, "within its header"), (start + size - 1, "within its header"),
        (start + size, "before its pages do"), (len(whole) - 1, "before its pages"),
    ):  # fmt: skip
        cut.write_bytes(whole[:length])
        with pytest.raises(SnapshotError, match=told) as raised:
            read_snapshot(cut)
        assert "\n" not in str(raised.value)


def test_a_header_may_not_be_of_any_length(tmp_path):
    (tmp_path / "file").write_bytes(MAGIC + (1 << 62).to_bytes(8, "little") + b"header")
    with pytest.raises(SnapshotError, match="within its header"):
        read_snapshot(tmp_path / "file")


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"layout": "other"}, "another version"), ({"format": 2}, "damaged"), ({"memory_bytes": 1 << 60}, "damaged"),
        ({"memory_bytes": "much"}, "damaged"), ({"extents": [[[-4096, 4096]], []]}, "damaged"),
        ({"cpus": None}, "damaged"), ({"extents": [[[0, 1 << 50]], []]}, "damaged"), ({"extents": 5}, "damaged"),
        ({"extents": [[["a", 1]], []]}, "damaged"),
        ({"extents": [[[0, 0]], []]}, "damaged"), ({"programs": []}, "damaged"),
        ({"taken": float("nan")}, "damaged"), ({"policy": 5}, "damaged"),
    ],
)  # fmt: skip
def test_a_header_with_nonsense_in_it_is_refused(tmp_path, changes, told):
    packed = msgpack.packb({**HEADER, "taken_ns": 6, "taken": 1.5, "extents": [[], []], "left_out": 0, **changes})
    (tmp_path / "file").write_bytes(MAGIC + len(packed).to_bytes(8, "little") + packed)
    with pytest.raises(SnapshotError, match=told):
        read_snapshot(tmp_path / "file")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "none", "/dev/null", tmp_path / "fifo"):
        with pytest.raises(SnapshotError):
            read_snapshot(path)


def test_what_is_no_regular_file_is_not_replaced(window, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SnapshotError, match="cannot be written: it is there, and no regular file"):
        write_snapshot(tmp_path / "fifo", HEADER, window.descriptors[:2])
    assert [path.name for path in tmp_path.iterdir() if path.is_fifo()] == ["fifo"]
