"""Pages that threads and tasks unmap at once: every frame is dropped as often as it was taken, and none too early."""

import contextlib

import numpy as np
import pytest

from emu.cpu_worker.mmu import fault
from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.kernel.vm import file_objects, frames
from emu.testing.checks import check_frames
from emu.testing.crew import CONTROL_S, RESERVED_FRAMES, TIMED_S
from tests.litmus.unmaps import FILE, GROUPS, MET, SHARED_MARK, SHOWN, edits

MODULE = "tests.litmus.unmaps"
STEPS = 100_000_000  # until the time is over


@contextlib.contextmanager
def spaces(run, tasks):
    """Tasks without pages, and a file; afterwards every frame has been dropped, once for each mapping."""
    fault.compile()  # here: the processes find it in the cache
    edits.compile()
    machine, base = run.machine, run.window.address
    made = [create_task(base, 0) for _ in range(tasks)]
    assert made == list(range(tasks))
    held = []
    for group in range(GROUPS):
        frame = frames.allocate(base, 0)
        run.window.memory(frame).view(np.int64)[0] = SHARED_MARK + group
        run.words[FILE + group] = file = file_objects.create_file(base, 0, 1)
        assert file_objects.put_file_page(base, 0, file, 0, frame) == 0
        held.append(frame)
    yield
    if run.violations:
        return
    machine["frames"]["word"][:RESERVED_FRAMES] = 1 << 8
    check_frames(run.window, held=[*range(RESERVED_FRAMES), *held])
    for task in made:
        reap_task(base, 0, task)
    for group in range(GROUPS):
        file_objects.release_file(base, 0, int(run.words[FILE + group]))
    for frame in held:
        assert machine["frames"][frame]["word"] >> 8 == 1, "the file alone holds its page"
        frames.drop(base, 0, frame)
    assert machine["nr_free_frames"] == machine["nr_frames"] - RESERVED_FRAMES
    assert not machine["tasks"]["resident"][:tasks].any()


def steps_done(run):
    return sum(run.results())


@pytest.mark.parametrize("tasks", [1, 4], ids=["threads", "tasks"])
def test_frames_survive_who_unmaps_moves_discards_and_touches_them_at_once(crew, tasks):
    run = crew(4)
    with spaces(run, tasks):
        run.run_all(MODULE, "edit_and_touch", STEPS, tasks, 0, bound_s=TIMED_S, enough=lambda: steps_done(run) > 500)
        assert run.violations == 0


@pytest.mark.parametrize("tasks", [1, 4], ids=["threads", "tasks"])
def test_control_a_chain_through_frames_that_others_share_drops_them_too_often(crew, tasks):
    run = crew(4)
    with spaces(run, tasks):
        run.run_all(MODULE, "edit_and_touch", STEPS, tasks, 1, bound_s=CONTROL_S, destroys=True)
        assert run.violations > 0


def test_a_store_of_the_server_never_lands_in_a_frame_taken_away_where_one_after_the_lock_does(crew):
    run = crew(2, held_up=True)
    with spaces(run, 1):
        run.run(MODULE, [("serve", ()), ("discard_and_look", ())], enough=lambda: run.words[SHOWN] > 9)
        assert run.violations == 0


def test_two_threads_never_get_one_place(crew):
    run = crew(4)
    with spaces(run, 1):
        run.run_all(MODULE, "own_places", STEPS, 1, bound_s=TIMED_S, enough=lambda: run.words[MET] > 19)
        assert run.violations == 0


def test_control_a_place_found_before_the_lock_is_given_away_twice(crew):
    run = crew(4)
    with spaces(run, 1):
        run.run_all(MODULE, "own_places", STEPS, 0, bound_s=CONTROL_S)
        assert run.violations > 0


def test_who_waits_for_the_map_lock_answers_its_holder(crew):
    run = crew(4)
    with spaces(run, 1):
        run.run_all(MODULE, "protect", STEPS, 0, bound_s=1.0, enough=lambda: min(run.results()) > 50)
        assert run.violations == 0


def test_control_a_waiter_that_answers_nobody_waits_for_ever(crew):
    run = crew(4)
    with spaces(run, 1):
        run.run_all(MODULE, "protect", STEPS, 1, bound_s=CONTROL_S)
        assert run.violations > 0
