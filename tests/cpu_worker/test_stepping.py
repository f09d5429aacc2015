"""What an instruction does to memory, as watchpoints need it (cpu_worker/stepping.py)."""

import pytest

from emu.cpu_worker.stepping import KIND_BITS, _access_of
from emu.isa.table import BY_NAME, ROWS
from emu.kernel.task.debugging import WATCH_READ, WATCH_WRITE

BOTH = WATCH_READ | WATCH_WRITE


@pytest.mark.parametrize(
    ("name", "kinds", "size"),
    [
        ("lb", WATCH_READ, 1), ("lhu", WATCH_READ, 2), ("lwu", WATCH_READ, 4), ("ld", WATCH_READ, 8),
        ("sb", WATCH_WRITE, 1), ("sh", WATCH_WRITE, 2), ("sw", WATCH_WRITE, 4), ("sd", WATCH_WRITE, 8),
        ("flw", WATCH_READ, 4), ("fld", WATCH_READ, 8), ("fsw", WATCH_WRITE, 4), ("fsd", WATCH_WRITE, 8),
        ("c.lwsp", WATCH_READ, 4), ("c.ldsp", WATCH_READ, 8), ("c.sw", WATCH_WRITE, 4), ("c.fsdsp", WATCH_WRITE, 8),
        ("lr.w", WATCH_READ, 4), ("sc.d", WATCH_WRITE, 8), ("amoadd.w", BOTH, 4), ("amomaxu.d", BOTH, 8),
        ("cbo.zero", WATCH_WRITE, 64),
    ],
)  # fmt: skip
def test_an_access_has_its_kind_and_size(name, kinds, size):
    assert _access_of(BY_NAME[name]) == kinds | size << KIND_BITS


def test_all_other_instructions_access_nothing():
    access = {row.name for row in ROWS if _access_of(row)}
    plain = ("lb", "lh", "lw", "ld", "sb", "sh", "sw", "sd")
    letters = {name for name in access if not name.removeprefix("c.").startswith(plain)}
    assert all(name.startswith(("lr.", "sc.", "amo", "cbo.zero", "fl", "fs", "c.fl", "c.fs")) for name in letters)
    assert not {"addi", "fsqrt.d", "fsub.s", "fsgnj.d", "fence", "ecall", "fence.i", "jal", "slli"} & access
