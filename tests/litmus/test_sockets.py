"""Sockets under true parallelism: references, resets and marks (kernel/files/sockets.py)."""

import pytest

from emu.testing.crew import CONTROL_S

MODULE = "tests.litmus.sockets"
CLAIMS = ("holder", "closer", "marker")


def run_rounds(crew, what, bad, rounds, bound_s):
    run = crew(2, policy="random")
    run.run_all(MODULE, what, rounds, bad, bound_s=bound_s, enough=lambda: min(run.results()) >= 100)
    return run


@pytest.mark.parametrize("what", CLAIMS)
def test_a_socket_is_closed_once_a_lost_write_is_told_and_what_travels_is_not_read_over(crew, what):
    assert run_rounds(crew, what, 0, 20_000, 0.7).violations == 0


@pytest.mark.parametrize("what", CLAIMS)
def test_control_without_the_second_look_they_are_not(crew, what):
    assert run_rounds(crew, what, 1, 100_000_000, CONTROL_S).violations > 0
