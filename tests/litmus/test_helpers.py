"""A task with helpers ends with its last thread that is none, whichever of several that is (inko-6)."""

import pytest

from emu.kernel.task.records import create_task
from emu.testing.crew import CONTROL_S
from tests.litmus.helpers import TASK

MANY = 1_000_000_000


def leave(crew, workers, bad, bound_s=1.5):
    run = crew(workers, policy="random")
    run.words[TASK] = create_task(run.window.address, 0)
    run.run_all(
        "tests.litmus.helpers", "leave_together", MANY, bad, bound_s=bound_s, enough=lambda: run.results()[0] > 50
    )
    return run


@pytest.mark.system("inko-6")
def test_the_last_of_several_threads_that_leave_at_once_ends_the_task_of_a_helper(crew, workers):
    run = leave(crew, workers, 0)
    assert run.violations == 0 and run.machine["failed"] == 0


def test_control_without_the_tasks_lock_each_of_them_leaves_it_to_another(crew):
    assert leave(crew, 2, 1, CONTROL_S).violations > 0
