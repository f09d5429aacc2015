"""The kernel's own copies go through the CPU's TLB where a guest's accesses would, and nowhere else."""

import numpy as np
import pytest

from emu.hot import entry
from emu.kernel.task.records import create_task
from emu.kernel.vm import address_space, frames
from emu.kernel.vm.tlb import fill_read, fill_write, flush_tlb
from emu.kernel.vm.usercopy import copy_user
from emu.limits import PAGE_SIZE, SERVER, TLB_ENTRIES
from emu.shm.exits import ACCESS_READ, ACCESS_WRITE
from emu.shm.layout import frame_address, machine_at
from emu.shm.spinlock import field_address
from tests.kernel.cpus import played

BASE = 1 << 32
RW = 3
DECOY = 9  # a frame of the test's own, to which the TLB leads and the page tables do not


@entry(5)
def fill(address, me, va, frame, access):
    m = machine_at(address)
    c = m.cpus[me]
    slot = ((va >> 12) & (TLB_ENTRIES - 1)) * 2
    addend = frame_address(m, frame) - va
    if access == ACCESS_WRITE:
        fill_write(c, slot, va, addend)
    else:
        fill_read(c, slot, va, addend)
    return 0


@entry(6)
def copy(address, me, task, va, count, access):
    """Copy to or from words of the actor's own; what was copied."""
    m = machine_at(address)
    return copy_user(m, me, task, va, field_address(m.cpus[me], "given_words"), count, access)


@entry(2)
def flush(address, me):
    flush_tlb(machine_at(address), me)
    return 0


class Seen:
    """A task whose first page the CPU's TLB maps to another frame than its page tables do, so that one sees the way."""

    def __init__(self, cpus):
        self.cpus, self.base, self.machine = cpus, cpus.base, cpus.machine
        assert [frames.allocate(self.base, 0) for _ in range(16)] == list(range(16))
        self.task = create_task(self.base, 0)
        assert address_space.map_region(self.base, 0, self.task, BASE, 2 * PAGE_SIZE, RW) == 0
        flush(self.base, 0)
        self.c = self.machine["cpus"][0]
        self.c["tlb_task"], self.c["tlb_active"] = self.task, 1
        self.decoy = cpus.window.memory(DECOY, 1).view(np.int64)
        self.decoy[:] = 7
        fill(self.base, 0, BASE, DECOY, ACCESS_READ)

    def read(self, me=0, task=None, va=BASE, count=8):
        """Whether a read went through the TLB."""
        self.machine["cpus"][me]["given_words"] = 1
        assert copy(self.base, me, self.task if task is None else task, va, count, ACCESS_READ) == count
        return self.machine["cpus"][me]["given_words"][0] == 7


@pytest.fixture
def seen():
    with played(2, "codezero") as cpus:
        yield Seen(cpus)


def test_a_copy_from_a_page_that_the_tlb_has_goes_through_it(seen):
    assert seen.read()
    flush(seen.base, 0)
    assert not seen.read()


def test_not_where_the_tlb_is_another_tasks_or_not_in_use_and_never_for_those_who_have_none(seen):
    other = create_task(seen.base, 0)
    assert address_space.map_region(seen.base, 0, other, BASE, PAGE_SIZE, RW) == 0
    assert not seen.read(task=other)
    assert not seen.read(me=1) and not seen.read(me=SERVER)
    seen.c["tlb_active"] = 0
    assert not seen.read()


def test_what_goes_on_in_the_next_page_is_looked_up(seen):
    assert seen.read(va=BASE + PAGE_SIZE - 8)
    assert not seen.read(va=BASE + PAGE_SIZE - 8, count=16)


def test_a_store_needs_a_translation_for_stores(seen):
    seen.c["given_words"] = 5
    assert copy(seen.base, 0, seen.task, BASE, 8, ACCESS_WRITE) == 8
    assert seen.decoy[0] == 7
    fill(seen.base, 0, BASE, DECOY, ACCESS_WRITE)
    assert copy(seen.base, 0, seen.task, BASE, 8, ACCESS_WRITE) == 8
    assert seen.decoy[0] == 5
