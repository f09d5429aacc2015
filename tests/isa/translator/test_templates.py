"""What is written for each row: every effect of every row is a method, and every row can be translated or is left."""

import pytest

from emu.isa.encode import EncodeError
from emu.isa.table import ROWS
from emu.isa.translator import regions
from emu.isa.translator.machine_code import Compiler
from emu.isa.translator.region_code import RegionCode
from emu.isa.translator.regions import Block, Region, decode_instruction, kind_of
from emu.isa.translator.templates import Effect, Text, template_of
from tests.isa.translator.test_regions import PC, Code


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_effect_of_a_row_is_a_method_or_leaves_the_row_to_the_interpreter(row):
    effects = {step.name for step in template_of(row).steps if isinstance(step, Effect)}
    if kind_of(row) == regions.STOP:
        assert effects & regions._STOPS
    else:
        assert all(callable(getattr(RegionCode, name, None)) for name in effects), effects


def test_what_is_left_to_the_interpreter_is_what_the_kernel_or_another_cpu_may_have_to_do_with():
    left = {row.name for row in ROWS if kind_of(row) == regions.STOP}
    assert {name for name in left if not name.startswith(("csr", "cbo", "c."))} == {"ecall", "ebreak", "fence.i"}


def test_texts_have_no_braces_but_gaps_and_no_names_of_their_own():
    gaps = dict.fromkeys(("a", "b", "c", "imm", "pc", "next", "zimm"), "7") | {"p": "q"}
    for row in ROWS:
        for step in template_of(row).steps:
            if isinstance(step, Text):
                filled = step.text.format(**gaps)
                assert '%"' not in filled.replace('%"q', ""), row.name


def compiled(*rows):
    """Machine code of a region with an instruction of each row, one after the other; how many of its places may fault."""
    blocks, pc = {}, PC
    for row in rows:
        found = next(filter(None, (_some(row, pc, bits) for bits in _fillings(row))), None)
        assert found, row.name
        blocks[pc, ()] = Block((), [found])
        pc += row.length
    region = Region(PC, blocks, {PC: Code().page(PC)}, {})
    code, _, count = Compiler().compile(RegionCode(region, "all").text())
    return code, count


def test_every_row_that_is_not_left_becomes_machine_code():
    """LLVM verifies and compiles it."""
    inside = [row for row in ROWS if kind_of(row) == regions.PLAIN]
    code, count = compiled(*inside)
    windowed = [row for row in inside if {"load", "store"} & {getattr(s, "name", "") for s in template_of(row).steps}]
    assert len(code) > 10 * len(inside) and count == len(windowed) > 20
    for row in ROWS:
        if kind_of(row) in (regions.BRANCH, regions.JUMP, regions.CALL, regions.INDIRECT):
            assert compiled(row)[0]


def _fillings(row):
    """Bits of a row with operands that it may have."""
    yield row.match | 10 << 7 | 11 << 15 | 12 << 20 if row.length == 4 else row.match | 10 << 7 | 12 << 2
    for shift in range(8):
        yield row.match | (0x5A5A << shift) & ~row.mask & (0xFFFF if row.length == 2 else 0xFFFFFFFF)


def _some(row, pc, bits):
    if not row.matches(bits):
        return None
    try:
        found = decode_instruction(pc, bits)
    except EncodeError:
        return None
    return found if found and found.row is row else None
