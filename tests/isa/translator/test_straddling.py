"""Translated code that leaves to the interpreter at an instruction that straddles two pages."""

import pytest

from emu.isa.encode import encode
from emu.limits import PAGE_SIZE
from tests.isa.harness import BASE
from tests.isa.translator.test_known import begin  # noqa: F401  (a fixture)

DATA = BASE + 5 * PAGE_SIZE
LAST = BASE + PAGE_SIZE - 2
LOOP = BASE + PAGE_SIZE - 64
NOP = encode("c.addi", 0, 0)
CODE = [
    *[NOP] * ((LAST - LOOP) // 2), encode("lw", 6, 4, 10), encode("addi", 5, 5, -1),
    encode("bne", 5, 0, LOOP - LAST - 8), encode("ecall"),
]  # fmt: skip


@pytest.mark.parametrize("entry", [LOOP, LAST], ids=["inside a region", "where it begins"])
def test_a_straddling_load_that_misses_the_tlb_is_left_to_the_interpreter_whole(begin, entry):  # noqa: F811
    guest = begin()
    guest.load(LOOP, *CODE)
    guest.bare.memory[DATA - BASE + 4] = 77

    def ends(turns):
        guest.bare.cpu["read_tlb"] = -1
        return guest.run(turns, pc=entry, x10=DATA)

    interpreted = [ends(1), ends(5)]
    guest.heat(entry)
    assert guest.figures() == (1, 0) and guest.is_entry(entry)
    assert [ends(1), ends(5)] == interpreted and interpreted[0][0] == 77
