"""The frame allocator: no frame is handed out twice, none is lost."""

from emu.testing.checks import check_frames
from emu.testing.crew import CONTROL_S, LONGEST_S, RESERVED_FRAMES

MODULE = "tests.litmus.framesrace"


def test_no_frame_is_handed_out_twice_and_all_come_back(crew, workers):
    run = crew(workers)
    run.run_all(MODULE, "take_and_drop", 400_000, bound_s=LONGEST_S)
    assert run.violations == 0
    machine = run.machine
    assert machine["nr_free_frames"] == machine["nr_frames"] - RESERVED_FRAMES
    machine["frames"]["word"][:RESERVED_FRAMES] = 1 << 8
    check_frames(run.window, held=range(RESERVED_FRAMES))


def test_control_a_free_list_without_its_lock_hands_frames_out_twice(crew):
    run = crew(4)
    run.run_all(MODULE, "take_without_lock", 50_000_000, bound_s=CONTROL_S)
    assert run.violations > 0
