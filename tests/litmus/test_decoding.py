"""Decoded instructions against stores of another CPU (shm/decoded.py): publish, fence, look; store, fence, forget."""

import pytest

from tests.litmus.crew import CONTROL_S
from tests.litmus.decoding import BELIEVED, UNFENCED, VERIFIED


def run_rounds(crew, how, rounds, bound_s):
    run = crew(2, policy="random")
    run.run("tests.litmus.decoding", [("decoder", (rounds, how)), ("writer", (rounds, how))], bound_s=bound_s)
    return run


def test_a_decoded_word_is_that_of_the_bytes_or_forgotten(crew):
    run = run_rounds(crew, VERIFIED, 300_000, 3.0)
    assert run.violations == 0
    assert run.results()[0] > 1000, "too few rounds to mean anything"


@pytest.mark.parametrize("how", [BELIEVED, UNFENCED], ids=["bytes-read-once", "read-again-without-a-fence"])
def test_control_a_decoder_keeps_an_instruction_that_was_rewritten(crew, how):
    assert run_rounds(crew, how, 1_000_000_000, CONTROL_S).violations > 0
