"""Forgetting decoded instructions: exactly those that a store can have changed."""

import numpy as np
import pytest

from emu.limits import DECODED_OFFSET, DECODED_PAGE_BYTES, DECODED_PAGE_WORDS, PAGE_SIZE, RAM_OFFSET
from emu.shm.decoded import FRAME_CODE
from tests.shm import wrappers as hot

FRAME = 5


@pytest.fixture
def words(window):
    """The decoded words of a frame, all set, and its neighbours'."""
    import ctypes

    base = window.address + DECODED_OFFSET + (FRAME - 1) * DECODED_PAGE_BYTES
    array = np.frombuffer((ctypes.c_char * (3 * DECODED_PAGE_BYTES)).from_address(base), dtype=np.int64)
    array[:] = 1
    window.machine["frames"][FRAME]["word"] = FRAME_CODE | 256
    return array.reshape(3, DECODED_PAGE_WORDS)


def cleared(words):
    assert words[0].all() and words[2].all(), "another frame's words were cleared"
    return list(np.flatnonzero(words[1] == 0))


@pytest.mark.parametrize(
    ("offset", "size", "expected"),
    [
        (0, 1, [0]),
        (8, 8, [3, 4, 5, 6, 7]),  # one parcel before the store
        (9, 1, [3, 4]),
        (10, 2, [4, 5]),
        (PAGE_SIZE - 1, 1, [2046, 2047]),
        (0, PAGE_SIZE, list(range(2048))),
    ],
)
def test_invalidate_clears_the_parcels_that_a_store_touched(window, words, offset, size, expected):
    hot.invalidate(window.address, window.address + RAM_OFFSET + FRAME * PAGE_SIZE + offset, size)
    assert cleared(words) == expected


def test_a_frame_that_nobody_fetched_from_costs_nothing(window, words):
    window.machine["frames"][FRAME]["word"] = 256
    hot.invalidate(window.address, window.address + RAM_OFFSET + FRAME * PAGE_SIZE, 8)
    assert cleared(words) == []


def test_forget_frame_clears_all_of_one_frame(window, words):
    hot.forget_frame(window.address, FRAME)
    assert len(cleared(words)) == DECODED_PAGE_WORDS
