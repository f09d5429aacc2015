"""A dead thread that is pushed while its scheduler empties the list comes back all the same (rust-2, alux-5)."""

import pytest

from emu.shm.tags import alive
from emu.testing.crew import CONTROL_S

pytestmark = [pytest.mark.system("rust-2"), pytest.mark.system("alux-5")]


def run_rounds(crew, workers, rounds, bad, bound_s, least=0):
    run = crew(workers, policy="random")
    jobs = [("scheduler", (rounds, bad))] + [("holder", (rounds, bad))] * (workers - 1)
    run.run("tests.litmus.deadlist", jobs, bound_s=bound_s, enough=lambda: min(run.results()) >= least)
    return run


def test_every_dead_thread_comes_back(crew, workers):
    run = run_rounds(crew, workers, 50_000, 0, 3.0, least=100)
    assert run.violations == 0
    assert run.machine["queues"][0]["dead"] == 0 and alive(run.machine) == {}


def test_control_a_list_that_is_read_and_then_emptied_loses_threads(crew):
    assert run_rounds(crew, 2, 1_000_000_000, 1, CONTROL_S).violations > 0
