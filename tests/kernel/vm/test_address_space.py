"""Mapping, unmapping, protecting, discarding, moving and touching at random, against a dictionary.

The address range is cut at page, 2 MiB and 1 GiB borders; between two cuts the model
remembers permissions and the words at both ends.  Afterwards every frame is free.
"""

import ctypes
import random

import pytest

from emu.abi.mman import MAP_FIXED, MAP_SHARED
from emu.kernel.failures import FAIL_DROPPED_FRAME
from emu.kernel.linux.memory import place_file
from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.kernel.vm import address_space, file_objects, frames, usercopy
from emu.kernel.vm.tlb import WRITE
from emu.limits import GATHERED_FRAMES, GIB, MIB, PAGE_SIZE
from emu.shm.cpumask import to_words
from emu.shm.layout import CPU, MACHINE
from emu.testing.area_checks import check_areas
from emu.testing.bare import bare_window
from emu.testing.checks import check_frames
from tests.kernel import wrappers as hot

EAGAIN, ENOMEM, EFAULT = -11, -12, -14
R, W, X = 1, 2, 4
PROTS = (0, R, R | W, W, R | X, R | W | X, X)
OFFSETS = (0, 1, 2, 3, 8, 510, 511, 512, 513, 600, 1024, 1025, 1030)  # in pages; 512 is 2 MiB
FIRST, SECOND = 4 * GIB - 2 * MIB, 8 * GIB + 2 * MIB  # the first crosses a 1 GiB border


class Model:
    """What the address space should be: for each stretch [cut, permission, words at its ends]."""

    def __init__(self, starts):
        self.cuts = sorted(start + offset * PAGE_SIZE for start in starts for offset in OFFSETS)
        self.stretches = {}  # index of a cut -> (prot, first word, last word)
        self.gaps = {k for k in range(len(self.cuts) - 1) if self.cuts[k + 1] - self.cuts[k] > GIB}

    def range(self, i, j):
        return self.cuts[i], self.cuts[j] - self.cuts[i]

    def ends(self, k):
        return self.cuts[k], self.cuts[k + 1] - 8

    def mapped(self, i, j):
        return all(k in self.stretches for k in range(i, j))


class Space:
    def __init__(self, window, seed):
        self.window, self.base = window, window.address
        self.chance = random.Random(seed)
        self.task = create_task(self.base, 0)
        self.model = Model((FIRST, SECOND))
        self.word = ctypes.c_int64()

    def pick(self):
        i, j = sorted(self.chance.sample(range(len(self.model.cuts)), 2))
        return i, j

    def write(self, va, value):
        self.word.value = value
        return usercopy.write_user(self.base, 0, self.task, va, ctypes.addressof(self.word), 8) == 8

    def read(self, va):
        got = usercopy.read_user(self.base, 0, self.task, va, ctypes.addressof(self.word), 8)
        return self.word.value if got == 8 else None

    # --- steps -----------------------------------------------------------------

    def map(self):
        i, j = self.pick()
        prot = self.chance.choice(PROTS)
        assert address_space.map_region(self.base, 0, self.task, *self.model.range(i, j), prot) == 0
        for k in range(i, j):
            self.model.stretches[k] = (prot, 0, 0)

    def unmap(self):
        i, j = self.pick()
        assert hot.unmap_pages(self.base, 0, self.task, *self.model.range(i, j)) == 0
        for k in range(i, j):
            self.model.stretches.pop(k, None)

    def protect(self):
        """It stops at the first hole."""
        i, j = self.pick()
        prot = self.chance.choice(PROTS)
        result = address_space.protect_region(self.base, 0, self.task, *self.model.range(i, j), prot)
        assert result == (0 if self.model.mapped(i, j) else ENOMEM)
        for k in range(i, j):
            if k not in self.model.stretches:
                break
            self.model.stretches[k] = (prot, *self.model.stretches[k][1:])

    def discard(self):
        i, j = self.pick()
        result = hot.discard_pages(self.base, 0, self.task, *self.model.range(i, j))
        assert result == (0 if self.model.mapped(i, j) else ENOMEM)
        for k in range(i, j):
            if k in self.model.stretches:
                self.model.stretches[k] = (self.model.stretches[k][0], 0, 0)

    def touch(self):
        k, end = self.chance.randrange(len(self.model.cuts) - 1), self.chance.randrange(2)
        value = self.chance.randrange(1, 1 << 62)
        prot = self.model.stretches.get(k, (0,))[0]
        assert self.write(self.model.ends(k)[end], value) == bool(prot & W)
        if prot & W:
            words = list(self.model.stretches[k])
            words[1 + end] = value
            self.model.stretches[k] = tuple(words)

    def move(self):
        n = len(OFFSETS)
        i, j = sorted(self.chance.sample(range(n), 2))
        old, new = self.chance.sample((0, n), 2)
        if not self.model.mapped(old + i, old + j) or any(new + k in self.model.stretches for k in range(i, j)):
            return
        start, length = self.model.range(old + i, old + j)
        target = self.model.cuts[new + i]
        assert hot.remap(self.base, 0, self.task, start, length, length, 1, target) == target
        for k in range(i, j):
            self.model.stretches[new + k] = self.model.stretches.pop(old + k)

    # --- comparing ----------------------------------------------------------------

    def check(self):
        for k in range(len(self.model.cuts) - 1):
            start, length = self.model.range(k, k + 1)
            stretch = self.model.stretches.get(k)
            if k not in self.model.gaps:
                assert hot.is_mapped(self.base, 0, self.task, start, length) == (stretch is not None)
            assert hot.is_free(self.base, 0, self.task, start, length) == (stretch is None)
            readable = stretch is not None and stretch[0] & (R | W | X)
            for end in range(2):
                value = self.read(self.model.ends(k)[end])
                assert value == (stretch[1 + end] if readable else None), hex(self.model.ends(k)[end])
        check_areas(self.window)
        check_frames(self.window)


@pytest.mark.parametrize("round_", range(4))
def test_random_edits_against_a_model(round_, seed):
    with bare_window(memory_bytes=32 * MIB) as window:
        space = Space(window, seed + round_)
        steps = [space.map, space.unmap, space.protect, space.discard, space.move, *[space.touch] * 6]
        for step in range(250):
            space.chance.choice(steps)()
            if step % 25 == 24:
                space.check()
        reap_task(window.address, 0, space.task)
        check_frames(window)
        assert window.machine["nr_free_frames"] == window.machine["nr_frames"], "frames leaked"


@pytest.fixture
def task(window):
    k = create_task(window.address, 0)
    yield k
    check_frames(window)
    reap_task(window.address, 0, k)
    check_frames(window)
    assert window.machine["nr_free_frames"] == window.machine["nr_frames"]


def test_a_large_mapping_costs_no_memory_until_it_is_touched(window, task):
    before = int(window.machine["nr_free_frames"])
    assert address_space.map_region(window.address, 0, task, 16 * GIB, 64 * GIB, R | W) == 0
    assert window.machine["nr_free_frames"] == before
    assert hot.user_address(window.address, 0, task, 40 * GIB, 1) != 0
    assert before - window.machine["nr_free_frames"] == 6, "two tables, three nodes of the object's index, and the page"


def test_places_are_free_and_disjoint_and_used_again(window, task):
    base, taken = window.address, {}
    for length in (PAGE_SIZE, 3 * PAGE_SIZE, 2 * MIB, 5 * MIB, PAGE_SIZE, GIB):
        at = hot.place_pages(base, 0, task, 0, length, R | W)
        assert at > 0 and at % PAGE_SIZE == 0
        assert all(at + length <= other or other + size <= at for other, size in taken.items())
        taken[at] = length
    at, length = min(taken.items())
    assert hot.unmap_pages(base, 0, task, at, length) == 0
    assert hot.place_pages(base, 0, task, 0, length, R) == at


def test_a_hint_is_taken_where_it_is_free_and_only_there(window, task):
    base, hint = window.address, 3 * GIB
    assert hot.place_pages(base, 0, task, hint, 2 * PAGE_SIZE, R) == hint
    other = hot.place_pages(base, 0, task, hint + PAGE_SIZE, 2 * PAGE_SIZE, R)
    assert other > 0 and other != hint + PAGE_SIZE


def test_there_is_no_place_for_more_than_the_address_space(window, task):
    assert hot.place_pages(window.address, 0, task, 0, 300 * GIB, R) == ENOMEM
    assert hot.place_pages(window.address, 0, task, 0, 200 * GIB, R) > 0
    assert hot.place_pages(window.address, 0, task, 0, 100 * GIB, R) == ENOMEM


def test_break_moves_and_stops_at_what_is_mapped(window, task):
    base, record = window.address, window.machine["tasks"][task]
    record["brk"] = record["brk_start"] = start = GIB
    assert hot.set_break(base, 0, task, 0) == start
    assert hot.set_break(base, 0, task, start + 5000) == start + 5000
    assert hot.user_address(base, 0, task, start + 8000, 1) != 0, "whole pages"
    address_space.map_region(base, 0, task, start + 4 * PAGE_SIZE, PAGE_SIZE, R)
    assert hot.set_break(base, 0, task, start + 5 * PAGE_SIZE) == start + 5000
    assert hot.set_break(base, 0, task, start) == start
    assert hot.user_address(base, 0, task, start, 0) == 0


def test_data_survives_being_hidden_and_shown_again(window, task):
    base, va = window.address, 2 * GIB
    address_space.map_region(base, 0, task, va, PAGE_SIZE, R | W)
    first = hot.user_address(base, 0, task, va, 1)
    ctypes.c_int64.from_address(first).value = 77
    address_space.protect_region(base, 0, task, va, PAGE_SIZE, 0)
    assert hot.user_address(base, 0, task, va, 0) == 0
    address_space.protect_region(base, 0, task, va, PAGE_SIZE, R)
    assert hot.user_address(base, 0, task, va, 0) == first
    assert hot.user_address(base, 0, task, va, 1) == 0
    assert ctypes.c_int64.from_address(first).value == 77


@pytest.mark.parametrize("count", range(8))
def test_any_shortage_of_memory_is_an_error_and_leaks_nothing(count):
    with bare_window(memory_bytes=4 * MIB) as window:
        base = window.address
        window.machine["nr_frames"] = window.machine["nr_free_frames"] = count
        k = create_task(base, 0)
        if count == 0:
            assert k == ENOMEM
            return
        results = [
            address_space.map_region(base, 0, k, GIB + PAGE_SIZE, 2 * PAGE_SIZE, R | W),
            0 if hot.user_address(base, 0, k, GIB + PAGE_SIZE, 1) else ENOMEM,
            min(hot.remap(base, 0, k, GIB + PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, 1, 3 * GIB), 0),
            hot.unmap_pages(base, 0, k, GIB + 2 * PAGE_SIZE, PAGE_SIZE),
        ]
        assert all(r in (0, ENOMEM, EFAULT) for r in results)
        assert window.machine["failed"] == 0, "nothing is begun that cannot be done"
        check_frames(window)
        reap_task(base, 0, k)
        check_frames(window)
        assert window.machine["nr_free_frames"] == count


def test_resident_counts_the_frames_that_a_task_has(window, task):
    base, va = window.address, 2 * GIB
    address_space.map_region(base, 0, task, va, 8 * PAGE_SIZE, R | W)
    for page in range(8):
        hot.user_address(base, 0, task, va + page * PAGE_SIZE, 1)
    assert window.machine["tasks"][task]["resident"] == 8
    hot.unmap_pages(base, 0, task, va, 8 * PAGE_SIZE)
    assert window.machine["tasks"][task]["resident"] == 0


def test_a_shared_frame_mapped_twice_is_dropped_twice_and_no_more(window, task):
    base, va = window.address, 2 * GIB
    frame = frames.allocate(base, 0)
    file = file_objects.create_file(base, 0, 1)
    assert file_objects.put_file_page(base, 0, file, 0, frame) == 0
    assert file_objects.put_file_page(base, 0, file, 0, frame) == EAGAIN, "it has that page"
    for page in (0, 1, 700):
        at = va + page * PAGE_SIZE
        assert place_file(base, 0, task, at, PAGE_SIZE, R | W, MAP_SHARED | MAP_FIXED, file, 0) == at
        assert hot.user_address(base, 0, task, at, 1) != 0
    check_frames(window, held=[frame])
    assert hot.unmap_pages(base, 0, task, va, 2 * MIB) == 0
    check_frames(window, held=[frame])
    file_objects.release_file(base, 0, file)
    frames.drop(base, 0, frame)


def test_a_range_larger_than_the_buffer_of_gathered_frames_is_replaced_whole(task, window):
    base, va, pages = window.address, 2 * GIB + PAGE_SIZE, 3 * GATHERED_FRAMES // 2
    address_space.map_region(base, 0, task, va, pages * PAGE_SIZE, R | W)
    assert usercopy.write_user(base, 0, task, va, usercopy.FILL, pages * PAGE_SIZE) == pages * PAGE_SIZE
    behind = ctypes.c_int64.from_address(base + MACHINE.offset("cpus") + CPU.offset("gathered") + 8 * GATHERED_FRAMES)
    before = behind.value
    assert address_space.map_region(base, 0, task, va, pages * PAGE_SIZE, R) == 0
    assert behind.value == before, "one frame more than there is room for"
    assert window.machine["tasks"][task]["resident"] == 0
    assert hot.is_mapped(base, 0, task, va, pages * PAGE_SIZE)
    assert window.machine["cpus"][0]["nr_gathered"] == 0


TAKING = {
    "unmap": lambda base, k, va: hot.unmap_pages(base, 0, k, va, PAGE_SIZE),
    "map": lambda base, k, va: address_space.map_region(base, 0, k, va, PAGE_SIZE, R),
    "protect": lambda base, k, va: address_space.protect_region(base, 0, k, va, PAGE_SIZE, R),
    "discard": lambda base, k, va: hot.discard_pages(base, 0, k, va, PAGE_SIZE),
    "move": lambda base, k, va: min(hot.remap(base, 0, k, va, PAGE_SIZE, PAGE_SIZE, 1, 3 * GIB), 0),
    "grow": lambda base, k, va: min(hot.remap(base, 0, k, va, PAGE_SIZE, 2 * PAGE_SIZE, 1, -1), 0),
}


@pytest.mark.parametrize("edit", TAKING)
def test_what_an_edit_takes_from_a_page_it_takes_from_the_translations_of_all_cpus(window, task, edit):
    base, va, cpus = window.address, 2 * GIB, window.machine["cpus"]
    address_space.map_region(base, 0, task, va, 2 * PAGE_SIZE, R | W)
    hot.user_address(base, 0, task, va, 1)
    window.machine["tasks"][task]["cpus"] = to_words(0b11)
    cpus[0]["write_tlb"][0], cpus[0]["filled"][0], cpus[0]["nr_filled"] = va, WRITE, 1
    before = int(cpus[1]["tlb_request"])
    assert TAKING[edit](base, task, va) == 0
    assert cpus[0]["write_tlb"][0] == -1 and cpus[1]["tlb_request"] > before
    window.machine["tasks"][task]["cpus"] = to_words(0)


def test_a_mapping_grows_over_nobody_elses(window, task):
    base, va = window.address, 2 * GIB
    for page in range(2):
        address_space.map_region(base, 0, task, va + page * PAGE_SIZE, PAGE_SIZE, R | W)
    hot.user_address(base, 0, task, va + PAGE_SIZE, 1)
    assert hot.remap(base, 0, task, va, PAGE_SIZE, 2 * PAGE_SIZE, 0, -1) == ENOMEM
    grown = hot.remap(base, 0, task, va, PAGE_SIZE, 2 * PAGE_SIZE, 1, -1)
    assert grown not in (ENOMEM, va) and window.machine["tasks"][task]["resident"] == 1
    assert hot.is_mapped(base, 0, task, va + PAGE_SIZE, PAGE_SIZE) and hot.is_free(base, 0, task, va, PAGE_SIZE)


def test_a_store_between_the_two_steps_of_mprotect_keeps_the_pages_frame(window, task):
    """The area has its new rights, the entry not yet: the page is not looked for anew, or a reference would be lost."""
    base, va = window.address, 2 * GIB
    address_space.map_region(base, 0, task, va, PAGE_SIZE, R | W)
    assert usercopy.write_user(base, 0, task, va, usercopy.FILL, 8) == 8
    address_space.protect_region(base, 0, task, va, PAGE_SIZE, R)
    area = window.machine["areas"][int(window.machine["tasks"][task]["areas"]) - 1]
    area["flags"] |= R << 1 | W << 1  # the bits of page-table entries
    assert usercopy.write_user(base, 0, task, va, usercopy.FILL, 8) == 8
    assert window.machine["tasks"][task]["resident"] == 1
    check_areas(window)
    check_frames(window)


def test_a_frame_dropped_once_too_often_fails_the_machine(window):
    frame = frames.allocate(window.address, 0)
    frames.drop(window.address, 0, frame)
    frames.drop(window.address, 0, frame)
    machine = window.machine
    assert (machine["failed"], machine["failed_value"]) == (FAIL_DROPPED_FRAME, frame)
    machine["failed"] = 0
