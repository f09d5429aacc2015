"""Waits for several words between processes: each wake-up is seen, and no record stays behind (futex_waitv)."""

from emu.limits import FUTEX_BUCKETS
from emu.testing.crew import CONTROL_S
from tests.litmus.futexes import prepare
from tests.litmus.test_futexes import THREAD
from tests.litmus.vectors import LEAST_MOVED

MODULE = "tests.litmus.vectors"


def run_rounds(crew, names, rounds, bound_s, least=0):
    run = crew(len(names), policy="random")
    run.words[THREAD] = prepare(run.window)
    jobs = [(name, (rounds,)) for name in names]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: min(run.results()[:: len(names) - 1]) >= least)
    return run


def all_are_free(machine):
    """Whether no bucket lists a record, and each that was ever used is listed once as free."""
    if machine["buckets"]["first_vector"][:FUTEX_BUCKETS].any():
        return False
    free, r = set(), int(machine["free_vector"])
    while r and r not in free:
        free.add(r)
        r = int(machine["vectors"][r - 1]["next"])
    return not r and len(free) == machine["fresh_vector"]


def test_who_waits_for_several_words_is_woken_by_each(crew):
    assert run_rounds(crew, ["waiter", "waker"], 60_000, 2.0, least=100).violations == 0


def test_control_who_looks_for_no_mark_sleeps_over_its_wake_up(crew):
    assert run_rounds(crew, ["bad_waiter", "waker"], 100_000_000, CONTROL_S).violations > 0


def test_a_record_that_is_moved_while_its_wait_ends_is_taken_out_where_it_is(crew):
    run = run_rounds(crew, ["waiter_of_one", "waker_of_one", "mover"], 60_000, 2.0, least=LEAST_MOVED)
    assert run.violations == 0 and all_are_free(run.window.machine)


def test_control_who_looks_once_frees_a_record_that_another_bucket_lists(crew):
    assert run_rounds(crew, ["waiter_of_one", "bad_waker_of_one", "mover"], 100_000_000, CONTROL_S).violations > 0
