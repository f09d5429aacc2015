"""The file in guest frames behaves as one long bytearray, and holds no frame too many."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.abi.errno import EACCES, EFBIG, ENODEV, ENOSPC
from emu.server.errors import LinuxError
from emu.server.vfs.allowance import FREE
from emu.server.vfs.memory_file import RegularFile
from tests.server.calls.guest import Guest, PageStore

SIZES = st.one_of(st.integers(0, 20_000), st.sampled_from([0, 1, 4095, 4096, 4097, 8192, 12288]))
OPERATIONS = st.one_of(
    st.tuples(st.just("write"), SIZES, st.binary(max_size=9000)),
    st.tuples(st.just("truncate"), SIZES, st.none()),
    st.tuples(st.just("allocate"), SIZES, st.integers(1, 9000)),
    st.tuples(st.just("scribble"), SIZES, st.none()),
)


class Filesystem:
    read_only = False
    device = 1
    allowance = FREE

    def __init__(self, store):
        self.store = store
        self.numbers = self.nr_pages = 0

    def clock(self):
        return 0

    def next_number(self):
        self.numbers += 1
        return self.numbers

    def max_pages(self):
        return 512

    def space(self):
        return 4096, 512, 512


def new_file(capacity=512):
    store = PageStore(capacity)
    return RegularFile(Filesystem(store), 0o644), store


@settings(max_examples=150, deadline=None)
@given(st.lists(OPERATIONS, max_size=12))
def test_any_sequence_of_changes_gives_the_bytes_of_a_plain_array(operations):
    file, store = new_file()
    model = bytearray()
    for kind, offset, argument in operations:
        if kind == "write":
            assert file.write_at(offset, argument) == len(argument)
            if argument:
                model.extend(bytes(max(0, offset - len(model))))
                model[offset : offset + len(argument)] = argument
        elif kind == "truncate":
            file.truncate(offset)
            del model[offset:]
            model.extend(bytes(offset - len(model)))
        elif kind == "allocate":
            file.allocate(offset, argument)
            model.extend(bytes(max(0, offset + argument - len(model))))
        elif file.pages and file.size & 4095 and file.size >> 12 in file.pages:
            # a shared mapping writes behind the end of the file, which must never come into sight
            store.write(file.pages[file.size >> 12], file.size & 4095, b"\xff" * (4096 - (file.size & 4095)))
        assert file.size == len(model)
        assert file.read_at(0, 1 << 20) == model
        assert file.read_at(offset, 5000) == model[offset : offset + 5000]
        assert all(index << 12 < file.size for index in file.pages)
        assert len(store.frames) == len(file.pages)
    file.drop()
    assert not store.frames


def test_holes_take_no_frames():
    file, store = new_file()
    file.write_at(1 << 40, b"far")
    assert len(store.frames) == 1 and file.read_at((1 << 40) - 2, 9) == b"\0\0far"
    file.truncate(1 << 39)
    assert not store.frames
    with pytest.raises(LinuxError, match="EFBIG"):
        file.write_at((1 << 63) - 2, b"abc")
    assert LinuxError(EFBIG).errno == 27


def test_a_full_store_gives_short_writes_and_keeps_the_file_sound():
    file, store = new_file(capacity=2)
    assert file.write_at(4000, bytes(8192)) == 4096 + 96
    with pytest.raises(LinuxError) as error:
        file.write_at(20_000, b"x")
    assert error.value.errno == ENOSPC and file.size == 8192
    with pytest.raises(LinuxError):
        file.allocate(0, 5 * 4096)
    assert len(store.frames) == 2 and file.size == 8192


@pytest.fixture
def guest():
    fresh = Guest()
    yield fresh
    assert fresh.finish() == 0


def open_file(guest, path, flags):
    return guest.task.files.get(guest.open(path, flags))


def test_a_shared_mapping_has_the_files_own_frames(guest):
    guest.save("/tmp/f", b"x" * 5000)
    file = open_file(guest, "/tmp/f", 2)
    file.check_map(shared=True, writable=True)
    mapped = file.map_pages(4096, 1 << 20)
    assert mapped.frame(0) is None and mapped.frame(2) is None, "only what was asked for, and the file has"
    guest.store.write(mapped.frame(1), 0, b"abc")
    assert file.read_at(4094, 6) == b"xxabcx"
    assert file.map_pages(0, 4096) is mapped and mapped.frame(0) is not None


def test_a_mapped_file_that_grows_or_shrinks_tells_its_mappings(guest):
    guest.save("/tmp/f", b"x" * 4096)
    file = open_file(guest, "/tmp/f", 2)
    mapped = file.map_pages(0, 1 << 20)
    assert not mapped.bring(1), "past the end"
    file.write_at(4096, b"y")
    assert mapped.frame(1) is not None
    file.truncate(3 * 4096)
    assert mapped.frame(2) is None and mapped.bring(2), "a hole gets its frame when it is touched"
    file.truncate(4096)
    assert mapped.frame(1) is mapped.frame(2) is None and not mapped.bring(1)


def test_mapping_a_hole_gives_it_frames(guest):
    file = open_file(guest, "/tmp/f", 0o102)
    file.truncate(3 * 4096)
    assert guest.data_frames() == 0
    file.map_pages(0, 3 * 4096)
    assert guest.data_frames() == 3


@pytest.mark.parametrize(
    "flags, shared, writable, error",
    [(0, True, True, EACCES), (1, False, False, EACCES), (0, True, False, None), (0, False, True, None)],
)
def test_mappings_need_the_access_that_linux_asks_for(guest, flags, shared, writable, error):
    guest.save("/tmp/f", b"x")
    file = open_file(guest, "/tmp/f", flags)
    if error is None:
        return file.check_map(shared, writable)
    with pytest.raises(LinuxError) as raised:
        file.check_map(shared, writable)
    assert raised.value.errno == error


def test_only_files_can_be_mapped_and_zeros_privately(guest):
    for path, flags in (("/tmp", 0), ("/dev/null", 2), ("/proc/version", 0)):
        with pytest.raises(LinuxError) as raised:
            open_file(guest, path, flags).check_map(False, False)
        assert raised.value.errno == ENODEV
    zero = open_file(guest, "/dev/zero", 2)
    zero.check_map(shared=False, writable=True)
    assert zero.read_at(0, 9) == bytes(9)
    with pytest.raises(LinuxError):
        zero.check_map(shared=True, writable=True)
