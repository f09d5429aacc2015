"""Memory objects and their shadows: tasks that copy one another, against a dictionary; and what the chains once lost.

The cases at the end are the faults that the sources of row cz-11 tell of.
"""

import ctypes
import random

import pytest

from emu.abi.mman import MAP_FIXED, MAP_PRIVATE, MAP_SHARED
from emu.kernel.linux.memory import place_file
from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.kernel.vm import address_space, file_objects, frames, usercopy
from emu.kernel.vm.faults import IN_SERVER
from emu.kernel.vm.objects import OBJECT_FREE
from emu.limits import GIB, MAX_AREAS, MIB, PAGE_SIZE
from emu.testing.area_checks import areas_by_owner, check_areas, tree_of
from emu.testing.bare import bare_window
from emu.testing.checks import check_frames
from tests.kernel import wrappers as hot

R, W = 1, 2
VA, PAGES = 2 * GIB - 3 * PAGE_SIZE, 10  # across a border of two tables
ENOMEM = -12


class Tasks:
    """Tasks of a bare machine, and what each should find in its pages: {task: {page: (rights, word)}}."""

    def __init__(self, window, seed):
        self.window, self.base, self.machine = window, window.address, window.machine
        self.chance, self.word, self.model = random.Random(seed), ctypes.c_int64(), {}

    def new(self):
        task = create_task(self.base, 0)
        assert task >= 0
        self.model[task] = {}
        return task

    def va(self, page):
        return VA + page * PAGE_SIZE

    def map(self, task, first, count, rights=R | W):
        assert address_space.map_region(self.base, 0, task, self.va(first), count * PAGE_SIZE, rights) == 0
        self.model[task] |= dict.fromkeys(range(first, first + count), (rights, 0))

    def map_file(self, task, file, first, count, flags=MAP_PRIVATE):
        at = self.va(first)
        placed = place_file(self.base, 0, task, at, count * PAGE_SIZE, R | W, flags | MAP_FIXED, file, 0)
        assert placed == at

    def fork(self, parent):
        child = self.new()
        assert hot.copy_space(self.base, 0, parent, child) == 0
        self.model[child] = dict(self.model[parent])
        return child

    def end(self, task):
        del self.model[task]
        reap_task(self.base, 0, task)

    def write(self, task, page, value):
        self.word.value = value
        return usercopy.write_user(self.base, 0, task, self.va(page), ctypes.addressof(self.word), 8) == 8

    def read(self, task, page):
        got = usercopy.read_user(self.base, 0, task, self.va(page), ctypes.addressof(self.word), 8)
        return self.word.value if got == 8 else None

    def store(self, task, page, value):
        rights, _ = self.model[task].get(page, (0, 0))
        assert self.write(task, page, value) == bool(rights & W)
        if rights & W:
            self.model[task][page] = rights, value

    def unmap(self, task, first, count):
        assert hot.unmap_pages(self.base, 0, task, self.va(first), count * PAGE_SIZE) == 0
        for page in range(first, first + count):
            self.model[task].pop(page, None)

    def discard(self, task, first, count):
        hot.discard_pages(self.base, 0, task, self.va(first), count * PAGE_SIZE)
        for page in range(first, first + count):
            if page in self.model[task]:
                self.model[task][page] = self.model[task][page][0], 0

    def protect(self, task, first, count, rights):
        address_space.protect_region(self.base, 0, task, self.va(first), count * PAGE_SIZE, rights)
        for page in range(first, first + count):
            if page not in self.model[task]:
                break
            self.model[task][page] = rights, self.model[task][page][1]

    def check(self):
        for task, pages in self.model.items():
            for page in range(PAGES):
                rights, value = pages.get(page, (0, 0))
                assert self.read(task, page) == (value if rights & R else None), (task, page)
        check_areas(self.window)
        check_frames(self.window)

    def chain(self, task, page):
        """The objects of a page, the area's own first."""
        area = next(
            area
            for area in (self.machine["areas"][a] for a in tree_of(self.machine, task))
            if area["start"] <= self.va(page) < area["end"]
        )
        found, o = [], int(area["object"])
        while o:
            found.append(o - 1)
            o = int(self.machine["objects"][o - 1]["original"])
        return found


@pytest.fixture
def tasks(window):
    made = Tasks(window, 0)
    yield made
    for task in list(made.model):
        made.end(task)
    assert window.machine["nr_free_frames"] == window.machine["nr_frames"]


@pytest.mark.system("cz-11", "cz-9")
@pytest.mark.parametrize("round_", range(4))
def test_random_families_against_a_model(round_, seed):
    with bare_window(memory_bytes=16 * MIB) as window:
        tasks = Tasks(window, seed + round_)
        tasks.new()
        for step in range(400):
            task = tasks.chance.choice(list(tasks.model))
            first = tasks.chance.randrange(PAGES)
            count = tasks.chance.randrange(1, PAGES - first + 1)
            what = tasks.chance.randrange(20)
            if what < 2:
                tasks.map(task, first, count)
            elif what < 4 and len(tasks.model) < 8:
                tasks.fork(task)
            elif what < 6 and len(tasks.model) > 1:
                tasks.end(task)
            elif what == 6:
                tasks.unmap(task, first, count)
            elif what == 7:
                tasks.discard(task, first, count)
            elif what == 8:
                tasks.protect(task, first, count, tasks.chance.choice((0, R, R | W)))
            else:
                tasks.store(task, first, tasks.chance.randrange(1, 1 << 60))
            if step % 20 == 19:
                tasks.check()
        for task in list(tasks.model):
            tasks.end(task)
        check_frames(window)
        assert window.machine["nr_free_frames"] == window.machine["nr_frames"], "frames leaked"
        assert not (window.machine["objects"]["kind"] != 0).any() and not areas_by_owner(window.machine)


@pytest.mark.system("cz-11")
def test_a_read_walks_the_whole_chain_and_a_store_makes_a_shadow_of_its_own(tasks):
    first = tasks.new()
    tasks.map(first, 0, PAGES)
    tasks.store(first, 0, 1)
    line = [first]
    for generation in range(2, 6):
        line.append(tasks.fork(line[-1]))
        tasks.store(line[-1], generation, generation)
        tasks.store(line[-2], 9, generation)
    tasks.check()
    assert len(tasks.chain(line[-1], 0)) == 5, "an object of its own, and those of all before it"


@pytest.mark.system("cz-11")
def test_who_is_left_alone_with_a_chain_gets_its_pages_and_the_chain_goes(tasks):
    """By exit of the parents, generation after generation, and by exit of children."""
    task = tasks.new()
    tasks.map(task, 0, PAGES)
    for generation in range(30):
        tasks.store(task, generation % PAGES, generation + 1)
        child = tasks.fork(task)
        tasks.store(child, (generation + 3) % PAGES, 1000 + generation)
        tasks.end(task)
        task = child
        tasks.check()
        assert len(tasks.chain(task, 0)) <= 2
    for generation in range(30):
        child = tasks.fork(task)
        tasks.store(task, generation % PAGES, 2000 + generation)
        tasks.end(child)
        assert len(tasks.chain(task, 0)) == 1
    tasks.check()


@pytest.mark.parametrize("stored", [1, 9], ids=["into-the-original", "into-the-shadow"])
def test_a_merge_keeps_what_the_shadow_hides_and_what_it_does_not(tasks, stored):
    parent = tasks.new()
    tasks.map(parent, 0, PAGES)
    for page in range(5):
        tasks.store(parent, page, 10 + page)
    child = tasks.fork(parent)
    for page in range(stored):
        tasks.store(child, page, 20 + page)
    before = int(tasks.machine["nr_free_frames"])
    tasks.end(parent)
    assert int(tasks.machine["nr_free_frames"]) > before
    tasks.check()
    assert len(tasks.chain(child, 0)) == 1


def test_a_merge_that_finds_no_memory_loses_nothing(tasks):
    """Pages in more nodes than there is memory for stay in both objects."""
    parent = tasks.new()
    tasks.map(parent, 0, PAGES)
    tasks.map(parent, 600, 700)  # one area; its pages lie in several nodes
    for page in (0, 9, 600, 1100, 1299):
        tasks.store(parent, page, 10 + page)
    child = tasks.fork(parent)
    for page in (1, 601, 602, 603, 604, 605):
        if page in tasks.model[child]:
            tasks.store(child, page, 20 + page)
    machine = tasks.machine
    free, frames_there = int(machine["nr_free_frames"]), int(machine["nr_frames"])
    free_frame = int(machine["free_frame"])
    machine["free_frame"], machine["nr_frames"] = -1, machine["fresh_frame"]
    tasks.end(parent)
    returned, frame = 0, int(machine["free_frame"])
    while frame >= 0:
        last, frame, returned = frame, int(machine["frames"][frame]["link"]), returned + 1
    if returned:
        machine["frames"][last]["link"] = free_frame
    else:
        machine["free_frame"] = free_frame
    machine["nr_frames"] = frames_there
    assert machine["nr_free_frames"] == free + returned
    for page in (0, 9, 600, 1100, 1299, 601, 605):
        assert tasks.read(child, page) == tasks.model[child][page][1], page
    check_areas(tasks.window)
    check_frames(tasks.window)


@pytest.mark.parametrize("left", range(2))
def test_without_records_for_areas_a_change_is_not_begun(tasks, left):
    task, machine = tasks.new(), tasks.machine
    tasks.map(task, 0, 5)
    for page in range(5):
        tasks.store(task, page, 1 + page)
    fresh, free = int(machine["fresh_area"]), int(machine["free_area"])
    assert free == 0
    machine["fresh_area"] = MAX_AREAS - left
    assert hot.unmap_pages(tasks.base, 0, task, tasks.va(1), 2 * PAGE_SIZE) == (0 if left > 1 else ENOMEM)
    moved = hot.remap(tasks.base, 0, task, tasks.va(1), 2 * PAGE_SIZE, 2 * PAGE_SIZE, 1, tasks.va(700))
    assert moved == ENOMEM
    tasks.check()
    assert hot.is_free(tasks.base, 0, task, tasks.va(700), 2 * PAGE_SIZE)
    tasks.end(task)
    machine["fresh_area"], machine["free_area"] = fresh, 0


def test_areas_of_a_thousand_mappings_are_found_in_a_few_steps(tasks):
    task = tasks.new()
    for k in range(1000):  # from both ends, and each with a guard that keeps them apart
        tasks.map(task, (k if k % 2 else 2000 - k) * 2, 1, R | W)
    deepest, record = 0, tasks.machine["areas"]

    def depth(word):
        return 1 + max(depth(int(record[word - 1]["left"])), depth(int(record[word - 1]["right"]))) if word else 0

    deepest = depth(int(tasks.machine["tasks"][task]["areas"]))
    assert deepest <= 40, "a list would be 1000 deep"
    before = tree_of(tasks.machine, task)
    tasks.machine["tasks"][task]["areas"] = 0
    hot.rebuild_areas(tasks.base, 0, task)
    assert tree_of(tasks.machine, task) == before
    check_areas(tasks.window)


# --- recovery ---------------------------------------------------------------------------


def related(tasks):
    """A file with a private copy, a segment, and a family with shadows and with records that are free again."""
    parent = tasks.new()
    tasks.map(parent, 0, 4)
    tasks.store(parent, 0, 1)
    other = tasks.fork(parent)
    tasks.store(other, 0, 2)
    child = tasks.fork(other)
    tasks.store(child, 1, 3)
    gone = tasks.fork(child)
    tasks.store(gone, 2, 4)
    tasks.store(child, 2, 5)
    tasks.end(gone)
    file, segment = file_with(tasks, 2, [0, 1]), file_objects.create_segment(tasks.base, 0)
    tasks.map_file(parent, file, 6, 2)
    assert tasks.write(parent, 6, 6)
    tasks.model[parent] |= {6: (R | W, 6), 7: (R | W, 101)}
    for o in [file_objects.create_segment(tasks.base, 0) for _ in range(2)]:
        file_objects.release_file(tasks.base, 0, o)
    tasks.check()
    return file, segment


SPOILT = ("references", "first_shadow", "next_shadow", "previous_shadow", "nr_pages", "next_free")


@pytest.mark.system("cz-11")
@pytest.mark.parametrize("field", SPOILT)
def test_objects_are_linked_and_counted_anew_from_their_truth_words(tasks, field):
    kept = related(tasks)
    objects, fresh = tasks.machine["objects"], int(tasks.machine["fresh_object"])
    before = objects[:fresh].copy()
    objects[field][:fresh] = 3
    with pytest.raises(AssertionError):
        check_areas(tasks.window)
    hot.rebuild_objects(tasks.base, 0)
    used = before["kind"] != OBJECT_FREE
    for name in ("kind", "references", "original", "nr_pages"):
        assert (objects[name][:fresh][used] == before[name][used]).all(), name
    tasks.check()
    for task in list(tasks.model):
        tasks.end(task)
    for o in kept:
        file_objects.release_file(tasks.base, 0, o)


def test_an_object_whose_last_reference_was_just_going_is_freed_by_the_recovery(tasks):
    kept = related(tasks)
    machine = tasks.machine
    task = max(tasks.model)
    for a in areas_by_owner(machine)[int(machine["tasks"][task]["root"]) + 1]:
        machine["areas"][a]["object"] = 0
    tasks.model[task] = dict.fromkeys(tasks.model[task], (R | W, 0))
    address_space.protect_region(tasks.base, 0, task, tasks.va(0), 4 * PAGE_SIZE, 0)  # forgets its page tables' entries
    address_space.protect_region(tasks.base, 0, task, tasks.va(0), 4 * PAGE_SIZE, R | W)
    hot.rebuild_objects(tasks.base, 0)
    tasks.check()
    for o in kept:
        file_objects.release_file(tasks.base, 0, o)


# --- files --------------------------------------------------------------------------------


def file_with(tasks, nr_pages, in_memory):
    """An object of a file of so many pages, of which some are in memory: page n holds 100 + n."""
    file = file_objects.create_file(tasks.base, 0, nr_pages)
    for page in in_memory:
        frame = frames.allocate(tasks.base, 0)
        ctypes.c_int64.from_buffer(memoryview(tasks.window.memory(frame)).cast("B")).value = 100 + page
        assert file_objects.put_file_page(tasks.base, 0, file, page, frame) == 0
        frames.drop(tasks.base, 0, frame)
    return file


@pytest.mark.system("cz-11")
def test_an_original_with_more_pages_than_are_in_memory_stays_below_a_shadow_that_hides_those(tasks):
    """Dropped for having no more pages than its shadow, it would read as zeroes where it had not been read yet."""
    task = tasks.new()
    file = file_with(tasks, 4, [0, 1])
    tasks.map_file(task, file, 0, 4)
    child = tasks.fork(task)
    assert tasks.write(child, 0, 7) and tasks.write(child, 1, 8)
    tasks.end(task)
    assert (tasks.read(child, 0), tasks.read(child, 1)) == (7, 8)
    assert tasks.read(child, 2) is None and hot.resolve_once(tasks.base, 0, child, tasks.va(2)) == IN_SERVER
    frame = frames.allocate(tasks.base, 0)
    assert file_objects.put_file_page(tasks.base, 0, file, 2, frame) == 0
    frames.drop(tasks.base, 0, frame)
    assert tasks.read(child, 2) == 0, "read from the file meanwhile"
    tasks.end(child)
    file_objects.release_file(tasks.base, 0, file)


@pytest.mark.system("cz-11")
def test_an_original_that_is_no_shadow_and_others_map_is_not_taken(tasks):
    one, other = tasks.new(), tasks.new()
    file = file_with(tasks, 2, [0, 1])
    tasks.map_file(one, file, 0, 2)
    tasks.map_file(other, file, 0, 2, MAP_SHARED)
    assert tasks.write(one, 0, 5)
    child = tasks.fork(one)
    tasks.end(one)
    assert (tasks.read(child, 0), tasks.read(child, 1)) == (5, 101)
    assert (tasks.read(other, 0), tasks.read(other, 1)) == (100, 101)
    assert tasks.write(other, 1, 6)
    assert tasks.read(child, 1) == 6, "not stored to by the private mapping yet: it shows what the file has"
    tasks.end(child)
    tasks.end(other)
    file_objects.release_file(tasks.base, 0, file)


@pytest.mark.system("cz-11")
@pytest.mark.parametrize("page", [1, 2], ids=["not-read-yet", "past-the-end"])
def test_a_look_that_fails_maps_nothing(tasks, page):
    """An error that was taken for a page mapped the frame of that number, or address 0."""
    task = tasks.new()
    file = file_with(tasks, 2, [0])
    tasks.map_file(task, file, 0, 4)
    before = tasks.machine["frames"]["word"].copy()
    for write in (tasks.read(task, page) is not None, tasks.write(task, page, 1)):
        assert not write
    assert tasks.machine["tasks"][task]["resident"] == 0
    assert (tasks.machine["frames"]["word"] != before).sum() <= 2, "but for page tables"
    check_areas(tasks.window)
    tasks.end(task)
    file_objects.release_file(tasks.base, 0, file)


def test_a_file_that_shrinks_loses_the_pages_of_all_its_mappings(tasks):
    one, other = tasks.new(), tasks.new()
    file = file_with(tasks, 3, [0, 1, 2])
    tasks.map_file(one, file, 0, 3)
    tasks.map_file(other, file, 4, 3, MAP_SHARED)
    assert [tasks.read(one, 2), tasks.read(other, 6)] == [102, 102]
    file_objects.cut_file(tasks.base, 0, file, 1)
    assert [tasks.read(one, page) for page in range(3)] == [100, None, None]
    assert [tasks.read(other, page) for page in range(4, 7)] == [100, None, None]
    assert not tasks.write(one, 1, 5) and not tasks.write(other, 6, 5)
    for task in (one, other):
        tasks.end(task)
    file_objects.release_file(tasks.base, 0, file)


# --- rows of cz-12 ------------------------------------------------------------------------


@pytest.mark.system("cz-12")
def test_unmapping_touches_nothing_where_no_area_is(tasks):
    task = tasks.new()
    tasks.map(task, 2, 2)
    tasks.map(task, 8, 1)
    for page in (2, 3, 8):
        tasks.store(task, page, page)
    tasks.unmap(task, 4, 4)
    tasks.unmap(task, 0, 2)
    tasks.check()
    tasks.unmap(task, 3, 6)
    tasks.check()
    assert len(tree_of(tasks.machine, task)) == 1


@pytest.mark.system("cz-12")
def test_a_space_without_areas_can_be_copied_and_mapped(tasks):
    """The pager mapped its own space before it had one."""
    task = tasks.new()
    child = tasks.fork(task)
    tasks.map(child, 0, 1)
    tasks.store(child, 0, 3)
    tasks.check()


@pytest.mark.system("cz-12")
def test_anonymous_mappings_each_have_a_backing_of_their_own(tasks):
    task = tasks.new()
    tasks.map(task, 0, 1)
    tasks.map(task, 3, 1)
    tasks.store(task, 0, 1)
    tasks.store(task, 3, 2)
    assert tasks.chain(task, 0) != tasks.chain(task, 3)
    tasks.unmap(task, 0, 1)
    tasks.check()


def test_protecting_stops_at_a_hole_and_what_lies_below_it_is_changed(tasks):
    task = tasks.new()
    tasks.map(task, 0, 2)
    tasks.map(task, 4, 2)
    assert address_space.protect_region(tasks.base, 0, task, tasks.va(1), 5 * PAGE_SIZE, R) == ENOMEM
    assert [tasks.write(task, page, 1) for page in (0, 1, 4, 5)] == [True, False, True, True]
    tasks.end(task)


def test_areas_that_differ_in_nothing_any_more_are_joined(tasks):
    task = tasks.new()
    tasks.map(task, 0, 6)
    tasks.store(task, 3, 4)
    for page in (1, 3, 5):
        tasks.protect(task, page, 1, R)
    assert len(tree_of(tasks.machine, task)) == 6
    tasks.protect(task, 0, 6, R | W)
    tasks.check()
    assert len(tree_of(tasks.machine, task)) == 1
    tasks.map(task, 6, 2)
    assert len(tree_of(tasks.machine, task)) == 1, "new memory behind it is more of the same"


def test_what_is_discarded_after_a_fork_reads_as_zeroes_and_the_others_is_kept(tasks):
    parent = tasks.new()
    tasks.map(parent, 0, 4)
    for page in range(4):
        tasks.store(parent, page, 1 + page)
    child = tasks.fork(parent)
    tasks.discard(child, 1, 2)
    tasks.check()
    tasks.store(child, 1, 9)
    tasks.discard(parent, 0, 2)
    tasks.check()


def test_new_memory_behind_what_a_fork_has_left_is_zero(tasks):
    """Pages that were unmapped while a child had them too lie in the object still, behind the end of the area."""
    parent = tasks.new()
    tasks.map(parent, 0, 6)
    for page in range(6):
        tasks.store(parent, page, 1 + page)
    child = tasks.fork(parent)
    tasks.unmap(parent, 3, 3)
    tasks.end(child)
    tasks.store(parent, 0, 7)  # the object is its own again
    tasks.map(parent, 3, 3)
    tasks.check()
    child = tasks.fork(parent)
    tasks.store(parent, 1, 8)  # a shadow
    tasks.unmap(parent, 3, 3)
    tasks.end(child)
    tasks.map(parent, 3, 3)
    tasks.check()
