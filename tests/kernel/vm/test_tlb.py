"""What a CPU keeps of the translations of tasks that it ran before, and when it may not use it any more (vm/tlb.py)."""

import ctypes

import pytest

from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.kernel.vm import address_space, usercopy
from emu.limits import KEPT_ENTRIES, KEPT_SPACES, PAGE_SIZE, SERVER, TLB_ENTRIES
from tests.kernel import wrappers as hot
from tests.kernel.vm import translations as tlb

R, W = 1, 2
VA = 0x10000
LOADS, STORES, FETCHES = range(3)
PARTS = ("read_tlb", "write_tlb", "fetch_tlb")


class Cpu:
    """CPU `me`, which runs tasks in turn."""

    def __init__(self, window, me=0):
        self.window, self.base, self.me, self.c = window, window.address, me, window.machine["cpus"][me]
        tlb.flush(self.base, me)

    def use(self, task):
        tlb.use_space(self.base, self.me, task)

    def fill(self, count=1, part=LOADS, value=0):
        for k in range(count):
            tlb.fill(self.base, self.me, part, VA + k * PAGE_SIZE, value + k)

    def is_asked(self, task):
        """Whether it is asked to carry out the shoot-downs of a task."""
        return bool(int(self.window.machine["tasks"][task]["cpus"][0]) >> self.me & 1)

    def has(self, part=LOADS):
        """{page: what it is translated to}"""
        pairs = self.c[PARTS[part]].reshape(-1, 2)
        return {int(page): int(value) for page, value in pairs if page != -1}


@pytest.fixture
def cpu(window):
    return Cpu(window)


@pytest.fixture
def tasks(window):
    return [create_task(window.address, 0) for _ in range(KEPT_SPACES + 2)]


def test_a_task_that_comes_back_finds_its_translations_and_no_other_task_does(cpu, tasks):
    cpu.use(tasks[0])
    for part in range(3):
        cpu.fill(2, part, value=100 * part)
    before = [cpu.has(part) for part in range(3)]
    assert before[STORES] == {VA: 100, VA + PAGE_SIZE: 101}
    cpu.use(tasks[1])
    assert [cpu.has(part) for part in range(3)] == [{}, {}, {}]
    cpu.fill(value=7)
    cpu.use(tasks[0])
    assert [cpu.has(part) for part in range(3)] == before
    cpu.use(tasks[1])
    assert cpu.has() == {VA: 7}
    asked = [cpu.is_asked(task) for task in tasks[:2]]
    assert asked == [False, True], "only the task whose translations are in use asks this CPU to be shot down"


def test_they_are_kept_again_and_again_and_gone_for_good_once_they_were_not_used(cpu, tasks):
    cpu.use(tasks[0])
    cpu.fill(3)
    for _ in range(3 * KEPT_SPACES):
        cpu.use(tasks[1])
        cpu.use(tasks[0])
        assert len(cpu.has()) == 3
    tlb.forget_kept(cpu.base, tasks[1])
    for _ in range(2):
        cpu.use(tasks[1])
        assert cpu.has() == {}
        cpu.use(tasks[0])


@pytest.mark.parametrize("shooter", [0, 1, SERVER])
def test_what_was_shot_down_while_another_task_ran_is_not_put_back(cpu, tasks, shooter):
    cpu.use(tasks[0])
    cpu.fill(2)
    cpu.use(tasks[1])
    cpu.fill(1)
    tlb.shoot_down_task(cpu.base, shooter, tasks[0])
    assert len(cpu.has()) == 1, "the task that runs keeps its own"
    cpu.use(tasks[0])
    assert cpu.has() == {}


def test_what_was_filled_before_a_change_is_not_kept_as_if_it_were_younger(cpu, tasks):
    """The shoot-down of the change has not been answered yet when the CPU turns to another task."""
    cpu.use(tasks[0])
    cpu.fill()
    tlb.forget_kept(cpu.base, tasks[0])
    cpu.use(tasks[1])
    cpu.use(tasks[0])
    assert cpu.has() == {}
    cpu.fill(value=5)  # these are of the new state, and can be kept
    cpu.use(tasks[1])
    cpu.use(tasks[0])
    assert cpu.has() == {VA: 5}


def test_after_a_shoot_down_here_what_is_filled_anew_can_be_kept(cpu, tasks):
    cpu.use(tasks[0])
    cpu.fill()
    tlb.shoot_down_task(cpu.base, 0, tasks[0])
    assert cpu.has() == {}
    cpu.fill(value=8)
    cpu.use(tasks[1])
    cpu.use(tasks[0])
    assert cpu.has() == {VA: 8}


def test_emptying_a_tlb_forgets_what_is_kept(cpu, tasks):
    cpu.use(tasks[0])
    cpu.fill()
    cpu.use(tasks[1])
    cpu.fill()
    tlb.flush(cpu.base, 0)
    cpu.use(tasks[0])
    assert cpu.has() == {}
    cpu.fill()
    tlb.leave_space(cpu.base, 0)
    assert cpu.has() == {} and not cpu.is_asked(tasks[0])
    cpu.use(tasks[0])
    assert cpu.has() == {}


@pytest.mark.parametrize("count", [KEPT_ENTRIES, KEPT_ENTRIES + 1, TLB_ENTRIES])
def test_more_translations_than_can_be_kept_are_all_forgotten(cpu, tasks, count):
    cpu.use(tasks[0])
    cpu.fill(count, STORES)
    assert len(cpu.has(STORES)) == count
    cpu.use(tasks[1])
    assert cpu.has(STORES) == {}
    cpu.use(tasks[0])
    assert len(cpu.has(STORES)) == (count if count <= KEPT_ENTRIES else 0)


def test_a_place_that_is_filled_twice_has_the_later_translation(cpu, tasks):
    cpu.use(tasks[0])
    cpu.fill(value=1)
    cpu.fill(value=2)
    tlb.fill(cpu.base, 0, LOADS, VA + TLB_ENTRIES * PAGE_SIZE, 3)
    cpu.use(tasks[1])
    cpu.use(tasks[0])
    assert cpu.has() == {VA + TLB_ENTRIES * PAGE_SIZE: 3}


def test_of_more_tasks_than_can_be_kept_the_one_that_ran_longest_ago_is_forgotten(cpu, tasks):
    for n, task in enumerate(tasks):
        cpu.use(task)
        cpu.fill(value=n)
    cpu.use(tasks[2])  # the last one is put aside in place of the second
    assert cpu.has() == {VA: 2}
    for task in tasks[:2]:
        cpu.use(task)
        assert cpu.has() == {}


def test_a_copy_on_write_without_a_shoot_down_takes_away_what_is_kept_of_the_shared_page(cpu, tasks):
    """Where no CPU uses the address space, the new frame is put in place at once."""
    parent, child, word = tasks[0], tasks[1], ctypes.c_int64(11)
    assert address_space.map_region(cpu.base, 0, parent, VA, PAGE_SIZE, R | W) == 0
    assert usercopy.write_user(cpu.base, 0, parent, VA, ctypes.addressof(word), 8) == 8
    assert hot.copy_space(cpu.base, 0, parent, child) == 0
    cpu.use(child)
    assert usercopy.read_user(cpu.base, 0, child, VA, ctypes.addressof(word), 8) == 8
    cpu.fill()  # as if it had read the page
    cpu.use(tasks[2])
    assert usercopy.write_user(cpu.base, SERVER, child, VA, ctypes.addressof(word), 8) == 8
    cpu.use(child)
    assert cpu.has() == {}


def test_the_record_of_a_task_that_ended_while_its_memory_was_lent_finds_nothing_of_it(window, tasks):
    """A killed parent of a vfork has no page to give up: its child has them all. TLBs may know them all the same."""
    keeps, stands = Cpu(window, 0), Cpu(window, 1)
    parent, child = tasks[0], tasks[1]
    assert address_space.map_region(window.address, 0, parent, VA, PAGE_SIZE, R | W) == 0
    for cpu in (keeps, stands):
        cpu.use(parent)
        cpu.fill()
    tlb.lend(window.address, 0, parent, child)
    keeps.use(child)
    before = int(stands.c["tlb_request"])
    reap_task(window.address, SERVER, parent)
    assert stands.c["tlb_request"] > before, "the CPU that still has the task in its TLB empties it"
    assert create_task(window.address, 0) == parent, "the record is used again"
    keeps.use(parent)
    assert keeps.has() == {}
