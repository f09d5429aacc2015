"""Pipes under true parallelism: nobody sleeps over what has come, and records are never mixed (pipe(7))."""

import pytest

from emu.testing.crew import CONTROL_S
from tests.litmus.pipes import CLOSES, SMALL, WRITES, prepare

MODULE = "tests.litmus.pipes"


@pytest.fixture(params={"write": WRITES, "last close": CLOSES}.items(), ids=lambda each: each[0])
def what(request):
    return request.param[1]


def run_rounds(crew, what, bad, rounds, bound_s):
    run = crew(2, policy="random")
    prepare(run)
    jobs = [("reader", (rounds, what, bad)), ("writer", (rounds, what, bad))]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: run.results()[0] >= 100)
    return run


def test_a_reader_does_not_sleep_over_a_write_or_the_last_close(crew, what):
    assert run_rounds(crew, what, 0, 50_000, 1.0).violations == 0


def test_control_a_reader_that_gives_the_lock_back_before_it_sleeps_does(crew, what):
    assert run_rounds(crew, what, 1, 100_000_000, CONTROL_S).violations > 0


def run_records(crew, whole, capacity, count, bound_s, least):
    run = crew(4, policy="random")
    run.machine["pipes"][prepare(run)]["capacity"] = capacity
    jobs = [("record_reader", (count, whole))] + [("record_writer", (count, whole))] * 3
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: run.results()[0] >= least)
    return run


@pytest.mark.parametrize("capacity", [SMALL, 4 * SMALL])
def test_records_of_several_writers_arrive_whole_and_in_order(crew, capacity):
    run = run_records(crew, 1, capacity, 300, 2.0, 900)
    assert run.violations == 0 and run.results()[0] == 900
    assert run.machine["pipes"][0]["readers"] == 1 and run.machine["pipes"][0]["writers"] == 0


def test_control_writers_that_take_what_room_there_is_mix_their_records(crew):
    assert run_records(crew, 0, SMALL, 100_000_000, CONTROL_S, 0).violations > 0


def run_closes(crew, bad, rounds, bound_s):
    run = crew(2, policy="random")
    prepare(run)
    run.run_all(MODULE, "closer", rounds, bad, bound_s=bound_s, enough=lambda: min(run.results()) >= 100)
    return run


def test_of_two_closes_of_one_descriptor_one_works(crew):
    assert run_closes(crew, 0, 20_000, 1.0).violations == 0


def test_control_closes_without_the_tables_lock_both_work(crew):
    assert run_closes(crew, 1, 100_000_000, CONTROL_S).violations > 0
