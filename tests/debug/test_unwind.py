"""Stacks: by .eh_frame, by frame pointer, by a scan, and of guests whose stacks and page tables are nonsense."""

from types import SimpleNamespace

import numpy as np
import pytest

from emu.debug.guest_memory import GuestMemory
from emu.debug.unwind import MOST_FRAMES, Frame, unwind
from emu.kernel.vm.pagetable import PPN_SHIFT, R, V, W, X
from emu.limits import PAGE_SIZE

CODE, STACK = 0x10000, 0x20000
CALL = 0x000000EF  # jal ra, .


class Made:
    """What `unwind` asks of an Inspector, of one task with a page of code and one of stack, and no program."""

    def __init__(self, pages=64):
        self.ram = np.zeros(pages * PAGE_SIZE, np.uint8)
        self.machine = {"tasks": {"root": np.array([1])}}
        self.memory = GuestMemory(self.machine, self.ram)
        self.x, self.pc = np.zeros(33, np.int64), CODE
        self._set(1, 0, 2 << PPN_SHIFT | V)
        self._set(2, 0, 3 << PPN_SHIFT | V)
        self._set(3, CODE >> 12, 4 << PPN_SHIFT | V | R | X)
        self._set(3, STACK >> 12, 5 << PPN_SHIFT | V | R | W)

    def _set(self, frame, slot, entry):
        self.ram[frame * PAGE_SIZE : (frame + 1) * PAGE_SIZE].view(np.int64)[slot] = entry

    def store(self, address, value, size=8):
        frame = 4 if address < STACK else 5
        at = frame * PAGE_SIZE + address % PAGE_SIZE
        self.ram[at : at + size] = np.frombuffer(value.to_bytes(size, "little"), np.uint8)

    def thread(self, i):
        return {"x": self.x, "pc": self.pc}

    def task_of(self, i):
        return 0

    def program(self, k, pc):
        return None


@pytest.fixture
def made():
    made = Made()
    for at in range(0, PAGE_SIZE, 4):
        made.store(CODE + at, CALL, 4)
    made.x[2] = STACK
    return made


def test_a_chain_of_frame_pointers_is_followed(made):
    made.pc, made.x[8] = CODE + 0x40, STACK + 64
    made.x[1] = 0
    made.store(STACK + 48, STACK + 160)
    made.store(STACK + 56, CODE + 0x80)
    made.store(STACK + 144, 0)
    made.store(STACK + 152, CODE + 0xC0)
    frames = unwind(made, 0)
    assert frames[:3] == [Frame(CODE + 0x40, "", "pc"), Frame(CODE + 0x80, "", "fp"), Frame(CODE + 0xC0, "", "fp")]


def test_without_one_the_next_word_behind_a_call_is_a_guess(made):
    made.store(STACK + 8, CODE + 0x81)  # odd
    made.store(STACK + 16, STACK)  # no code
    made.store(STACK + 24, CODE + 0x90)
    assert unwind(made, 0)[1:] == [Frame(CODE + 0x90, "", "scan")]


def test_the_register_ra_counts_in_the_innermost_frame_where_a_call_is_before_it(made):
    made.x[1] = CODE + 0x20
    assert unwind(made, 0)[1] == Frame(CODE + 0x20, "", "ra")
    made.store(CODE + 0x1C, 0x13, 4)  # a nop
    assert len(unwind(made, 0)) == 1


def test_a_stack_that_leads_round_or_is_full_of_returns_ends(made):
    made.x[8] = STACK + 16
    made.store(STACK, STACK + 16)  # its own frame again
    made.store(STACK + 8, CODE + 0x80)
    assert len(unwind(made, 0)) <= MOST_FRAMES
    for at in range(0, PAGE_SIZE, 8):
        made.store(STACK + at, CODE + 0x80)
    assert len(unwind(made, 0)) == MOST_FRAMES


@pytest.mark.parametrize("seed", range(20))
def test_memory_and_registers_of_random_words_do_no_harm(seed):
    random = np.random.default_rng(seed)
    made = Made()
    made.ram[:] = random.integers(0, 256, len(made.ram), np.uint8)
    entries = made.ram.view(np.uint64)
    entries[:] = entries & ~np.uint64(0xFFFF_FFFF_FFFF_0000) | np.uint64(1)  # frames that exist, and some that do not
    made.x[:] = random.integers(0, 1 << 20, 33)
    made.pc = int(random.integers(0, 1 << 20))
    assert 1 <= len(unwind(made, 0)) <= MOST_FRAMES
    for address in (0, -1, 1 << 38, 1 << 63, int(random.integers(0, 1 << 38))):
        assert len(made.memory.read(0, address, 100)) <= 100


def test_a_page_table_that_names_frames_that_do_not_exist_maps_nothing(made):
    made._set(3, STACK >> 12, 1 << 50 | V | R | W)
    assert made.memory.read(0, STACK, 8) == b"" and made.memory.word(0, STACK) is None
    made._set(len(made.ram) // PAGE_SIZE - 1, 0, 2 << PPN_SHIFT | V)  # where -1 would be, counted from the end
    made.machine["tasks"]["root"][0] = -1
    assert made.memory.entry(0, CODE) == 0


def test_addresses_beyond_a_tasks_space_are_not_those_of_its_pages(made):
    made.store(STACK, 0x1234)
    assert made.memory.word(0, STACK) == 0x1234
    for address in (STACK + (1 << 39), STACK + (1 << 63), STACK - (1 << 39)):
        assert made.memory.word(0, address) is None


class Lowering:
    """A program whose table says that every function's caller has its frame at s0."""

    symbols = SimpleNamespace(function_at=lambda address: None)

    def rule_at(self, pc):
        return {"cfa": SimpleNamespace(reg=8, offset=0)}


@pytest.mark.parametrize(("caller", "frames"), [(32, 2), (-32, 1)])
def test_a_table_that_leads_down_the_stack_ends_the_walk(made, monkeypatch, caller, frames):
    monkeypatch.setattr(made, "program", lambda k, pc: Lowering())
    made.x[1], made.x[2], made.x[8] = CODE + 0x80, STACK + 64, STACK + 64 + caller
    assert len(unwind(made, 0)) == frames
