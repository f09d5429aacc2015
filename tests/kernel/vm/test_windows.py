"""What a CPU's window has (kernel/vm/windows.py), in this process, step by step."""

import ctypes

import pytest

from emu.hot import entry
from emu.kernel.task.records import create_task
from emu.kernel.vm.tlb import leave_space, use_space
from emu.kernel.vm.windows import HASTE_NS, follow_changes, note_change, open_page
from emu.limits import CHANGES, PAGE_SIZE, SPACE_FIRST, SPACE_MAPPINGS, SPACE_STRIDE, SPACES, USER_TOP
from emu.shm.layout import machine_at

ME = 0
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)


@entry(3)
def use(address, me, task):
    use_space(machine_at(address), me, task)
    return 0


@entry(2)
def leave(address, me):
    leave_space(machine_at(address), me)
    return 0


@entry(2)
def follow(address, me):
    follow_changes(machine_at(address), me)
    return 0


@entry(4)
def note(address, task, start, end):
    note_change(machine_at(address).tasks[task], start, end)
    return 0


@entry(5)
def open_one(address, me, va, frame, may_store):
    return int(open_page(machine_at(address), me, va, frame, 1, may_store != 0))


class Windows:
    def __init__(self, window):
        self.base, self.m = window.address, window.machine
        self.cpu = self.m["cpus"][ME]
        self.cpu["ram_descriptor"] = window.descriptors[1] + 1
        self.first, self.second = (create_task(self.base, ME) for _ in range(2))
        self.window = window

    def has(self, va, task=None):
        """Whether a page is mapped in a task's window."""
        at = SPACE_FIRST + (self.first if task is None else task) % SPACES * SPACE_STRIDE + va
        return _libc.mincore(at, PAGE_SIZE, ctypes.create_string_buffer(1)) == 0

    def pages(self, count):
        """Map pages 0 to count - 1 into the present task's window."""
        for k in range(count):
            assert open_one(self.base, ME, k * PAGE_SIZE, 100 + k, 1)

    def note(self, k, task=None):
        note(self.base, self.first if task is None else task, k * PAGE_SIZE, (k + 1) * PAGE_SIZE)

    def have(self, count):
        return [self.has(k * PAGE_SIZE) for k in range(count)]


@pytest.fixture
def windows(window):
    made = Windows(window)
    use(made.base, ME, made.first)
    yield made
    for k in range(SPACES):
        _libc.munmap(ctypes.c_void_p(SPACE_FIRST + k * SPACE_STRIDE), ctypes.c_size_t(USER_TOP))


def test_a_page_is_where_translated_code_looks_for_it(windows):
    windows.window.memory(100)[:4] = [1, 2, 3, 4]
    windows.pages(1)
    assert int(windows.cpu["space"]) == SPACE_FIRST + windows.first % SPACES * SPACE_STRIDE
    assert ctypes.string_at(int(windows.cpu["space"]), 4) == bytes([1, 2, 3, 4])
    ctypes.memset(int(windows.cpu["space"]), 9, 2)
    assert windows.window.memory(100)[:3].tolist() == [9, 9, 3]


def test_what_has_changed_is_unmapped_and_nothing_else(windows):
    windows.pages(5)
    windows.note(1)
    windows.note(3)
    assert windows.have(5) == [True] * 5, "the CPU was not asked yet"
    follow(windows.base, ME)
    assert windows.have(5) == [True, False, True, False, True]
    windows.pages(5)
    follow(windows.base, ME)
    assert windows.have(5) == [True] * 5, "each change is followed once"


@pytest.mark.parametrize("changes", [CHANGES - 1, CHANGES, CHANGES + 1, 3 * CHANGES])
def test_a_cpu_that_missed_more_changes_than_are_kept_unmaps_all(windows, changes):
    windows.pages(3)
    windows.note(1)
    for _ in range(changes - 1):
        windows.note(7)
    follow(windows.base, ME)
    assert not windows.has(PAGE_SIZE)
    assert windows.has(0) == windows.has(2 * PAGE_SIZE) == (changes < CHANGES)
    windows.pages(3)
    follow(windows.base, ME)
    assert windows.have(3) == [True] * 3


def test_a_task_that_comes_back_finds_its_pages_but_those_that_have_changed(windows):
    windows.pages(3)
    use(windows.base, ME, windows.second)
    assert not windows.has(0, windows.second)
    windows.note(2)
    follow(windows.base, ME)
    assert windows.have(3) == [True] * 3, "the other task's changes are not followed"
    use(windows.base, ME, windows.first)
    assert windows.have(3) == [True, True, False]


def test_a_window_is_emptied_for_another_task_of_the_same_place(windows):
    windows.pages(2)
    other = windows.first
    while other == windows.first or other % SPACES != windows.first % SPACES:
        other = create_task(windows.base, ME)
    use(windows.base, ME, other)
    assert windows.have(2) == [False] * 2
    windows.pages(1)
    use(windows.base, ME, windows.first)
    assert windows.have(2) == [False] * 2


def test_a_frame_that_becomes_code_empties_every_window_before_it_is_used(windows):
    windows.pages(2)
    use(windows.base, ME, windows.second)
    windows.pages(2)
    windows.m["code_epoch"] += 1
    follow(windows.base, ME)
    assert not windows.has(0, windows.second) and windows.has(0)
    use(windows.base, ME, windows.first)
    assert windows.have(2) == [False] * 2
    windows.pages(2)
    follow(windows.base, ME)
    assert windows.have(2) == [True] * 2


def test_a_cpu_that_has_left_a_task_has_no_window_and_follows_when_it_is_back(windows):
    windows.pages(2)
    leave(windows.base, ME)
    assert windows.cpu["space"] == 0
    windows.note(0)
    use(windows.base, ME, windows.first)
    assert windows.have(2) == [False, True]


def test_where_the_host_refuses_or_the_limit_is_near_all_begins_anew(windows):
    windows.pages(3)
    windows.cpu["nr_space_mappings"] = SPACE_MAPPINGS
    assert open_one(windows.base, ME, 5 * PAGE_SIZE, 105, 1)
    assert windows.have(3) == [False] * 3 and windows.has(5 * PAGE_SIZE)
    assert windows.cpu["nr_space_mappings"] == 1 and windows.m["careful"] == 0, "they lasted long enough"
    descriptor = int(windows.cpu["ram_descriptor"])
    windows.cpu["ram_descriptor"] = 1 << 20  # none of this process
    windows.cpu["space_since_ns"] -= HASTE_NS
    assert not open_one(windows.base, ME, 0, 100, 1) and windows.m["careful"] == 0
    assert not open_one(windows.base, ME, 0, 100, 1)
    assert windows.m["careful"] == 1 and windows.cpu["found_heat"] == 1
    windows.cpu["ram_descriptor"] = descriptor


def test_without_guest_memory_to_map_there_is_no_window(window):
    made = Windows(window)
    made.cpu["ram_descriptor"] = 0
    use(made.base, ME, made.first)
    assert made.cpu["space"] == 0
    made.note(0)
    follow(made.base, ME)
