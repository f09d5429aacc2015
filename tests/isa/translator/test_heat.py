"""Where the interpreter counts (isa/interpreter/heat.py): what deserves a region, and never what has one."""

import pytest

from emu.isa.encode import encode
from emu.isa.interpreter.heat import HOT, SAMPLE, SLICE, WORTH
from emu.limits import PAGE_SIZE
from emu.shm.exits import EXIT_ECALL
from tests.isa.harness import BASE

EDGE = BASE + PAGE_SIZE
THERE = [encode("addi", 6, 6, 1), encode("jalr", 0, 0, 10)]
BACK = [encode("addi", 5, 5, -1), encode("beq", 5, 0, 8), encode("jalr", 0, 0, 11), encode("ecall")]
TURN = len(THERE) + 3  # instructions


@pytest.fixture
def turn(translating):
    """`turn(count)` goes so often from THERE, at BASE, to BACK, at EDGE, and returns {guest address: samples}."""
    bare, m = translating.bare, translating.m
    bare.reset()
    translating.load(BASE, *THERE)
    translating.load(EDGE, *BACK)
    m["heat"] = 0

    def run(count):
        m["heat"]["count"] = 0
        bare.cpu["found_heat"] = 0
        bare.x[5], bare.x[10], bare.x[11] = count, EDGE, BASE
        assert bare.run(pc=BASE).reason == EXIT_ECALL
        heat = m["heat"][m["heat"]["count"] > 0]
        return {int(h["pc"]): int(h["count"]) for h in heat}

    run(3)
    yield run
    m["heat"] = 0
    bare.cpu["found_heat"] = 0


def test_interpreted_code_is_sampled_at_the_end_of_each_slice(turn):
    turns = 20 * SLICE // TURN
    counts = turn(turns)
    assert sum(counts.values()) == 19 * SAMPLE and set(counts) <= {BASE, EDGE}


def test_a_place_to_which_translated_code_jumps_is_counted_each_time(turn, translating):
    translating.translate(BASE)
    assert turn(HOT // 2) == {EDGE: HOT // 2}


def test_a_place_that_is_translated_is_not_counted(turn, translating):
    translating.translate(BASE)
    assert set(turn(20 * SLICE)) == {EDGE}
    translating.translate(EDGE)
    assert turn(20 * SLICE) == {EDGE + 12: 1}  # the end, which is left to the interpreter


@pytest.mark.parametrize(("count", "tells"), [(HOT - 1, 0), (HOT, 1), (WORTH - 1, 0), (WORTH, 1)])
def test_the_translator_is_told_when_a_count_has_become_enough(turn, translating, count, tells):
    translating.translate(BASE)
    turn(1)
    heat = translating.m["heat"]
    heat["count"][heat["pc"] == EDGE] = count - 2
    translating.bare.cpu["found_heat"] = 0
    translating.bare.x[5] = 2
    assert translating.bare.run(pc=BASE).reason == EXIT_ECALL
    assert translating.bare.cpu["found_heat"] == tells
