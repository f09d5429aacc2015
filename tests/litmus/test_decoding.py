"""Decoded instructions against stores of another CPU (shm/decoded.py): publish, fence, look; store, fence, forget."""

from tests.litmus.crew import CONTROL_S
from tests.litmus.decoding import BELIEVED, IN_TURN, SHOWN


def run_rounds(crew, how, rounds, bound_s):
    run = crew(2, policy="random")
    run.run("tests.litmus.decoding", [("decoder", (rounds, how)), ("writer", (rounds, how))], bound_s=bound_s)
    return run


def test_a_decoded_word_is_that_of_the_bytes_or_forgotten_where_without_a_fence_it_is_not(crew):
    run = run_rounds(crew, IN_TURN, 1_000_000_000, CONTROL_S)
    assert run.violations == 0
    assert run.words[SHOWN] > 0, "the control shows nothing: too few rounds to mean anything"


def test_control_a_decoder_that_reads_the_bytes_once_keeps_what_was_rewritten(crew):
    assert run_rounds(crew, BELIEVED, 1_000_000_000, CONTROL_S).violations > 0
