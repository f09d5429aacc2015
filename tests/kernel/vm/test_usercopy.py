"""Copies between kernel and guest memory: what is not accessible is an error, never a crash (alux-8)."""

import ctypes

import pytest

from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.kernel.vm import address_space, usercopy
from emu.limits import PAGE_SIZE, USER_TOP
from emu.shm.decoded import FRAME_CODE
from emu.testing.checks import check_frames
from tests.kernel import wrappers as hot

BASE = 0x40000000
R, W, X = 1, 2, 4

pytestmark = pytest.mark.system("alux-8")


class Guest:
    """A task with three pages: writable, read-only, and one that nobody may touch; then a hole."""

    def __init__(self, window):
        self.base, self.window = window.address, window
        self.task = create_task(self.base, 0)
        for page, prot in enumerate((R | W, R, 0)):
            assert address_space.map_region(self.base, 0, self.task, BASE + page * PAGE_SIZE, PAGE_SIZE, prot) == 0

    def write(self, va, data):
        source = (ctypes.c_char * max(len(data), 1)).from_buffer_copy(data or b"\0")
        return usercopy.write_user(self.base, 0, self.task, va, ctypes.addressof(source), len(data))

    def read(self, va, count):
        buffer = ctypes.create_string_buffer(max(count, 1))
        got = usercopy.read_user(self.base, 0, self.task, va, ctypes.addressof(buffer), count)
        return got, buffer.raw[:got]

    def string(self, va, limit):
        buffer = ctypes.create_string_buffer(limit)
        return usercopy.read_string(self.base, 0, self.task, va, ctypes.addressof(buffer), limit), buffer.raw


@pytest.fixture
def guest(window):
    task = Guest(window)
    yield task
    check_frames(window)
    reap_task(window.address, 0, task.task)
    check_frames(window)


def test_bytes_go_in_and_come_out_at_any_alignment(guest):
    assert guest.write(BASE + 13, b"thirteen") == 8
    assert guest.read(BASE + 13, 8) == (8, b"thirteen")


def test_reading_a_page_that_was_never_touched_gives_zeroes(guest):
    assert guest.read(BASE + PAGE_SIZE, 4) == (4, bytes(4))


def test_a_write_stops_where_writing_is_not_allowed(guest):
    assert guest.write(BASE + PAGE_SIZE - 3, b"abcdef") == 3
    assert guest.read(BASE + PAGE_SIZE - 3, 6) == (6, b"abc\0\0\0")


def test_a_read_stops_at_a_page_that_is_hidden(guest):
    assert guest.read(BASE + 2 * PAGE_SIZE - 5, 50)[0] == 5


@pytest.mark.parametrize("va", [0, BASE - 1, BASE + 3 * PAGE_SIZE, USER_TOP, -1, -PAGE_SIZE, 1 << 62, -(1 << 63)])
def test_addresses_that_are_not_mapped(guest, va):
    assert guest.read(va, 8)[0] == 0 and guest.write(va, b"x" * 8) == 0


def test_nothing_is_copied_for_a_count_of_nothing(guest):
    assert guest.read(BASE, 0) == (0, b"") and guest.write(0, b"") == 0


def test_a_fill_stores_zeroes(guest):
    guest.write(BASE, b"x" * 64)
    assert usercopy.write_user(guest.base, 0, guest.task, BASE + 8, usercopy.FILL, 16) == 16
    assert guest.read(BASE, 32) == (32, b"x" * 8 + bytes(16) + b"x" * 8)


def test_strings(guest):
    guest.write(BASE + PAGE_SIZE - 4, b"hell")
    length, raw = guest.string(BASE + PAGE_SIZE - 4, 100)
    assert (length, raw[:5]) == (4, b"hell\0"), "the NUL lies in the next page"
    guest.write(BASE, b"y" * 64)
    assert guest.string(BASE, 64)[0] == -2, "too long"
    assert guest.string(BASE + 3 * PAGE_SIZE, 64)[0] == -1
    address_space.protect_region(guest.base, 0, guest.task, BASE + PAGE_SIZE, PAGE_SIZE, 0)
    assert guest.string(BASE + PAGE_SIZE - 4, 100)[0] == -1, "no NUL before the fault"


def test_a_copy_into_code_forgets_what_was_decoded(guest):
    from tests.shm.test_decoded import DECODED_OFFSET, DECODED_PAGE_BYTES

    guest.write(BASE, b"1234")
    host = hot.user_address(guest.base, 0, guest.task, BASE, 0)
    frame = (host - guest.base - (64 << 30)) >> 12
    guest.window.machine["frames"][frame]["word"] |= FRAME_CODE
    at = guest.base + DECODED_OFFSET + frame * DECODED_PAGE_BYTES
    word = ctypes.c_int64.from_address(at + 8)
    word.value = 99
    guest.write(BASE + 2, b"56")
    assert word.value == 0
    guest.window.machine["frames"][frame]["word"] &= ~FRAME_CODE


def test_out_of_memory_is_an_error_and_not_a_fault(window):
    task = create_task(window.address, 0)
    address_space.map_region(window.address, 0, task, BASE, 64 << 20, R | W)
    got = usercopy.write_user(window.address, 0, task, BASE, usercopy.FILL, 64 << 20)
    assert 0 < got < 64 << 20 and window.machine["nr_free_frames"] == 0
    check_frames(window)
    reap_task(window.address, 0, task)
    check_frames(window)
    assert window.machine["nr_free_frames"] == window.machine["nr_frames"]
