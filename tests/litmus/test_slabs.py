"""Kernel memory between processes: no object twice, none lost, whoever is killed at whatever store (cz-10)."""

import pytest

from emu.kernel.vm.kernel_pages import GRANT, RECLAIM
from emu.testing.checks import check_slabs
from emu.testing.crew import CONTROL_S, DONE, LONGEST_S
from tests.kernel import wrappers

pytestmark = pytest.mark.system("cz-10")
MODULE = "tests.litmus.slabs"
POOL = 600  # pages: enough, so nobody borrows, and is killed with the frame allocator's lock


def test_no_object_is_given_out_twice_and_all_memory_comes_back(crew, workers):
    run = crew(workers, held_up=True)
    run.run_all(MODULE, "allocate_and_free", 200_000, bound_s=LONGEST_S)
    assert run.violations == 0
    assert check_slabs(run.window) == {}
    words = run.machine["frames"]["word"]
    assert not (words[64:] >> 8).any(), "frames are still held"


def test_control_objects_taken_without_the_lock_are_given_out_twice(crew):
    run = crew(4)
    run.run_all(MODULE, "take_without_lock", 50_000_000, bound_s=CONTROL_S)
    assert run.violations > 0


def test_a_cpu_that_is_killed_with_the_lock_costs_one_object_at_most(crew, workers):
    run = crew(workers)
    assert wrappers.kmem_control(run.window.address, 0, 0, GRANT, POOL) == POOL
    run.run(MODULE, [("kill_and_recover", ())] + [("allocate_and_free", (1 << 40,))] * (workers - 1), bound_s=CONTROL_S)
    assert run.violations == 0
    assert sum(check_slabs(run.window).values()) <= run.words[DONE], "more objects are lost than processes were killed"


def test_control_without_rebuilding_the_lists_of_a_killed_cpu_are_wrong(crew):
    run = crew(1)
    assert wrappers.kmem_control(run.window.address, 0, 0, GRANT, POOL) == POOL
    run.run(MODULE, [("kill_and_release", ())], bound_s=CONTROL_S, destroys=True)
    assert run.violations > 0
    assert wrappers.kmem_control(run.window.address, 0, 0, RECLAIM, 0) == 0
