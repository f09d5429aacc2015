"""Arguments of execve are read page by page, and are what reading them one by one would give."""

import random
import struct

import pytest

from emu.abi.errno import E2BIG, EFAULT
from emu.limits import PAGE_SIZE, USER_TOP
from emu.server.argument_strings import KEPT_PAGES, read_strings
from emu.server.errors import LinuxError

BASE = 0x10000


class Memory:
    """16 mapped pages, and what lies beyond fails."""

    def __init__(self):
        self.data = bytearray(16 * PAGE_SIZE)
        self.reads = 0

    def read(self, address, count):
        assert address <= USER_TOP - count, "an address that no guest has"
        self.reads += 1
        at = address - BASE
        if not 0 <= at <= len(self.data) - count:
            raise LinuxError(EFAULT)
        return bytes(self.data[at : at + count])

    def put(self, at, data):
        self.data[at : at + len(data)] = data
        return BASE + at


def read(memory, address, most=1 << 20, longest=1 << 17):
    try:
        return read_strings(memory.read, address, most, longest)
    except LinuxError as error:
        return error.errno


@pytest.mark.parametrize("seed", range(8))
def test_strings_are_found_wherever_they_and_their_pointers_lie(seed):
    chance, memory, texts, pointers = random.Random(seed), Memory(), [], []
    at = 8 * PAGE_SIZE + chance.randrange(PAGE_SIZE)
    while at < 14 * PAGE_SIZE:
        text = bytes(chance.randrange(1, 256) for _ in range(chance.choice((0, 1, 7, 100, 5000))))
        pointers.append(memory.put(at, text + b"\0"))
        texts.append(text)
        at += len(text) + 1 + chance.randrange(30)
    vector = struct.pack(f"<{len(pointers) + 1}Q", *pointers, 0)
    assert read(memory, memory.put(PAGE_SIZE - chance.randrange(20), vector)) == texts
    assert memory.reads <= 16


def test_no_vector_has_no_strings():
    assert read(Memory(), 0) == []


def test_memory_that_is_not_there_is_an_error_only_where_a_string_needs_it():
    memory = Memory()
    end = 16 * PAGE_SIZE
    whole, open_ended = memory.put(end - 8, b"seven..\0"), BASE + end - 8
    assert read(memory, memory.put(0, struct.pack("<2Q", whole, 0))) == [b"seven.."]
    memory.put(end - 8, b"x" * 8)
    assert read(memory, memory.put(0, struct.pack("<2Q", open_ended, 0))) == EFAULT
    for wild in (8, USER_TOP, (1 << 64) - 8, BASE + end):
        assert read(memory, wild) == EFAULT
        assert read(memory, memory.put(0, struct.pack("<2Q", wild, 0))) == EFAULT
    memory.put(end - 16, struct.pack("<2Q", BASE, BASE))
    assert read(memory, BASE + end - 16) == EFAULT, "the vector does not end"


@pytest.mark.parametrize("length", [PAGE_SIZE - 1, PAGE_SIZE, 2 * PAGE_SIZE + 5])
def test_a_string_that_is_too_long_is_refused_and_the_longest_is_not(length):
    memory = Memory()
    memory.put(100, b"x" * length + b"\0")
    vector = memory.put(15 * PAGE_SIZE, struct.pack("<2Q", BASE + 100, 0))
    assert read(memory, vector, longest=length + 1) == [b"x" * length]
    assert read(memory, vector, longest=length) == E2BIG
    assert read(memory, vector, most=length + 9) == [b"x" * length]
    assert read(memory, vector, most=length + 8) == E2BIG


def test_strings_in_many_pages_are_read_without_keeping_them_all():
    asked = []

    def any_page(address, count):
        asked.append(address)
        return vector[address - BASE :][:count] if address < 1 << 20 else bytes(count)

    pointers = [(1 << 20) + PAGE_SIZE * k for k in (*range(KEPT_PAGES), 0)]
    vector = struct.pack(f"<{len(pointers) + 1}Q", *pointers, 0).ljust(PAGE_SIZE, b"\0")
    assert read_strings(any_page, BASE, 1 << 20, 1 << 17) == [b""] * len(pointers)
    assert asked.count(1 << 20) == 2, "a page that was kept while so many others came"
