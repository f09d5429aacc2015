"""A program's code by address: calls, targets, lengths; and nonsense gives nothing."""

import random
import struct

import pytest

from emu.isa.encode import assemble, encode
from emu.machine.code import INDIRECT, Code
from emu.server.elf import ElfError

START, RA = 0x10000, 1
CODE = assemble(
    encode("jal", RA, 16),  # 0
    encode("auipc", 5, 0x1000),  # 4
    encode("jalr", RA, -8, 5),  # 8
    encode("jalr", RA, 0, 6),  # 12
    encode("c.jalr", 7),  # 16
    encode("c.jr", RA),  # 18
    encode("beq", 10, 11, -20),  # 20
    encode("jal", 0, 4),  # 24
)


def image(text, flags=5):
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 243, 1, START, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, flags, 120, START, START, len(text), len(text), 4096)
    return header + segment + text


@pytest.fixture
def code():
    return Code(image(CODE))


def test_calls_are_known_by_where_they_end(code):
    found = {offset: code.call_before(START + offset) for offset in range(0, len(CODE) + 2, 2)}
    assert {offset: target for offset, target in found.items() if target is not None} == {
        4: START + 16, 12: START + 4 + 0x1000 - 8, 16: INDIRECT, 18: INDIRECT,
    }  # fmt: skip


def test_instructions_are_found_one_after_the_other(code):
    addresses = [address - START for address, _ in code.instructions(START, START + 1000)]
    assert addresses == [0, 4, 8, 12, 16, 18, 20, 24]
    assert [code.forward(START, count) - START for count in range(8)] == addresses
    assert code.forward(START, 1000) == START, "there are not so many"
    assert code.executable() == [(START, START + len(CODE))]


def test_a_branch_says_where_it_goes(code):
    [(_, bits)] = code.instructions(START + 20, START + 24)
    assert code.text(START + 20, bits) == "beq a0, a1, 0x10000"


def test_what_is_not_executable_is_no_code():
    assert Code(image(CODE + bytes(4), flags=5)).bits(START) is not None
    with pytest.raises(ElfError):
        Code(image(CODE, flags=6))
    with pytest.raises(ElfError):
        Code(b"")


def test_addresses_from_guests_may_be_anything(code, seed):
    rand = random.Random(seed)
    for _ in range(2000):
        address = rand.choice([rand.getrandbits(64) - (1 << 63), START + rand.randrange(-8, len(CODE) + 8)])
        code.bits(address)
        code.call_before(address)
        code.forward(address, rand.randrange(1 << 6))
