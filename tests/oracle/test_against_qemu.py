"""The interpreter and qemu-riscv64 agree on random programs: registers, floating-point flags, memory."""

import pytest

from tests.oracle import qemu
from tests.oracle.differential import Differential, Mismatch

pytestmark = pytest.mark.skipif(qemu.QEMU is None, reason="qemu-riscv64 is not installed")
INSTRUCTIONS, PARTS = 1_000_000, 5


@pytest.fixture(scope="module")
def differential(tmp_path_factory):
    made = Differential(tmp_path_factory.mktemp("qemu"))
    yield made
    made.close()


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs_end_in_the_same_state(differential, part):
    executed, seed = 0, part << 20
    while executed < INSTRUCTIONS // PARTS:
        executed += differential.batch(seed)
        seed += 1


def test_a_wrong_instruction_is_found_and_shrunk(differential, monkeypatch):
    """A control: an interpreter with one operand wrong."""
    original = Differential.ours

    def wrong(self, made, data):
        return original(self, [self.only(c, [b ^ 1 << 20 if b & 0x7F == 0x33 else b for b in c.program.bits],
                                         range(len(c.program.bits))) for c in made], data)  # fmt: skip

    monkeypatch.setattr(Differential, "ours", wrong)
    with pytest.raises(Mismatch, match="seed 1: run"):
        differential.batch(1)
