"""PI futexes between processes: of a hand-over and a waiter that gives up, one comes first (futex(2))."""

from emu.testing.crew import CONTROL_S
from tests.litmus.pi_futexes import prepare

MODULE = "tests.litmus.pi_futexes"


def run_rounds(crew, names, rounds, bound_s, destroys=False, least=0):
    run = crew(len(names), policy="random")
    prepare(run.window, run.words, len(names) - 1)
    jobs = [(name, (rounds,)) for name in names]
    run.run(MODULE, jobs, bound_s=bound_s, destroys=destroys, enough=lambda: min(run.results()[:2]) >= least)
    return run


def test_who_gives_up_while_the_futex_is_handed_over_owns_it_or_has_left(crew):
    assert run_rounds(crew, ["user", "user", "interrupter"], 30_000, 2.5, least=20).violations == 0


def test_control_who_gives_up_without_the_buckets_lock_is_given_what_it_does_not_know_of(crew):
    names = ["user", "user", "bad_interrupter"]
    assert run_rounds(crew, names, 100_000_000, CONTROL_S, destroys=True).violations > 0
