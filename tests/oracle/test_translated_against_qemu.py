"""Translated code and qemu-riscv64 agree on random programs with loops and functions.

Each program is interpreted at first, so that it is known where it goes.  Then it is translated, at its beginning,
behind what regions end at, and at some other places, and runs on with other inputs: where those lead elsewhere it is
interpreted in between.
"""

import random

import pytest

from emu.isa.translator.regions import STOP, decode_instruction
from tests.isa.translator.translating import Translating
from tests.oracle import qemu
from tests.oracle.differential import Differential, Mismatch

pytestmark = pytest.mark.skipif(qemu.QEMU is None, reason="qemu-riscv64 is not installed")
INSTRUCTIONS, PARTS = 1_000_000, 4
PROGRAMS, RUNS, INTERPRETED = 8, 60, 3
PLACES = 2  # translated beside those where regions have to begin


class Translated(Differential):
    def __init__(self, directory):
        super().__init__(directory)
        self.translating = Translating(self.bare)

    @property
    def instructions(self):
        """Of guests, that were translated."""
        return int(self.bare.m["guest_instructions"])

    def ours(self, made, data):
        self.translating.forget()
        return super().ours(made, data)

    def before(self, case, number):
        if number != min(INTERPRETED, len(case.runs) - 1):
            return
        program = case.program
        if number == 0:  # a run made alone, to find what is wrong: where it goes is not known yet
            memory = self.bare.memory.copy()
            self.run(program, case.runs[0])
            self.bare.memory[:] = memory
        known = [k for k, pc in enumerate(program.addresses[:-1]) if self.translating.word(pc) != 0]
        begins = [k for k in known if k == 0 or self.is_stop(program, k - 1)]
        begins += random.Random(str(program.seed)).sample(known, min(PLACES, len(known)))
        for k in begins:
            self.translating.translate(program.addresses[k])

    @staticmethod
    def is_stop(program, k):
        return decode_instruction(program.addresses[k], program.bits[k]).kind == STOP


@pytest.fixture(scope="module")
def translated(tmp_path_factory):
    made = Translated(tmp_path_factory.mktemp("qemu"))
    yield made
    made.close()


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs_end_in_the_same_state(translated, part):
    executed, seed, before = 0, part << 20, translated.instructions
    while executed < INSTRUCTIONS // PARTS:
        executed += translated.batch(seed, programs=PROGRAMS, runs=RUNS, turns=True)
        seed += 1
    assert translated.instructions - before > 2000


def test_straight_programs_with_indirect_jumps_end_in_the_same_state(translated):
    assert translated.batch(7, programs=PROGRAMS) > 10_000


def test_a_wrong_translation_is_found_and_shrunk(translated, monkeypatch):
    """A control: regions with one operand wrong."""
    original = Translating.fetch

    def wrong(self, page):
        found = original(self, page)
        if found:
            data = bytearray(found.data)
            for at in range(0, len(data), 2):
                if data[at] & 0x7F == 0x33:
                    data[at + 2] ^= 1 << 4
            found.data = bytes(data)
        return found

    def believed(number, region):
        record = translated.bare.m["regions"][number]
        record["code"] = abs(int(record["code"]))
        return True

    monkeypatch.setattr(Translating, "fetch", wrong)
    monkeypatch.setattr(translated.translating.translator, "check", believed)
    with pytest.raises(Mismatch, match="seed 1: "):
        translated.batch(1, programs=1, runs=5, turns=True)
