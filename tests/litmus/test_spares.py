"""Spare thread records: the race between the owner and its exiting children (kse-8).

The document: "an owner thread may allocate a spare thread as this: if (td->td_standin == NULL)
td->standin = thread_alloc(); but thread_alloc() can block the thread, then a borrower thread would
possible stash it self as owner's spare thread in thread_exit(), after owner is resumed, result is a
thread leak in kernel".
"""

import pytest

from emu.shm.tags import alive
from emu.testing.crew import CONTROL_S

MODULE = "tests.litmus.spares"


def children(workers, maker, count):
    return [(maker, (count,))] + [("end_children", (count,))] * (workers - 1)


@pytest.mark.system("kse-8")
def test_no_record_leaks_between_a_thread_and_its_exiting_children(crew, workers):
    run = crew(workers)
    run.run(MODULE, children(workers, "make_children", 400_000), enough=lambda: run.results()[0] > 100)
    assert run.violations == 0
    assert run.machine["fresh_thread"] < 4 * workers, "records are used again"
    if not run.words[0]:  # not cut short: everything was given back
        assert alive(run.machine) == {}


@pytest.mark.system("kse-8")
def test_control_a_spare_stored_without_looking_again_leaks_records(crew):
    run = crew(3)
    run.run(MODULE, children(3, "make_children_badly", 100_000_000), bound_s=CONTROL_S)
    assert run.violations > 0


def run_owners(crew, rounds, bad, bound_s, least=0):
    run = crew(3)
    jobs = [("own_and_exit", (rounds, bad))] + [("exit_with_owner", (rounds, bad))] * 2
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: run.results()[0] >= least)
    return run


@pytest.mark.system("kse-8")
def test_no_record_leaks_when_a_thread_and_its_children_exit_at_once(crew):
    run = run_owners(crew, 100_000, 0, 4.0, least=100)
    assert run.violations == 0
    assert alive(run.machine) == {} or run.words[0], "all was given back, unless it was cut short"


@pytest.mark.system("kse-8")
def test_control_a_spare_word_that_is_not_closed_at_exit_leaks_records(crew):
    assert run_owners(crew, 100_000_000, 1, CONTROL_S).violations > 0
