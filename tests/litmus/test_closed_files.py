"""The list of closed files of a file server that leaves (kernel/files/descriptions.py)."""

from emu.kernel.task.records import create_task
from emu.testing.crew import CONTROL_S
from emu.testing.file_checks import check_files
from tests.litmus.closed_files import TASK

MODULE = "tests.litmus.closed_files"


def run_rounds(crew, workers, rounds, bad, bound_s):
    run = crew(workers)
    run.words[TASK] = create_task(run.window.address, 0)
    run.run_all(MODULE, "close_and_leave", rounds, bad, bound_s=bound_s, enough=lambda: min(run.results()) > 300)
    return run


def test_no_file_stays_in_the_list_of_a_server_that_has_left(crew, workers):
    run = run_rounds(crew, max(workers, 2), 10_000, 0, 2.0)
    assert run.violations == 0
    check_files(run.window)


def test_control_a_server_that_empties_its_list_while_it_is_found_forgets_files(crew):
    assert run_rounds(crew, 4, 100_000_000, 1, CONTROL_S).violations > 0
