"""Zicsr, Zicboz and Zicbom."""

import pytest

from emu.isa.encode import encode
from emu.shm.exits import CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE, EXIT_TRAP
from tests.isa.cases import BASE, DATA, assemble, run
from tests.isa.harness import EXECUTE, FRAMES, PAGE_SIZE, READ

FCSR = 3
# old value of fcsr, operand -> new value
CSR = {
    "csrrw": lambda old, b: b & 255,
    "csrrs": lambda old, b: old | b & 255,
    "csrrc": lambda old, b: old & ~b,
    "csrrwi": lambda old, b: b,
    "csrrsi": lambda old, b: old | b,
    "csrrci": lambda old, b: old & ~b,
}
BLOCKS = {"cbo.zero", "cbo.clean", "cbo.flush", "cbo.inval"}
rows = {*CSR, *BLOCKS}


@pytest.mark.parametrize("name", CSR)
def test_status_registers(bare, name):
    for old in (0, 0x15, 0x9F):
        for operand in (0, 1, 0x1F):
            bits = encode(name, 8, FCSR, operand if name.endswith("i") else 10)
            outcome = run(bare, bits, fcsr=old, x10=operand)
            assert (outcome.x[8], outcome.fcsr) == (old, CSR[name](old, operand)), (name, old, operand)


def test_zeroing_a_block_zeroes_its_64_bytes(bare):
    bare.load(DATA, b"\xff" * 256)
    for _ in range(2):  # a miss, then a hit in the TLB
        bare.load(DATA, b"\xff" * 256)
        run(bare, encode("cbo.zero", 9), x9=DATA + 64 + 37)
        assert bytes(bare.memory[DATA - BASE :][:256]) == b"\xff" * 64 + bytes(64) + b"\xff" * 128


def test_zeroing_code_takes_effect(bare):
    bare.load(BASE + 128, assemble(encode("addi", 8, 0, 7), encode("c.jr", 1)))
    bare.x[9] = BASE + 128
    bare.load(BASE, assemble(encode("jal", 1, 128), encode("cbo.zero", 9), encode("jal", 1, 120)))
    outcome = bare.run(pc=BASE)
    assert (outcome.reason, outcome.pc, outcome.trap_value, outcome.x[8]) == (EXIT_TRAP, BASE + 128, 0, 7)


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_block_operations_need_access(bare, name):
    bare.x[9] = BASE + FRAMES * PAGE_SIZE
    bare.load(BASE, assemble(encode(name, 9)))
    outcome = bare.run(pc=BASE)
    assert (outcome.reason, outcome.cause, outcome.pc, outcome.retired) == (EXIT_TRAP, CAUSE_STORE_PAGE, BASE, 0)


@pytest.mark.parametrize("name", sorted(BLOCKS - {"cbo.zero"}))
def test_managing_blocks_changes_nothing(bare, name):
    bare.permit(4, READ)
    bare.load(DATA, b"\x5a" * 64)
    run(bare, encode(name, 9), x9=DATA)
    assert bytes(bare.memory[DATA - BASE :][:64]) == b"\x5a" * 64


def test_prefetches_are_hints_that_never_trap(bare):
    for kind in (0, 1, 3):  # prefetch.i, .r, .w are ori x0, rs1, offset + kind
        assert run(bare, encode("ori", 0, 9, 32 + kind), x9=-1).retired == 2
    bare.permit(0, EXECUTE)
    bare.forget()
    bare.x[9] = BASE
    bare.load(BASE, assemble(encode("lw", 8, 0, 9)))
    assert bare.run(pc=BASE).cause == CAUSE_LOAD_PAGE  # control: a load there does
