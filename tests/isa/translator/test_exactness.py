"""Translated code does what the interpreter does, instruction by instruction: state, counts, stops, traps."""

import random
import threading

import numpy as np
import pytest

from emu.isa.encode import encode
from emu.isa.table import OP_REGION
from emu.isa.translator.regions import Page
from emu.isa.words import IMM_SHIFT, OP_MASK
from emu.limits import PAGE_SIZE
from emu.shm.exits import CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE, EXIT_BUDGET, EXIT_ECALL, EXIT_INTERRUPT, EXIT_TRAP
from emu.shm.regions import TRANSLATE_OFF, TRANSLATE_ON
from tests.isa.harness import BASE, EXECUTE, READ

DATA = BASE + 0x8000
ECALL, NOP, RETURN = encode("ecall"), encode("addi", 0, 0, 0), encode("jalr", 0, 0, 1)
EDGE = BASE + PAGE_SIZE


def loop():
    """A sum over words that are also stored to."""
    return {BASE: [
        encode("ld", 7, 0, 10), encode("add", 6, 6, 7), encode("sd", 6, 8, 10), encode("addi", 10, 10, 8),
        encode("addi", 5, 5, -1), encode("bne", 5, 0, -20), ECALL,
    ]}  # fmt: skip


def branches():
    """Branches forward and backward, on bits that change."""
    return {BASE: [
        encode("andi", 7, 5, 1), encode("beq", 7, 0, 12), encode("addi", 6, 6, 3), encode("jal", 0, 8),
        encode("xori", 6, 6, 0x55), encode("andi", 7, 5, 6), encode("bne", 7, 0, 8), encode("slli", 6, 6, 1),
        encode("addi", 5, 5, -1), encode("bne", 5, 0, -36), ECALL,
    ]}  # fmt: skip


def calls():
    """A loop that calls a function at two places, which calls another one; a jump by a register; a return."""
    return {
        BASE: [
            encode("jal", 1, 0x100), encode("addi", 6, 6, 1), encode("jal", 1, 0xF8), encode("auipc", 1, 0),
            encode("jalr", 1, 0x100 - 12, 1), encode("addi", 5, 5, -1), encode("bne", 5, 0, -24), ECALL,
        ],
        BASE + 0x100: [
            encode("add", 11, 1, 0), encode("andi", 7, 5, 1), encode("beq", 7, 0, 8), encode("jal", 1, 0x100 - 12),
            encode("add", 6, 6, 5), encode("jalr", 0, 0, 11),
        ],
        BASE + 0x200: [encode("xori", 6, 6, -1), RETURN],
    }  # fmt: skip


def pages():
    """A loop over two pages: falls from one into the other across an instruction, and jumps back."""
    return {EDGE - 6: [
        encode("addi", 6, 6, 1), encode("addi", 7, 7, 3), encode("xor", 6, 6, 7), encode("addi", 5, 5, -1),
        encode("bne", 5, 0, -16), ECALL,
    ]}  # fmt: skip


def far():
    """Jumps forward and backward between two pages."""
    return {
        BASE: [encode("addi", 6, 6, 5), encode("jal", 0, PAGE_SIZE - 4), ECALL],
        EDGE: [encode("addi", 5, 5, -1), encode("slli", 6, 6, 1), encode("beq", 5, 0, 8 - PAGE_SIZE - 8),
               encode("jal", 0, -PAGE_SIZE - 12)],
    }  # fmt: skip


PROGRAMS = {loop: 40, branches: 40, calls: 12, pages: 40, far: 40}  # and how often they turn: x5
FIRST = {pages: EDGE - 6}


class Runs:
    """A program, run from its beginning again and again, with all that it leaves."""

    def __init__(self, translating, program):
        self.translating, self.bare, self.turns = translating, translating.bare, PROGRAMS[program]
        self.start = FIRST.get(program, BASE)
        for at, instructions in program().items():
            translating.load(at, *instructions)

    def prepare(self, turns):
        bare = self.bare
        bare.x[:] = 0
        bare.x[5], bare.x[10], bare.x[14] = turns, DATA, BASE
        bare.memory[DATA - BASE : DATA - BASE + PAGE_SIZE] = np.arange(PAGE_SIZE) % 251
        bare.thread["pc"] = self.start

    def stops(self, budgets, turns=None):
        """Where it stands, and with what, after each budget up to its end; then what it left in memory."""
        self.prepare(turns or self.turns)
        stops = []
        for budget in budgets:
            stops.append(self.bare.run(budget=budget))
            if stops[-1].reason != EXIT_BUDGET:
                break
        stops = [(s.reason, s.pc, s.retired, s.x) for s in stops]
        return stops, bytes(self.bare.memory[DATA - BASE : DATA - BASE + PAGE_SIZE])

    def translate(self):
        """Interpret it once, then translate its beginning."""
        expected = self.stops([1 << 20])
        assert expected[0][-1][0] == EXIT_ECALL
        assert self.translating.translate(self.start) and self.translating.is_entry(self.start)
        return expected


@pytest.fixture(params=[TRANSLATE_OFF, TRANSLATE_ON], ids=["in one slice", "in slices"])
def mode(request, bare):
    """In slices: the interpreter gives its budget out in parts, and samples between them."""
    bare.m["translating"] = request.param
    yield
    bare.m["translating"] = TRANSLATE_OFF
    bare.m["heat"]["count"] = 0


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_the_end_is_the_same_as_interpreted(translating, mode, program):
    runs = Runs(translating, program)
    assert runs.stops([1 << 20]) == runs.translate()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_every_budget_stops_at_the_same_place_with_the_same_state(translating, mode, program):
    runs = Runs(translating, program)
    interpreted = [runs.stops([budget] * 1000) for budget in range(1, 501, 3)]
    runs.translate()
    assert [runs.stops([budget] * 1000) for budget in range(1, 501, 3)] == interpreted


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_random_budgets_one_after_the_other_stop_at_the_same_places(translating, mode, program, seed):
    runs, rng = Runs(translating, program), random.Random(seed)
    several = [[rng.choice((1, 2, 7, 30, rng.randrange(1, 3000))) for _ in range(5000)] for _ in range(8)]
    turns = 1000 if program is not loop else None
    interpreted = [runs.stops(budgets, turns) for budgets in several]
    runs.translate()
    assert [runs.stops(budgets, turns) for budgets in several] == interpreted


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_region_for_every_instruction_changes_nothing(translating, program):
    """Each place of the program is the entry of one: also the middle of what others are made from."""
    runs = Runs(translating, program)
    budgets = [[budget] * 1000 for budget in range(1, 101, 7)]
    interpreted = [runs.stops(b) for b in budgets]
    for at, instructions in program().items():
        for pc in range(at, at + 4 * len(instructions), 4):
            if translating.word(pc) != 0:
                translating.translate(pc)
    assert int(translating.m["nr_regions"]) >= 5
    assert [runs.stops(b) for b in budgets] == interpreted


def test_what_is_translated_is_what_runs(translating):
    """A control: a region made from other bytes, which `check` would refuse, shows."""
    runs = Runs(translating, loop)
    [(_, _, _, x)], _ = runs.translate()

    def other(page):
        found = translating.fetch(page)
        data = bytearray(found.data)
        data[4:8] = encode("sub", 6, 6, 7).to_bytes(4, "little")
        return found and Page(found.frame, bytes(data), found.words)

    translating.forget()
    runs.stops([1 << 20])
    translating.hold()
    assert not translating.translator.translate(BASE, other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translating.translator, "check", Unchecked(translating))
        assert translating.translator.translate(BASE, other)
    [(_, _, _, others)], _ = runs.stops([1 << 20])
    assert others[6] != x[6]


class Unchecked:
    def __init__(self, translating):
        self.translating = translating

    def __call__(self, number, region):
        record = self.translating.m["regions"][number]
        record["code"] = abs(int(record["code"]))
        return True


# --- traps ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, cause", [("ld", CAUSE_LOAD_PAGE), ("sd", CAUSE_STORE_PAGE)])
def test_a_trap_in_the_middle_of_a_loop_is_precise(translating, name, cause):
    """The loop walks into a page that may not be accessed: what it has done until then is done, nothing more."""
    access = encode("ld", 7, 0, 10) if name == "ld" else encode("sd", 5, 0, 10)
    code = [encode("addi", 6, 6, 1), encode("slli", 8, 6, 2), access, encode("addi", 9, 6, 0),
            encode("addi", 10, 10, 8), encode("addi", 5, 5, -1), encode("bne", 5, 0, -24), ECALL]  # fmt: skip
    translating.load(BASE, *code)
    bare = translating.bare
    outcomes = []
    for permissions in (7, READ | EXECUTE if name == "sd" else EXECUTE):
        for translated in (False, True):
            bare.x[:] = 0
            bare.x[5], bare.x[10] = 100, DATA + PAGE_SIZE - 8 * 40
            bare.permit((DATA - BASE >> 12) + 1, permissions)
            for tlb in ("read_tlb", "write_tlb"):
                bare.cpu[tlb] = -1
            if translated:
                assert translating.translate(BASE)
            outcomes.append(bare.run(pc=BASE))
    free, free_translated, interpreted, translated = outcomes
    assert free == free_translated and free.reason == EXIT_ECALL
    assert interpreted == translated
    assert (translated.reason, translated.cause, translated.pc) == (EXIT_TRAP, cause, BASE + 8)
    assert translated.trap_value == DATA + PAGE_SIZE and translated.retired == 40 * 7 + 2
    assert translated.x[6] == 41 and translated.x[9] == 40


def test_a_misaligned_access_is_made_by_the_interpreter_in_between(translating):
    translating.load(BASE, encode("ld", 7, 3, 10), encode("add", 6, 6, 7), encode("sh", 6, 5, 10),
                     encode("addi", 5, 5, -1), encode("bne", 5, 0, -16), ECALL)  # fmt: skip
    bare, ends = translating.bare, []
    for translated in (False, True):
        bare.memory[DATA - BASE : DATA - BASE + 64] = np.arange(64)
        bare.x[:] = 0
        bare.x[5], bare.x[10] = 50, DATA
        if translated:
            assert translating.translate(BASE)
        ends.append((bare.run(pc=BASE), bytes(bare.memory[DATA - BASE : DATA - BASE + 64])))
    assert ends[0] == ends[1] and ends[0][0].retired == 251


def test_a_rounding_mode_that_is_none_is_illegal_also_in_a_region(translating):
    bare = translating.bare
    for fcsr in (0, 1, 4 << 5 | 1, 5 << 5 | 1, 6 << 5, 7 << 5 | 1):
        for name in ("fadd.d", "fcvt.d.w", "fsqrt.s", "fmadd.d"):
            translating.forget()
            operands = {"fadd.d": (1, 2, 3), "fcvt.d.w": (1, 5), "fsqrt.s": (1, 2), "fmadd.d": (1, 2, 3, 4)}[name]
            translating.load(BASE, NOP, encode(name, *operands, 7), ECALL)
            ends = []
            for translated in (False, True):
                bare.thread["f"], bare.x[:], bare.thread["fcsr"] = 0, 0, fcsr
                if translated:
                    assert translating.translate(BASE)
                ends.append(bare.run(pc=BASE))
            assert ends[0] == ends[1], (name, fcsr)
            assert (ends[0].reason == EXIT_ECALL) == (fcsr >> 5 < 5)


# --- stops ------------------------------------------------------------------------------------------------


def test_an_interrupt_that_is_pending_stops_a_region_soon(translating):
    for program in PROGRAMS:
        translating.forget()
        runs, ends = Runs(translating, program), []
        runs.stops([1 << 20])
        for translated in (False, True):
            if translated:
                assert translating.translate(runs.start)
            runs.prepare(100_000)
            translating.bare.cpu["pending"] = 1
            ends.append(translating.bare.run(budget=1 << 20))
            translating.bare.cpu["pending"] = 0
        assert ends[0].reason == ends[1].reason == EXIT_INTERRUPT
        assert ends[0].retired < 100 and ends[1].retired < 2000


@pytest.mark.parametrize("looking", [encode("addi", 6, 6, 1), encode("ld", 6, 0, 10)], ids=["registers", "memory"])
def test_an_interrupt_stops_a_loop_without_end(translating, looking):
    bare = translating.bare
    translating.load(BASE, looking, encode("jal", 0, -4))
    bare.x[10] = DATA
    bare.run(budget=100, pc=BASE)
    assert translating.translate(BASE)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(bare.run(pc=BASE)))
    before = int(bare.cpu["instructions"])
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    bare.cpu["pending"] = 1
    thread.join(30)
    assert not thread.is_alive()
    bare.cpu["pending"] = 0
    [outcome] = outcomes
    assert outcome.reason == EXIT_INTERRUPT and outcome.retired == int(bare.cpu["instructions"]) - before > 10_000


# --- guards -----------------------------------------------------------------------------------------------


def twice(translating):
    """A page mapped at two addresses, hot at the first one; what it leaves in x6 tells at which one it ran."""
    translating.load(BASE, encode("auipc", 6, 0), encode("addi", 5, 5, -1), encode("bne", 5, 0, -8), ECALL)
    translating.bare.x[5] = 3
    translating.bare.run(pc=BASE)
    assert translating.translate(BASE)


def test_a_region_is_not_entered_at_another_address_of_its_page(translating):
    twice(translating)
    bare, other = translating.bare, BASE + 5 * PAGE_SIZE
    slot = (other >> 12 & 255) * 2
    bare.cpu["fetch_tlb"][slot : slot + 2] = other, bare.window.decoded_address(0)
    bare.x[5] = 3
    outcome = bare.run(pc=other)
    assert (outcome.reason, outcome.pc, outcome.x[6], outcome.retired) == (EXIT_ECALL, other + 12, other, 10)
    bare.x[5] = 3
    assert bare.run(pc=BASE).x[6] == BASE


def test_a_region_of_two_pages_is_not_entered_where_the_second_is_another_one(translating):
    """Another task has the first page, too, but other code behind it."""
    runs = Runs(translating, pages)
    runs.translate()
    bare = translating.bare
    last = runs.stops([1 << 20])[0][-1]
    frame = 7
    bare.memory[frame << 12 : (frame + 1) << 12] = bare.memory[PAGE_SIZE : 2 * PAGE_SIZE]
    at = (frame << 12) + 2  # the xor: an addition there
    bare.memory[at : at + 4] = np.frombuffer(encode("add", 6, 6, 7).to_bytes(4, "little"), dtype=np.uint8)
    slot = (EDGE >> 12 & 255) * 2
    bare.cpu["fetch_tlb"][slot : slot + 2] = EDGE, bare.window.decoded_address(frame)
    other = runs.stops([1 << 20])[0][-1]
    assert other[2] == last[2] and other[3][6] != last[3][6]
    bare.cpu["fetch_tlb"] = -1
    assert runs.stops([1 << 20])[0][-1] == last


def test_a_word_that_names_another_region_enters_none(translating):
    """It was left by an older arena, whose numbers are used again."""
    runs = Runs(translating, branches)
    runs.translate()
    expected = runs.stops([5] * 1000)
    number = int(translating.m["nr_regions"]) - 1
    for parcel in range(2, 20, 2):
        translating.bare.window.decoded(0)[parcel] = OP_REGION | number << IMM_SHIFT
    assert translating.word(BASE + 4) & OP_MASK == OP_REGION
    assert runs.stops([5] * 1000) == expected


def test_a_jump_to_the_second_half_of_a_call_goes_where_the_register_says(translating):
    """auipc and jalr are one call inside, unless another jump leads to the jalr with another value."""
    target, other = BASE + 0x100, BASE + 0x200
    translating.load(BASE, encode("andi", 7, 5, 1), encode("add", 1, 11, 0), encode("beq", 7, 0, 8),
                     encode("auipc", 1, 0), encode("jalr", 1, 0x100 - 12, 1),
                     encode("addi", 5, 5, -1), encode("bne", 5, 0, -24), ECALL)  # fmt: skip
    translating.load(target, encode("addi", 6, 6, 1), RETURN)
    translating.load(other, encode("slli", 6, 6, 1), RETURN)
    bare, ends = translating.bare, []
    for translated in (False, True):
        bare.x[:] = 0
        bare.x[5], bare.x[11] = 31, other - 0x100 + 12
        if translated:
            assert translating.translate(BASE)
        ends.append(bare.run(pc=BASE))
    assert ends[0].reason == EXIT_ECALL and ends[0] == ends[1] and ends[0].x[6] > 1 << 15


# --- an instruction in two pages that a region leaves to the interpreter ----------------------------------------


def test_an_access_by_an_instruction_in_two_pages_is_made_by_the_interpreter(translating):
    """It is misaligned, which the region cannot do."""
    translating.load(EDGE - 6, encode("addi", 6, 6, 1), encode("lw", 7, 3, 10), encode("add", 6, 6, 7),
                     encode("addi", 5, 5, -1), encode("bne", 5, 0, -16), ECALL)  # fmt: skip
    bare, ends = translating.bare, []
    for translated in (False, True):
        bare.memory[DATA - BASE : DATA - BASE + 64] = np.arange(64)
        bare.x[:] = 0
        bare.x[5], bare.x[10] = 20, DATA
        if translated:
            assert translating.translate(EDGE - 6)
        ends.append(bare.run(pc=EDGE - 6))
    assert ends[0] == ends[1] and ends[0].x[6] == 20 + 20 * 0x06050403


def test_a_region_that_begins_with_an_instruction_in_two_pages_and_may_not_be_entered(translating):
    """Its sums need a state of the rounding mode and flags that is not there: the interpreter does the first one."""
    first = EDGE - 2
    translating.load(first, encode("fcvt.l.d", 7, 1, 3), encode("fadd.d", 1, 1, 2, 7), encode("addi", 5, 5, -1),
                     encode("bne", 5, 0, -12), ECALL)  # fmt: skip
    bare, ends = translating.bare, []
    for translated in (False, True):
        bare.x[:], bare.thread["f"] = 0, 0
        bare.x[5], bare.f[2], bare.thread["fcsr"] = 5, 0x3FF0000000000000, 1 << 5
        if translated:
            assert translating.translate(first) and translating.is_entry(first)
        ends.append(bare.run(pc=first))
    assert ends[0] == ends[1] and ends[0].x[7] == 4
