"""Decoded instructions against stores of another CPU (shm/decoded.py): publish, fence, look; store, fence, forget."""

from emu.testing.crew import CONTROL_S
from tests.litmus.decoding import BELIEVED, IN_TURN, SHOWN

IN_TURN_S = 5.0  # where that many of the control's violations take longer, one is enough


def run_rounds(crew, how, rounds, bound_s):
    run = crew(2, policy="random")
    jobs = [("decoder", (rounds, how)), ("writer", (rounds, how))]
    run.run("tests.litmus.decoding", jobs, bound_s=bound_s, enough=lambda: how != IN_TURN or run.words[SHOWN] > 0)
    return run


def test_a_decoded_word_is_that_of_the_bytes_or_forgotten_where_without_a_fence_it_is_not(crew):
    run = run_rounds(crew, IN_TURN, 1_000_000_000, IN_TURN_S)
    assert run.violations == 0


def test_the_first_fetch_sees_the_bytes_or_their_writer_sees_its_mark_where_without_a_fence_neither_does(crew):
    run = crew(2, policy="random")
    jobs = [("first_fetcher", (1_000_000_000,)), ("first_writer", (1_000_000_000,))]
    run.run("tests.litmus.decoding", jobs, bound_s=IN_TURN_S, enough=lambda: run.words[SHOWN] > 0)
    assert run.violations == 0


def test_control_a_decoder_that_reads_the_bytes_once_keeps_what_was_rewritten(crew):
    assert run_rounds(crew, BELIEVED, 1_000_000_000, CONTROL_S).violations > 0
