"""Which instructions are translated together (isa/translator/regions.py)."""

import pytest

from emu.isa.encode import assemble, encode
from emu.isa.translator import regions
from emu.isa.translator.regions import SIZE, Page, form
from emu.limits import PAGE_SIZE, REGION_PAGES

PC = 0x10000
NOP, ECALL = encode("addi", 0, 0, 0), encode("ecall")
RETURN = encode("jalr", 0, 0, 1)


class Code:
    """Guest code from PC on, of which each instruction was executed unless it is said not to be."""

    def __init__(self, *instructions, at=PC, never=()):
        self.pages, self.asked = {}, []
        self.put(at, *instructions)
        for pc in never:
            self.pages[pc & -PAGE_SIZE].words[(pc & (PAGE_SIZE - 1)) >> 1] = 0

    def put(self, at, *instructions):
        for bits in instructions:
            self.page(at).words[(at & (PAGE_SIZE - 1)) >> 1] = 1
            for n, byte in enumerate(assemble(bits)):
                self.page(at + n).data[(at + n) & (PAGE_SIZE - 1)] = byte
            at += len(assemble(bits))

    def page(self, pc):
        page = pc & -PAGE_SIZE
        if page not in self.pages:
            self.pages[page] = Page(page >> 12, bytearray(PAGE_SIZE), [0] * (PAGE_SIZE // 2))
        return self.pages[page]

    def fetch(self, page):
        self.asked.append(page)
        return self.pages.get(page)

    def form(self, pc=PC, targets=()):
        return form(pc, self.fetch, targets)


def places(region):
    """(pc, context) of each instruction."""
    return {(each.pc, block.context) for block in region.blocks.values() for each in block.instructions}


def pcs(region):
    return {pc for pc, _ in places(region)}


def test_a_loop_is_a_region_of_its_own_block_and_ends_before_what_nobody_has_executed():
    code = Code(encode("addi", 5, 5, 1), encode("bne", 5, 6, -4), NOP, ECALL, never=[PC + 8])
    region = code.form()
    assert pcs(region) == {PC, PC + 4}
    assert list(region.blocks) == [(PC, ())] and region.size == 2
    assert list(region.pages) == [PC]


def test_a_region_ends_before_what_is_left_to_the_interpreter():
    for stop in ("ecall", "ebreak", "fence.i"):
        assert pcs(Code(NOP, NOP, encode(stop), NOP).form()) == {PC, PC + 4}
    assert pcs(Code(NOP, encode("csrrs", 5, 3, 0), NOP).form()) == {PC}
    assert Code(ECALL, NOP).form() is None


def test_nothing_begins_where_nobody_has_been_or_no_code_is():
    assert Code(NOP, NOP, never=[PC]).form() is None
    assert Code(NOP).form(PC + PAGE_SIZE) is None
    assert Code(0xFFFFFFFF).form() is None, "no instruction"


def test_both_ways_of_a_branch_are_inside_and_a_block_begins_where_one_leads():
    code = Code(encode("beq", 5, 6, 12), NOP, NOP, NOP, encode("jal", 0, -16))
    assert set(code.form().blocks) == {(PC, ()), (PC + 4, ()), (PC + 12, ())}


def test_a_function_called_twice_is_inside_once_for_each_place_where_it_returns_to():
    function = PC + 0x40
    code = Code(encode("jal", 1, 0x40), encode("jal", 1, 0x3C), encode("jal", 0, -8))
    code.put(function, NOP, RETURN)
    region = code.form()
    assert {context for pc, context in places(region) if pc == function} == {(PC + 4,), (PC + 8,)}
    assert {context for pc, context in places(region) if pc < function} == {()}
    assert region.size == 3 + 2 * 2


def test_a_call_inside_a_call_returns_to_where_it_was_made():
    outer, inner = PC + 0x40, PC + 0x80
    code = Code(encode("jal", 1, 0x40), encode("jal", 0, -4))
    code.put(outer, encode("jal", 5, 0x40), RETURN)
    code.put(inner, encode("jalr", 0, 0, 5))
    assert places(code.form()) == {
        (PC, ()), (PC + 4, ()), (outer, (PC + 4,)), (outer + 4, (PC + 4,)), (inner, (PC + 4, outer + 4)),
    }  # fmt: skip


def test_recursion_is_a_way_out_not_a_region_without_end():
    code = Code(encode("jal", 1, 8), ECALL, NOP, encode("jal", 1, -4), RETURN)
    region = code.form()
    assert all(len(set(context)) == len(context) for _, context in places(region))
    assert region.size < 20


def test_calls_are_followed_to_a_depth():
    code = Code()
    for k in range(10):
        code.put(PC + 0x40 * k, encode("jal", 1, 0x40), RETURN)
    contexts = {len(context) for _, context in places(code.form())}
    assert contexts == set(range(regions._DEPTH + 1))


def test_an_indirect_jump_behind_the_auipc_that_says_where_is_a_call_of_that_place():
    target = PC + 2 * PAGE_SIZE + 0x40
    code = Code(encode("auipc", 1, 2 * PAGE_SIZE), encode("jalr", 1, 0x40, 1), encode("jal", 0, -8))
    code.put(target, NOP, RETURN)
    assert places(code.form()) == {(PC, ()), (PC + 4, ()), (PC + 8, ()), (target, (PC + 8,)), (target + 4, (PC + 8,))}
    jump = code.form().blocks[PC, ()].last
    assert (jump.kind, jump.target) == (regions.CALL, target)


@pytest.mark.parametrize("between", [encode("auipc", 6, 0), encode("addi", 1, 1, 4)], ids=["another", "changed"])
def test_an_indirect_jump_whose_register_the_auipc_before_did_not_set_goes_anywhere(between):
    code = Code(encode("auipc", 1, 0), between, encode("jalr", 1, 0x40, 1))
    code.put(PC + 0x40, NOP, NOP, NOP)
    assert pcs(code.form()) == {PC, PC + 4, PC + 8}


def test_indirect_jumps_go_to_the_targets_that_are_known():
    first, second = PC + 0x40, PC + 0x80
    code = Code(encode("jalr", 0, 0, 10), NOP)
    code.put(first, NOP, encode("jal", 0, PC - first - 4))
    code.put(second, NOP, ECALL)
    assert pcs(code.form()) == {PC}
    assert pcs(code.form(targets=[first, second, PC + 0x400])) == {PC, first, first + 4, second}
    code = Code(encode("jalr", 1, 0, 10), encode("jal", 0, -4))  # an indirect call returns behind itself
    code.put(first, RETURN)
    assert places(code.form(targets=[first])) == {(PC, ()), (PC + 4, ()), (first, (PC + 4,))}


def test_an_instruction_across_two_pages_needs_both():
    last = PC + PAGE_SIZE - 2
    code = Code(encode("addi", 5, 5, 1), encode("jal", 0, -6), at=last)
    region = code.form(last)
    assert pcs(region) == {last, last + 4} and list(region.pages) == [PC, PC + PAGE_SIZE]
    del code.pages[PC + PAGE_SIZE]
    assert code.form(last) is None


def test_code_that_goes_on_in_the_next_page_begins_a_block_there():
    code = Code(NOP, NOP, NOP, at=PC + PAGE_SIZE - 8)
    region = code.form(PC + PAGE_SIZE - 8)
    assert set(region.blocks) == {(PC + PAGE_SIZE - 8, ()), (PC + PAGE_SIZE, ())}


def test_a_region_has_no_more_pages_than_a_record_has_room_for():
    code = Code()
    for k in range(REGION_PAGES + 3):
        code.put(PC + k * PAGE_SIZE, encode("jal", 0, PAGE_SIZE))
    region = code.form()
    assert pcs(region) == {PC + k * PAGE_SIZE for k in range(REGION_PAGES)}
    assert list(region.pages) == sorted(pcs(region)) and len(set(code.asked)) == REGION_PAGES


def test_a_region_has_no_more_instructions_than_size():
    region = Code(*[NOP] * (SIZE + 50)).form()
    assert pcs(region) == {PC + 4 * k for k in range(SIZE)}


def test_only_pages_that_a_region_has_instructions_of_are_its_pages():
    """A page that was looked at but has nothing for it: a change there does not concern the region."""
    start = PC + PAGE_SIZE - 8
    code = Code(encode("beq", 5, 6, 16), encode("jal", 0, -4), at=start)
    code.put(start + 16, ECALL)
    assert list(code.form(start).pages) == [PC] and PC + PAGE_SIZE in code.asked


def test_where_jumps_look_at_budget_and_interrupts():
    assert regions.looks(PC + 8, PC) and regions.looks(PC, PC) and regions.looks(PC, PC + PAGE_SIZE)
    assert not regions.looks(PC, PC + PAGE_SIZE - 2)
