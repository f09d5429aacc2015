"""No thread is left on the queue of a CPU that has exited (rust-4), whatever its placement was held up by."""

import pytest

from emu.testing.crew import CONTROL_S
from tests.litmus import hesitant

pytestmark = pytest.mark.system("rust-4")


def run_rounds(crew, placer, rounds, bound_s, least=0):
    run = crew(2, policy=hesitant.__file__)
    jobs = [("leaver", (rounds,)), (placer, (rounds,))]
    run.run("tests.litmus.leaving", jobs, bound_s=bound_s, enough=lambda: min(run.results()) >= least)
    return run


def test_who_was_held_up_between_place_and_lock_looks_again(crew):
    run = run_rounds(crew, "placer", 60_000, 3.0, least=100)
    assert run.violations == 0 and run.machine["failed"] == 0


def test_control_a_thread_put_on_a_queue_without_that_look_stays_there(crew):
    assert run_rounds(crew, "bad_placer", 100_000_000, CONTROL_S).violations > 0
