"""Every row is executed by a test; what is near a valid encoding is another row or traps; random code is survived."""

import os
import random
import signal

import numpy as np
import pytest

from emu.isa import decode
from emu.isa.encode import assemble, encode
from emu.isa.table import ROWS
from emu.shm.exits import CAUSE_ILLEGAL, EXIT_BUDGET, EXIT_ECALL, EXIT_TRAP
from tests.isa import test_rv_a, test_rv_b, test_rv_c, test_rv_d, test_rv_f, test_rv_i, test_rv_m, test_rv_z
from tests.isa.harness import BASE, FRAMES, Bare
from tests.isa.test_table import random_bits

FILES = (test_rv_a, test_rv_b, test_rv_c, test_rv_d, test_rv_f, test_rv_i, test_rv_m, test_rv_z)
PAGES, PAGE_BYTES = 100_000, 4096
BUDGET, BLOCK = 300, PAGE_BYTES  # a run may exceed its budget by the rest of a page


def test_every_row_is_executed_by_a_test():
    tested = set().union(*(file.rows for file in FILES))
    assert tested == {row.name for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_flipped_bit_gives_another_row_or_a_trap(bare, row):
    rng = random.Random(row.op)
    for flip in range(row.length * 8):
        bits = random_bits(row, rng) ^ 1 << flip
        bits &= 0xFFFFFFFF if bits & 3 == 3 else 0xFFFF
        bare.x[1:32] = BASE + 0x8000
        bare.thread["fcsr"] = 0
        bare.load(BASE, assemble(bits) + assemble(encode("c.ebreak")) * 2)
        outcome = bare.run(budget=1, pc=BASE)
        if decode.row_of(bits) is None:
            expected = (EXIT_TRAP, CAUSE_ILLEGAL, BASE, bits)
            assert (outcome.reason, outcome.cause, outcome.pc, outcome.trap_value) == expected
        else:
            assert outcome.reason in (EXIT_TRAP, EXIT_ECALL, EXIT_BUDGET)


def _run_random_pages(count, seed):
    """Random bytes as code, registers that point into it: returns when all pages were run."""
    bare = Bare()
    rng = np.random.default_rng(seed)
    size = FRAMES * PAGE_BYTES
    retired = done = 0
    while done < count:
        bare.reset()
        bare.memory[:] = rng.integers(0, 256, size, dtype=np.uint8)
        for page in range(FRAMES):
            bare.x[1:32] = BASE + rng.integers(0, size, 31)
            bare.thread["fcsr"] = page & 0xFF
            pc = BASE + page * PAGE_BYTES + 2 * int(rng.integers(0, PAGE_BYTES // 2))
            for _ in range(3):  # past the instruction that ended the run
                outcome = bare.run(budget=BUDGET, pc=pc)
                assert 0 <= outcome.retired <= BUDGET + BLOCK
                retired += outcome.retired
                pc = (outcome.pc + 2 - BASE) % size + BASE
            done += 1
    bare.destroy()
    return retired


def _start_random_pages(count, seed):
    """In a child, so that a crash is a failed test and a hang ends."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(200)
            status = 0 if _run_random_pages(count, seed) > count else 2
        finally:
            os._exit(status)
    return pid


def test_random_pages_of_code_never_crash_or_hang():
    children = [_start_random_pages(PAGES // 2, seed) for seed in (1, 2)]  # as many as there are cores
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0]
