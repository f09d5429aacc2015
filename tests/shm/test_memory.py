"""Each atomic and each access by address, once, against what Python says it does."""

import ctypes

import pytest

from emu.limits import PAGE_SIZE, RAM_OFFSET
from emu.shm.layout import MACHINE
from tests.shm import wrappers as hot

MIN_64 = -(1 << 63)


@pytest.fixture
def word(window):
    return window.address + RAM_OFFSET


def field(window):
    return int(window.machine["thread_limit_hits"])


@pytest.mark.parametrize("operation", [hot.LOAD_RELAXED, hot.LOAD_ACQUIRE, hot.LOAD_SEQ_CST])
def test_loads_return_the_field(window, operation):
    window.machine["thread_limit_hits"] = MIN_64 + 5
    assert hot.atomic(window.address, operation, 0) == MIN_64 + 5


@pytest.mark.parametrize("operation", [hot.STORE_RELAXED, hot.STORE_RELEASE])
def test_stores_set_the_field_and_no_other(window, operation):
    page = MACHINE.offset("thread_limit_hits") & -PAGE_SIZE
    near = (ctypes.c_uint8 * PAGE_SIZE).from_address(window.address + page)
    before = bytes(near)
    hot.atomic(window.address, operation, -7)
    assert field(window) == -7
    window.machine["thread_limit_hits"] = 0
    assert bytes(near) == before


@pytest.mark.parametrize(
    ("operation", "value", "after"),
    [
        (hot.EXCHANGE, 9, 9),
        (hot.FETCH_ADD, -3, 0b1010 - 3),
        (hot.FETCH_OR, 0b0101, 0b1111),
        (hot.FETCH_AND, ~0b0010, 0b1000),
        (hot.FETCH_OR, MIN_64, MIN_64 | 0b1010),
    ],
)
def test_read_modify_writes_return_the_old_value(window, operation, value, after):
    window.machine["thread_limit_hits"] = 0b1010
    assert hot.atomic(window.address, operation, value) == 0b1010
    assert field(window) == after


def test_compare_exchange_changes_only_what_it_expects(window):
    window.machine["thread_limit_hits"] = 4
    assert hot.compare_exchange(window.address, 5, 6) == 0 and field(window) == 4
    assert hot.compare_exchange(window.address, 4, 6) == 1 and field(window) == 6


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("s8", -1), ("u8", 255), ("s16", -1), ("u16", 65535), ("s32", -1), ("u32", (1 << 32) - 1), ("64", -1)],
)
def test_narrow_loads_extend_as_their_name_says(window, word, kind, expected):
    hot.store(word, 64, -1)
    assert hot.load(word, hot.LOADS.index(kind)) == expected


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_narrow_stores_leave_the_neighbours_alone(window, word, bits):
    hot.store(word, 64, 0)
    hot.store(word, bits, -1)
    assert hot.load(word, hot.LOADS.index("64")) == (-1 if bits == 64 else (1 << bits) - 1)


def test_misaligned_words(window, word):
    hot.store(word + 3, 0, 0x1122334455667788)
    assert hot.load(word + 3, hot.LOADS.index("any_64")) == 0x1122334455667788
    assert bytes(window.memory(0)[3:11]) == (0x1122334455667788).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("operation", "old", "value", "result"),
    [
        ("add_32", 0x7FFFFFFF, 1, -0x80000000),
        ("add_64", 1, -2, -1),
        ("min_32", 3, -1, -1),
        ("umin_32", 3, -1, 3),
        ("max_64", -1, 0, 0),
        ("umax_64", -1, 0, -1),
        ("xchg_32", -1, 5, 5),
        ("xor_64", 0b11, 0b01, 0b10),
    ],
)
def test_guest_atomics(window, word, operation, old, value, result):
    bits = int(operation[-2:])
    kind = hot.LOADS.index("s32" if bits == 32 else "64")
    hot.store(word, 64, 0)
    hot.store(word, bits, old)
    assert hot.amo(word, hot.AMOS.index(operation), value) == old
    assert hot.load(word, kind) == result


@pytest.mark.parametrize("bits", [32, 64])
def test_compare_exchange_by_address(window, word, bits):
    hot.store(word, 64, -1)
    assert hot.compare_exchange_at(word, bits, 0, 1) == 0
    assert hot.compare_exchange_at(word, bits, -1, 1) == 1
    assert hot.load(word, hot.LOADS.index("64")) == (1 if bits == 64 else (-1 << 32) | 1)


def test_blocks_of_bytes(window, word):
    memory = window.memory(0, 2)
    hot.fill(word + 1, 0xAB, 5000)
    assert memory[0] == 0 and (memory[1:5001] == 0xAB).all() and memory[5001] == 0
    memory[:10] = range(10)
    hot.copy(word + 3, word, 7)  # overlapping, as memmove
    assert bytes(memory[:10]) == bytes([0, 1, 2, 0, 1, 2, 3, 4, 5, 6])
    hot.copy(word, word + 100, 0)
    assert memory[0] == 0


def test_unsigned_order():
    assert hot.unsigned_less(1, -1) == 1 and hot.unsigned_less(-1, 1) == 0 and hot.unsigned_less(2, 2) == 0


def test_the_clock_runs_forward():
    assert 0 < hot.clock(0) <= hot.clock(0)
