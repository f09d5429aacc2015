"""Guest frames: zeroed when handed out, counted, all of them usable, none twice."""

import random

import numpy as np

from emu.kernel.vm import frames
from emu.limits import DECODED_OFFSET, DECODED_PAGE_BYTES, PAGE_SIZE
from emu.shm.decoded import FRAME_CODE
from emu.testing.checks import check_frames


def test_every_frame_is_handed_out_once_and_then_memory_is_used_up(window):
    total = int(window.machine["nr_frames"])
    taken = [frames.allocate(window.address, 0) for _ in range(total)]
    assert sorted(taken) == list(range(total))
    assert frames.allocate(window.address, 0) == -1
    check_frames(window, held=taken)
    for frame in taken:
        frames.drop(window.address, 0, frame)
    check_frames(window)
    assert window.machine["nr_free_frames"] == total


def test_a_frame_that_was_used_comes_back_zeroed(window):
    frame = frames.allocate(window.address, 0)
    window.memory(frame)[:] = 0xAA
    frames.drop(window.address, 0, frame)
    assert frames.allocate(window.address, 0) == frame
    assert not window.memory(frame).any()


def test_a_shared_frame_lives_until_the_last_reference_is_dropped(window):
    frame = frames.allocate(window.address, 0)
    frames.share(window.address, 0, frame)
    frames.drop(window.address, 0, frame)
    assert window.machine["frames"][frame]["word"] >> 8 == 1
    assert frames.allocate(window.address, 0) != frame
    frames.drop(window.address, 0, frame)
    assert window.machine["frames"][frame]["word"] == 0


def test_the_flags_of_a_frame_do_not_disturb_its_count_and_go_with_it(window):
    frame = frames.allocate(window.address, 0)
    window.machine["frames"][frame]["word"] |= FRAME_CODE
    window.machine["fresh_frame"] = max(int(window.machine["fresh_frame"]), frame + 1)
    import ctypes

    at = window.address + DECODED_OFFSET + frame * DECODED_PAGE_BYTES
    words = np.frombuffer((ctypes.c_char * PAGE_SIZE).from_address(at), dtype=np.int64)
    words[:] = 7
    frames.share(window.address, 0, frame)
    frames.drop(window.address, 0, frame)
    assert words.all(), "decoded instructions are kept while the frame lives"
    frames.drop(window.address, 0, frame)
    assert window.machine["frames"][frame]["word"] == 0 and not words.any()


def test_random_use_against_a_model(window, seed):
    chance, held = random.Random(seed), {}
    for step in range(4000):
        choice = chance.random()
        if choice < 0.45 or not held:
            frame = frames.allocate(window.address, step % 2)
            assert frame not in held
            held[frame] = 1
        else:
            frame = chance.choice(list(held))
            if choice < 0.55:
                frames.share(window.address, 0, frame)
                held[frame] += 1
            else:
                frames.drop(window.address, step % 2, frame)
                held[frame] -= 1
                if held[frame] == 0:
                    del held[frame]
    words = window.machine["frames"]["word"][: int(window.machine["nr_frames"])] >> 8
    assert {int(f): int(words[f]) for f in np.flatnonzero(words)} == held
    assert window.machine["nr_free_frames"] == window.machine["nr_frames"] - len(held)
