"""Work-stealing queues between processes: each item is taken once, in the order in which it was put."""

import numpy as np
import pytest

from emu.limits import MAX_THREADS
from emu.testing.crew import CONTROL_S
from tests.litmus.deques import BITS, EARLY_TAIL, MAX_ITEMS, MOST, NO_SWAP, RIGHT, SEEN, SHOWN

MODULE = "tests.litmus.deques"
ATTEMPTS = 20


def test_each_item_is_taken_once_and_in_order(crew, workers):
    run = crew(workers, held_up=True)

    def enough():
        put, *stolen = run.results()
        return put > 20_000 and sum(stolen) > 1000 and run.words[MOST] == MAX_THREADS  # it was full

    run.run_all(MODULE, "worker", MAX_ITEMS, RIGHT, enough=enough)
    assert run.violations == 0
    put = run.results()[0]
    d = run.machine["deques"][0]
    assert d["tail"] == put
    if put == MAX_ITEMS:  # not cut short: nothing is left behind
        assert d["head"] == put
        assert (run.words[SEEN : SEEN + MAX_ITEMS // BITS] == np.int64(2**BITS - 1)).all(), "an item was lost"


def test_a_taker_held_up_between_its_looks_takes_nothing_where_one_that_looks_at_tail_first_does(crew):
    run = crew(2, held_up=True)
    run.run_all(MODULE, "short_worker", enough=lambda: run.words[SHOWN] > 9)
    assert run.violations == 0


@pytest.mark.parametrize("kind", [NO_SWAP, EARLY_TAIL], ids=["take-without-swap", "tail-before-slot"])
def test_control_a_broken_form_gives_an_item_twice(crew, kind):
    for _ in range(ATTEMPTS):  # each ends when all items are through
        run = crew(3, held_up=True)
        run.run_all(MODULE, "worker", MAX_ITEMS, kind, bound_s=CONTROL_S)
        if run.violations > 0:
            return
    pytest.fail("no item was given twice")
