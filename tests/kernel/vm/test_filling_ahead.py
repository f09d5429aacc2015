"""Pages that a fault brings besides its own: which ones, what is in them, and which frames (kernel/vm/faults.py)."""

import ctypes

import pytest

from emu.hot import entry
from emu.kernel.task.records import create_task
from emu.kernel.vm import usercopy
from emu.kernel.vm.address_space import map_pages
from emu.kernel.vm.pagetable import SHARED, R, W, frame_in, has_frame, lookup
from emu.limits import GIB, PAGE_SIZE, PAGES_AHEAD
from emu.shm.layout import machine_at
from emu.testing.area_checks import check_areas
from emu.testing.checks import check_frames
from tests.kernel import wrappers as hot

START, PAGES = GIB - 20 * PAGE_SIZE, 200  # over a border of page tables


@entry(5)
def map_some(address, task, start, length, flags):
    return map_pages(machine_at(address), 0, task, start, length, flags, -1, 0)


@entry(3)
def frame_at(address, task, va):
    m = machine_at(address)
    found = lookup(m, m.tasks[task].root, va)
    return frame_in(found) if has_frame(found) else -1


class Space:
    def __init__(self, window, flags=0, task=None):
        self.window, self.base, self.machine = window, window.address, window.machine
        self.task = create_task(self.base, 0) if task is None else task
        self.flags = flags

    def map(self, start=START, pages=PAGES):
        assert map_some(self.base, self.task, start, pages * PAGE_SIZE, R | W | self.flags) == 0

    def store(self, page, value=7):
        word = ctypes.c_int64(value)
        va = START + page * PAGE_SIZE
        assert usercopy.write_user(self.base, 0, self.task, va, ctypes.addressof(word), 8) == 8

    def load(self, page):
        word = ctypes.c_int64(-1)
        va = START + page * PAGE_SIZE
        assert usercopy.read_user(self.base, 0, self.task, va, ctypes.addressof(word), 8) == 8
        return word.value

    def frames(self):
        """{page: frame} of what is there."""
        found = {page: frame_at(self.base, self.task, START + page * PAGE_SIZE) for page in range(-8, PAGES + 8)}
        return {page: frame for page, frame in found.items() if frame >= 0}

    @property
    def faults(self):
        return int(self.machine["cpus"][0]["page_faults"])

    def check(self):
        assert len(self.frames()) == self.machine["tasks"][self.task]["resident"]
        check_areas(self.window)
        check_frames(self.window)


@pytest.fixture
def space(window):
    made = Space(window)
    made.map()
    return made


def test_who_stores_from_below_has_few_faults(space):
    for page in range(PAGES):
        space.store(page)
    assert space.faults == 4 + (PAGES - 16) // (PAGES_AHEAD + 1) + 1  # at pages 0, 1, 3, 7, 15, 31, 47
    space.check()


def test_what_comes_ahead_is_at_most_as_much_as_was_stored_to_before(space):
    for page, there in enumerate((1, 3, 3, 7, 7, 7, 7, 15)):
        space.store(page)
        assert sorted(space.frames()) == list(range(there))
    space.check()


@pytest.mark.parametrize("pages", [range(0, PAGES, 2), range(PAGES - 1, -1, -1)], ids=["every other", "from above"])
def test_who_stores_in_another_order_gets_what_was_asked_for(space, pages):
    for page in pages:
        space.store(page)
    assert sorted(space.frames()) == sorted(pages) and space.faults == len(pages)
    space.check()


def test_pages_that_came_ahead_are_zeroes_and_the_tasks_own(space):
    for page in range(PAGES):
        assert space.load(page) == 0 if page in space.frames() else True
        space.store(page, page + 1)
    assert [space.load(page) for page in range(PAGES)] == list(range(1, PAGES + 1))
    assert len(set(space.frames().values())) == PAGES


def test_frames_are_neighbours_fresh_and_used_again(space):
    def neighbours():
        frames = space.frames()
        return sum(frames[page + 1] == frames[page] + 1 for page in range(PAGES - 1))

    for page in range(PAGES):
        space.store(page)
    assert neighbours() >= PAGES * 9 // 10
    assert hot.unmap_pages(space.base, 0, space.task, START, PAGES * PAGE_SIZE) == 0
    space.map()
    for page in range(PAGES):
        space.store(page)
    assert neighbours() >= PAGES * 8 // 10
    space.check()


def test_it_ends_with_the_area_and_at_pages_that_are_there(window):
    space = Space(window)
    space.map(START, 8)
    space.map(START + 8 * PAGE_SIZE + PAGE_SIZE, 4)  # behind a hole
    space.store(5)
    for page in range(4):
        space.store(page)
    assert sorted(space.frames()) == [0, 1, 2, 3, 4, 5]
    space.store(6)
    assert sorted(space.frames()) == [0, 1, 2, 3, 4, 5, 6, 7]
    space.check()


def test_memory_that_others_may_see_comes_page_by_page(window):
    space = Space(window, SHARED)
    space.map()
    for page in range(20):
        space.store(page)
        assert len(space.frames()) == page + 1


def test_where_memory_is_scarce_nothing_comes_ahead(space):
    space.machine["nr_frames"] *= 4  # as if most were in use
    try:
        for page in range(20):
            space.store(page)
            assert len(space.frames()) == page + 1
    finally:
        space.machine["nr_frames"] //= 4
    space.check()
