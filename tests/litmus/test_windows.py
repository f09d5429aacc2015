"""No CPU uses a page through its window that was taken away, whether it was asked or came back to the task later."""

import pytest

from emu.kernel.task.records import create_task
from emu.testing.crew import CONTROL_S
from tests.litmus import windows
from tests.litmus.windows import FIRST, FOUND, GOOD, LATE, NOTED_LATE, OVERWRITTEN, SECOND, TAKEN

MODULE = "tests.litmus.windows"


def run_windows(crew, workers, how, **options):
    windows.turn_and_take.compile()
    run = crew(workers, held_up=True)
    run.words[FIRST], run.words[SECOND] = (create_task(run.window.address, 0) for _ in range(2))
    options.setdefault("enough", lambda: min(run.words[TAKEN], run.words[FOUND]) > 1000 and run.words[LATE] > 10)
    run.run_all(MODULE, "use_windows", 1_000_000_000, how, **options)
    return run


def test_no_page_of_a_window_is_used_after_it_was_taken_away(crew, workers):
    assert run_windows(crew, workers, GOOD).violations == 0


def test_a_change_that_is_overwritten_while_a_cpu_follows_is_not_lost(crew):
    windows.follower.compile()
    run = crew(2)
    run.words[FIRST] = create_task(run.window.address, 0)
    jobs = [("noter", (1_000_000_000,)), ("follow_in_window", (1_000_000_000,))]
    run.run(MODULE, jobs, enough=lambda: run.results()[1] > 300)
    assert run.violations == 0


@pytest.mark.parametrize("how", [NOTED_LATE, OVERWRITTEN], ids=["noted late", "overwritten"])
def test_control_what_is_written_down_too_late_or_overwritten_leaves_a_page_in_a_window(crew, how):
    assert run_windows(crew, 2, how, bound_s=CONTROL_S, enough=None).violations > 0
