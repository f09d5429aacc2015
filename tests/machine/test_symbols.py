"""Names of a program's functions: right where there is a table, none where there is none or it is nonsense."""

import random
import struct

from emu.machine.symbols import Symbols, symbols_of
from emu.server.elf import PIE_BASE

NAMES = b"\0main\0helper\0"
FUNCTION, DATA = 2, 1


def image(kind=2):
    """An ELF file with nothing but two functions and a variable."""
    what = ((0, 0, 0, 0), (1, FUNCTION, 0x1000, 0x40), (6, FUNCTION, 0x1040, 0), (6, DATA, 0, 8))
    symbols = b"".join(struct.pack("<IBBHQQ", name, info, 0, 1, value, size) for name, info, value, size in what)
    names_at = 64 + len(symbols)
    sections_at = names_at + len(NAMES)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", kind, 243, 1, 0, 0, sections_at, 0, 64, 56, 0, 64, 2, 0)
    section = struct.Struct("<IIQQQQIIQQ")
    table = section.pack(0, 2, 0, 0, 64, len(symbols), 1, 0, 8, 24)
    strings = section.pack(0, 3, 0, 0, names_at, len(NAMES), 0, 0, 1, 0)
    return header + symbols + NAMES + table + strings


def test_a_place_has_the_name_of_its_function_and_the_way_from_its_start():
    symbols = Symbols(image())
    assert symbols.at(0x1000) == "main" and symbols.at(0x1010) == "main+0x10" and symbols.at(0x1044) == "helper+0x4"
    assert symbols.at(0xFFF) == "" and symbols.at(1 << 40) == ""


def test_a_program_that_may_lie_anywhere_lies_at_its_base():
    assert Symbols(image(kind=3)).at(PIE_BASE + 0x1010) == "main+0x10"


def test_nonsense_gives_no_names_and_no_error(seed, tmp_path):
    rand, good = random.Random(seed), image()
    for _ in range(2000):
        bad = bytearray(good[: rand.randrange(len(good) + 1)])
        for _ in range(rand.randrange(1, 8)):
            if bad:
                bad[rand.randrange(len(bad))] = rand.randrange(256)
        Symbols(bytes(bad)).at(rand.getrandbits(64))
    assert symbols_of(tmp_path / "absent").at(0x1000) == "" and symbols_of(tmp_path).at(0) == ""
