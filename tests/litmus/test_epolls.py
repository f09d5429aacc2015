"""Epoll sets under true parallelism (epoll(7)): no news is lost, none is told twice, none comes of a closed file."""

import pytest

from emu.abi.epoll import EPOLLET
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.testing.crew import CONTROL_S
from tests.litmus.epolls import ADDS, CLOSES, NESTED, TAKEN, WRITES, passes_on, prepare

MODULE = "tests.litmus.epolls"


@pytest.fixture(
    params={"write": WRITES, "last close": CLOSES, "addition": ADDS, "nest": NESTED}.items(), ids=lambda k: k[0]
)
def what(request):
    return request.param[1]


def run_rounds(crew, what, bad, rounds, bound_s):
    run = crew(2, policy="random")
    prepare(run, what)
    jobs = [("waiter", (rounds, what, bad)), ("poster", (rounds, what, bad))]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: run.results()[0] >= 100)
    return run


def test_a_waiter_does_not_sleep_over_what_comes_between_its_look_and_its_sleep(crew, what):
    run = run_rounds(crew, what, 0, 50_000, 0.7)
    assert run.violations == 0


def test_control_a_waiter_that_does_not_look_again_sleeps_over_it(crew):
    assert run_rounds(crew, WRITES, 1, 100_000_000, CONTROL_S).violations > 0


def run_takers(crew, mode, rounds, bound_s):
    run = crew(3, policy="random")
    prepare(run, WRITES, mode)
    run.run_all(MODULE, "taker", rounds, mode, bound_s=bound_s, enough=lambda: run.results()[0] >= 100)
    return run


def test_by_edge_each_change_is_taken_once(crew):
    run = run_takers(crew, EPOLLET, 20_000, 0.7)
    assert run.violations == 0


def test_control_by_level_it_is_taken_more_often(crew):
    assert run_takers(crew, 0, 100_000_000, CONTROL_S).violations > 0


def run_closes(crew, bad, rounds, bound_s):
    run = crew(2, policy="random")
    prepare(run, ADDS)
    run.run_all(MODULE, "closer", rounds, bad, bound_s=bound_s, enough=lambda: int(run.words[TAKEN]) >= 100)
    return run


def test_after_the_last_close_no_event_comes_of_a_file(crew):
    assert run_closes(crew, 0, 20_000, 0.7).violations == 0


def test_control_where_a_watch_outlives_its_file_one_comes(crew):
    assert run_closes(crew, 1, 100_000_000, CONTROL_S).violations > 0


def test_a_woken_thread_that_does_not_look_passes_the_wake_up_on(window):
    first, second = (create_thread(window.address, 0, create_task(window.address, 0)) for _ in range(2))
    assert passes_on(window.address, 0, first, second) == 1
