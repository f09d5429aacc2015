"""Traps leave everything as before the instruction; counts are exact; calls are retired."""

import pytest

from emu.isa.encode import assemble, encode
from emu.limits import IPI_STOP, PAGE_SIZE
from emu.shm.exits import (
    CAUSE_BREAKPOINT,
    CAUSE_FETCH_PAGE,
    CAUSE_ILLEGAL,
    CAUSE_LOAD_PAGE,
    CAUSE_MISALIGNED_AMO,
    CAUSE_STORE_PAGE,
    EXIT_BUDGET,
    EXIT_ECALL,
    EXIT_INTERRUPT,
    EXIT_TRAP,
)
from tests.isa.harness import BASE, EXECUTE, FRAMES, READ, WRITE

NOWHERE = BASE + FRAMES * PAGE_SIZE
NOP = encode("addi", 0, 0, 0)


def run(bare, *instructions, **keywords):
    bare.load(BASE, assemble(*instructions))
    return bare.run(pc=BASE, **keywords)


@pytest.mark.parametrize(
    "instruction, cause",
    [
        (encode("ld", 5, 0, 10), CAUSE_LOAD_PAGE),
        (encode("lb", 5, 0, 10), CAUSE_LOAD_PAGE),
        (encode("fld", 5, 0, 10), CAUSE_LOAD_PAGE),
        (encode("lr.d", 5, 10), CAUSE_LOAD_PAGE),
        (encode("sd", 5, 0, 10), CAUSE_STORE_PAGE),
        (encode("fsw", 5, 0, 10), CAUSE_STORE_PAGE),
        (encode("amoadd.w", 5, 5, 10), CAUSE_STORE_PAGE),
        (encode("sc.w", 5, 5, 10), CAUSE_STORE_PAGE),
    ],
)
def test_a_data_fault_changes_nothing(bare, instruction, cause):
    bare.x[10], bare.x[5] = NOWHERE, 77
    outcome = run(bare, NOP, instruction)
    assert (outcome.reason, outcome.cause, outcome.trap_value) == (EXIT_TRAP, cause, NOWHERE)
    assert outcome.pc == BASE + 4
    assert outcome.x[5] == 77
    assert outcome.retired == 1
    again = bare.run()
    assert (again.reason, again.cause, again.pc, again.retired) == (EXIT_TRAP, cause, BASE + 4, 0)


def test_an_access_that_crosses_into_nowhere_moves_no_byte(bare):
    bare.x[10], bare.x[5] = NOWHERE - 4, -1
    outcome = run(bare, encode("sd", 5, 0, 10))
    assert (outcome.cause, outcome.trap_value) == (CAUSE_STORE_PAGE, NOWHERE)
    assert not bare.memory[-8:].any()
    outcome = run(bare, NOP, encode("ld", 5, 0, 10))
    assert (outcome.cause, outcome.trap_value, outcome.x[5]) == (CAUSE_LOAD_PAGE, NOWHERE, -1)


def test_misaligned_and_crossing_accesses_work(bare):
    data = BASE + 2 * PAGE_SIZE - 3
    bare.x[10], bare.x[5] = data, 0x1122334455667788
    outcome = run(
        bare, encode("sd", 5, 0, 10), encode("ld", 6, 0, 10), encode("lw", 7, 1, 10), encode("lhu", 8, 2, 10),
        encode("fsd", 1, 16, 10), encode("flw", 2, 1, 10), encode("ecall"),
    )  # fmt: skip
    assert outcome.reason == EXIT_ECALL
    assert outcome.x[6] == 0x1122334455667788
    assert outcome.x[7] == 0x44556677
    assert outcome.x[8] == 0x5566
    assert outcome.f[2] == 0x44556677 - (1 << 32)


@pytest.mark.parametrize("name", ["amoadd.w", "sc.w", "amoswap.d", "sc.d"])
def test_misaligned_atomics_trap(bare, name):
    bare.x[10] = BASE + PAGE_SIZE + 2
    outcome = run(bare, encode(name, 5, 6, 10))
    assert (outcome.cause, outcome.trap_value, outcome.pc) == (CAUSE_MISALIGNED_AMO, BASE + PAGE_SIZE + 2, BASE)


def test_ecall_is_retired_and_ebreak_is_not(bare):
    outcome = run(bare, NOP, encode("ecall"))
    assert (outcome.reason, outcome.pc, outcome.retired) == (EXIT_ECALL, BASE + 4, 2)
    outcome = run(bare, NOP, NOP, encode("c.ebreak"))
    assert (outcome.reason, outcome.cause, outcome.retired) == (EXIT_TRAP, CAUSE_BREAKPOINT, 2)
    assert outcome.pc == outcome.trap_value == BASE + 8


@pytest.mark.parametrize("bits", [0x00000000, 0xFFFFFFFF, 0x80003057])
def test_illegal_instructions_trap_with_their_bits(bare, bits):
    bare.load(BASE, assemble(NOP) + bits.to_bytes(4, "little"))
    outcome = bare.run(pc=BASE)
    assert (outcome.cause, outcome.pc, outcome.retired) == (CAUSE_ILLEGAL, BASE + 4, 1)
    assert outcome.trap_value == (bits if bits & 3 == 3 else bits & 0xFFFF)


def test_a_reserved_rounding_mode_is_illegal_only_when_it_is_used(bare):
    bare.thread["fcsr"] = 5 << 5
    outcome = run(bare, encode("fadd.s", 1, 1, 1, 0), encode("fadd.s", 1, 1, 1, 7))
    assert (outcome.cause, outcome.retired, outcome.trap_value) == (CAUSE_ILLEGAL, 1, encode("fadd.s", 1, 1, 1, 7))


def test_a_jump_into_nowhere_is_retired_and_faults_there(bare):
    bare.x[10] = NOWHERE + 6
    outcome = run(bare, encode("jalr", 1, 0, 10))
    assert (outcome.reason, outcome.cause) == (EXIT_TRAP, CAUSE_FETCH_PAGE)
    assert (outcome.pc, outcome.trap_value, outcome.retired, outcome.x[1]) == (NOWHERE + 6, NOWHERE + 6, 1, BASE + 4)


def test_pages_that_may_not_be_executed_fault(bare):
    bare.permit(1, READ | WRITE)
    bare.load(BASE + PAGE_SIZE - 4, assemble(NOP))
    outcome = bare.run(pc=BASE + PAGE_SIZE - 4)
    assert (outcome.cause, outcome.pc, outcome.retired) == (CAUSE_FETCH_PAGE, BASE + PAGE_SIZE, 1)
    bare.permit(0, EXECUTE)
    bare.forget()
    bare.x[10] = BASE
    outcome = run(bare, encode("lw", 5, 0, 10))
    assert outcome.cause == CAUSE_LOAD_PAGE


# --- straddling ----------------------------------------------------------------------


def test_an_instruction_may_straddle_two_pages(bare):
    start = BASE + PAGE_SIZE - 4
    code = (encode("c.addi", 0, 0), encode("addi", 5, 5, 7), encode("bne", 5, 6, -6), encode("ecall"))
    bare.load(start, assemble(*code))
    bare.x[6] = 70
    outcome = bare.run(pc=start)
    assert (outcome.reason, outcome.x[5], outcome.retired) == (EXIT_ECALL, 70, 31)


@pytest.mark.parametrize("name", ["beq", "jal", "jalr"])
def test_a_straddling_jump_stays_in_its_page(bare, name):
    jump = {"beq": encode("beq", 0, 0, -8), "jal": encode("jal", 1, -8), "jalr": encode("jalr", 1, 0, 10)}[name]
    start = BASE + PAGE_SIZE - 2
    bare.x[10] = start - 8
    bare.load(start - 8, assemble(encode("ecall")))
    bare.load(start, assemble(jump))
    outcome = bare.run(pc=start)
    assert (outcome.reason, outcome.pc, outcome.retired) == (EXIT_ECALL, start - 8, 2)


def test_the_second_half_of_an_instruction_may_be_missing(bare):
    start = BASE + PAGE_SIZE - 2
    bare.load(start, assemble(encode("addi", 5, 5, 7)))
    bare.permit(1, READ)
    outcome = bare.run(pc=start)
    assert (outcome.cause, outcome.trap_value, outcome.pc) == (CAUSE_FETCH_PAGE, BASE + PAGE_SIZE, start)
    assert (outcome.x[5], outcome.retired) == (0, 0)


@pytest.mark.parametrize("bits", [0xFFFFFFFF, encode("fadd.s", 1, 1, 1, 7), encode("csrrw", 1, 0xC01, 1)])
def test_a_straddling_illegal_instruction_traps_with_all_its_bits(bare, bits):
    start = BASE + PAGE_SIZE - 2
    bare.thread["fcsr"] = 7 << 5
    bare.load(start, assemble(bits))
    outcome = bare.run(pc=start)
    assert (outcome.cause, outcome.trap_value, outcome.pc, outcome.retired) == (CAUSE_ILLEGAL, bits, start, 0)


# --- budget and interrupts --------------------------------------------------------------


def _countdown(bare):
    bare.x[5] = 100
    return (encode("addi", 5, 5, -1), encode("c.add", 6, 5), encode("bne", 5, 0, -6), encode("ecall"))


def test_small_budgets_add_up_to_one_run(bare):
    whole = run(bare, *_countdown(bare))
    bare.reset()
    bare.load(BASE, assemble(*_countdown(bare)))
    retired, steps = 0, 0
    while True:
        outcome = bare.run(budget=1)
        retired, steps = retired + outcome.retired, steps + 1
        if outcome.reason != EXIT_BUDGET:
            break
    assert (outcome.x, outcome.pc, retired) == (whole.x, whole.pc, whole.retired)
    assert (retired, steps) == (301, 100)


def test_a_budget_is_overrun_by_less_than_a_block(bare):
    outcome = run(bare, *_countdown(bare), budget=10)
    assert (outcome.reason, outcome.retired, outcome.pc) == (EXIT_BUDGET, 12, BASE)


def test_an_interrupt_is_seen_after_a_block(bare):
    bare.cpu["pending"] = IPI_STOP
    outcome = run(bare, *_countdown(bare))
    assert (outcome.reason, outcome.retired) == (EXIT_INTERRUPT, 3)
    assert bare.cpu["reason"] == EXIT_INTERRUPT
