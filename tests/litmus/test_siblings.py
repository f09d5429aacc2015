"""A task's list of threads, which its lock guards, under threads that join and quit on several CPUs at once."""

from emu.kernel.task.records import create_task
from emu.kernel.thread.references import ONE_RETAIN
from emu.testing.crew import CONTROL_S
from tests.litmus.siblings import TASK

MODULE = "tests.litmus.siblings"


def run_rounds(crew, workers, rounds, bad, bound_s):
    run = crew(workers)
    run.words[TASK] = create_task(run.window.address, 0)
    run.run_all(MODULE, "join_and_quit", rounds, bad, bound_s=bound_s, enough=lambda: min(run.results()) > 100)
    return run


def test_a_tasks_list_and_count_are_those_of_its_threads_who_join_and_quit_at_once(crew, workers):
    run = run_rounds(crew, workers, 20_000, 0, 2.0)
    assert run.violations == 0
    task = run.machine["tasks"][run.words[TASK]]
    assert (task["nr_threads"], task["first_thread"], task["references"]) == (0, -1, ONE_RETAIN), "all have quit"


def test_control_threads_that_quit_without_the_tasks_lock_spoil_list_and_count(crew):
    assert run_rounds(crew, 4, 100_000_000, 1, CONTROL_S).violations > 0
