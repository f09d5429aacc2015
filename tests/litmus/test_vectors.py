"""Waits for several words between processes: each wake-up is seen, and no record stays behind (futex_waitv)."""

from emu.testing.crew import CONTROL_S
from tests.litmus.futexes import prepare
from tests.litmus.test_futexes import THREAD

MODULE = "tests.litmus.vectors"


def run_rounds(crew, names, rounds, bound_s, least=0):
    run = crew(len(names), policy="random")
    run.words[THREAD] = prepare(run.window)
    jobs = [(name, (rounds,)) for name in names]
    run.run(MODULE, jobs, bound_s=bound_s, enough=lambda: run.results()[0] >= least)
    return run


def test_who_waits_for_several_words_is_woken_by_each(crew):
    assert run_rounds(crew, ["waiter", "waker"], 60_000, 2.0, least=100).violations == 0


def test_control_who_looks_for_no_mark_sleeps_over_its_wake_up(crew):
    assert run_rounds(crew, ["bad_waiter", "waker"], 100_000_000, CONTROL_S).violations > 0
