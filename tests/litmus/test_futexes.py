"""Futexes between processes: no wake-up falls between compare and sleep, and who is taken is on no list (futex(2))."""

from emu.testing.crew import CONTROL_S
from tests.litmus.futexes import THREAD, prepare

MODULE = "tests.litmus.futexes"


def run_rounds(crew, names, rounds, bound_s, destroys=False, least=0):
    run = crew(len(names), policy="random")
    run.words[THREAD] = prepare(run.window)
    jobs = [(name, (rounds,)) for name in names]
    run.run(MODULE, jobs, bound_s=bound_s, destroys=destroys, enough=lambda: run.results()[0] >= least)
    return run


def test_a_waiter_sees_the_new_value_or_is_woken(crew):
    run = run_rounds(crew, ["waiter", "waker"], 150_000, 3.0, least=100)
    assert run.violations == 0


def test_control_a_waiter_that_compares_before_it_has_the_lock_sleeps_over_its_wake_up(crew):
    assert run_rounds(crew, ["bad_waiter", "waker"], 100_000_000, CONTROL_S).violations > 0


def test_a_waiter_that_is_moved_while_it_is_interrupted_is_on_no_list_afterwards(crew):
    run = run_rounds(crew, ["moved_waiter", "mover", "interrupter"], 60_000, 3.0, least=20)
    assert run.violations == 0


def test_control_a_waiter_taken_without_its_buckets_lock_stays_on_a_list(crew):
    names = ["moved_waiter", "mover", "bad_interrupter"]
    assert run_rounds(crew, names, 100_000_000, CONTROL_S, destroys=True).violations > 0


def test_a_comparing_requeue_moves_nobody_who_came_with_the_new_value(crew):
    run = run_rounds(crew, ["waiter_for_new_values", "comparing_mover"], 100_000, 3.0, least=100)
    assert run.violations == 0


def test_control_a_requeue_that_compares_before_it_has_the_locks_moves_one(crew):
    names = ["waiter_for_new_values", "bad_comparing_mover"]
    assert run_rounds(crew, names, 100_000_000, CONTROL_S).violations > 0
