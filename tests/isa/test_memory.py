"""Atomics, reservations, and code that changes under the interpreter."""

import pytest

from emu.isa.encode import assemble, encode
from emu.limits import PAGE_SIZE
from emu.shm.exits import EXIT_ECALL
from tests.isa.harness import BASE

DATA = BASE + 4 * PAGE_SIZE
ECALL = encode("ecall")


def run(bare, *instructions):
    bare.load(BASE, assemble(*instructions, ECALL))
    outcome = bare.run(pc=BASE)
    assert outcome.reason == EXIT_ECALL, outcome
    return outcome


@pytest.mark.parametrize(
    "name, old, operand, new",
    [("amoswap.d", 5, 9, 9), ("amoadd.d", 5, 9, 14), ("amoand.d", 12, 10, 8), ("amoor.d", 12, 10, 14),
     ("amoxor.d", 12, 10, 6), ("amomin.d", -5, 3, -5), ("amomax.d", -5, 3, 3), ("amominu.d", -5, 3, 3),
     ("amomaxu.d", -5, 3, -5)],
)  # fmt: skip
def test_atomic_operations_return_the_old_value(bare, name, old, operand, new):
    bare.x[10], bare.x[6], bare.x[7] = DATA, old, operand
    outcome = run(bare, encode("sd", 6, 0, 10), encode(name, 5, 7, 10))
    assert outcome.x[5] == old
    assert bare.read_64(DATA) == new


def test_a_word_atomic_sign_extends_and_spares_its_neighbour(bare):
    bare.x[10], bare.x[6], bare.x[7] = DATA + 4, -1, 0x80000000
    outcome = run(bare, encode("amoadd.w", 5, 7, 10), encode("amoadd.w", 6, 0, 10))
    assert (outcome.x[5], outcome.x[6]) == (0, -0x80000000)
    assert bare.read_64(DATA) == -0x8000000000000000


def test_store_conditional_succeeds_once(bare):
    bare.x[10], bare.x[7] = DATA, 42
    outcome = run(
        bare, encode("lr.d", 5, 10), encode("sc.d", 6, 7, 10), encode("sc.d", 8, 7, 10), encode("ld", 9, 0, 10)
    )
    assert (outcome.x[5], outcome.x[6], outcome.x[8], outcome.x[9]) == (0, 0, 1, 42)


def test_store_conditional_fails_when_the_word_changed_or_is_another(bare):
    bare.x[10], bare.x[7], bare.x[11] = DATA, 42, DATA + 8  # a word with the same value
    outcome = run(
        bare, encode("lr.w", 5, 10), encode("sw", 7, 0, 10), encode("sc.w", 6, 0, 10), encode("sw", 7, 0, 11),
        encode("lr.w", 5, 10), encode("sc.w", 8, 7, 11), encode("sc.w", 9, 7, 10),
    )  # fmt: skip
    assert (outcome.x[6], outcome.x[8], outcome.x[9]) == (1, 1, 1)


def test_store_conditional_fails_after_the_kernel_dropped_the_reservation(bare):
    bare.x[10] = DATA
    run(bare, encode("lr.d", 5, 10))
    bare.cpu["reservation"] = 0
    assert run(bare, encode("sc.d", 6, 7, 10)).x[6] == 1


# --- code ----------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["sw", "sh", "amoswap.w", "sc.w", "misaligned", "across pages"])
def test_code_that_overwrites_itself_runs_the_new_instruction(bare, store):
    """A subroutine is called, its first instruction replaced, and called again."""
    offset = PAGE_SIZE if store == "across pages" else 0x40
    target = BASE + offset
    new = encode("addi", 5, 5, 100)
    bare.load(target - 2, assemble(encode("c.addi", 0, 0), encode("addi", 5, 5, 1), encode("c.jr", 1)))
    bare.x[10], bare.x[6] = target, new
    bare.x[7] = int.from_bytes(assemble(encode("c.addi", 0, 0), new, encode("c.jr", 1)), "little", signed=True)
    write = {
        "sw": [encode("sw", 6, 0, 10)],
        "sh": [encode("sh", 6, 0, 10), encode("srli", 7, 6, 16), encode("sh", 7, 2, 10)],
        "amoswap.w": [encode("amoswap.w", 0, 6, 10)],
        "sc.w": [encode("lr.w", 8, 10), encode("sc.w", 8, 6, 10)],
        "misaligned": [encode("sd", 7, -2, 10)],
        "across pages": [encode("sd", 7, -2, 10)],
    }[store]
    outcome = run(bare, encode("jal", 1, offset), *write, encode("jal", 1, offset - 4 - 4 * len(write)))
    assert outcome.x[5] == 101


def test_a_store_to_the_second_half_changes_the_instruction_before(bare):
    bare.load(BASE + 0x40, assemble(encode("addi", 5, 5, 1), encode("c.jr", 1)))
    bare.x[10], bare.x[6] = BASE + 0x40, encode("addi", 5, 5, 64) >> 16
    outcome = run(bare, encode("jal", 1, 0x40), encode("sh", 6, 2, 10), encode("fence.i"), encode("jal", 1, 0x40 - 12))
    assert outcome.x[5] == 65


def test_stores_to_a_page_go_back_to_being_cached_decoded_words(bare):
    bare.x[10], bare.x[5] = DATA, 1000
    loop = (encode("sd", 5, 0, 10), encode("addi", 5, 5, -1), encode("bne", 5, 0, -8))
    outcome = run(bare, *loop)
    assert outcome.retired == 3001
    assert bare.read_64(DATA) == 1
