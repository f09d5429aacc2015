"""Copies of memory: nobody sees what another stores after the copy; two CPUs that store to one page lose nothing."""

import contextlib

import pytest

from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.testing.area_checks import check_areas
from emu.testing.checks import check_frames
from emu.testing.crew import CONTROL_S, RESERVED_FRAMES, TIMED_S

MODULE = "tests.litmus.shadows"
STEPS = 100_000_000  # until the time is over


@contextlib.contextmanager
def spaces(run, tasks):
    """Tasks without pages; afterwards everything is as the truth words say, and given back once they end."""
    made = [create_task(run.window.address, 0) for _ in range(tasks)]
    assert made == list(range(tasks))
    yield
    if run.violations:
        return
    machine = run.machine
    machine["frames"]["word"][:RESERVED_FRAMES] = 1 << 8
    check_areas(run.window)
    check_frames(run.window, held=range(RESERVED_FRAMES))
    for task in made:
        reap_task(run.window.address, 0, task)
    assert machine["nr_free_frames"] == machine["nr_frames"] - RESERVED_FRAMES


@pytest.mark.system("cz-11")
def test_a_copy_of_memory_stays_what_it_was_while_all_copy_store_and_leave(crew):
    run = crew(4)
    with spaces(run, 4):
        run.run_all(MODULE, "copies", STEPS, 1, bound_s=TIMED_S, enough=lambda: min(run.results()) > 300)
        assert run.violations == 0


def test_control_a_copy_that_the_original_stores_through_changes(crew):
    run = crew(4)
    with spaces(run, 4):
        run.run_all(MODULE, "copies", STEPS, 0, bound_s=CONTROL_S)
        assert run.violations > 0


@pytest.mark.system("cz-11")
def test_two_cpus_that_store_to_one_shadows_page_get_one_frame(crew):
    run = crew(4)
    with spaces(run, 2):
        run.run_all(MODULE, "stores", STEPS, 0, bound_s=TIMED_S, enough=lambda: min(run.results()) > 300)
        assert run.violations == 0


def test_control_two_copies_of_one_page_lose_a_store(crew):
    run = crew(4)
    with spaces(run, 2):
        run.run_all(MODULE, "stores", STEPS, 1, bound_s=CONTROL_S, destroys=True)
        assert run.violations > 0
