"""A page table that holds what the kernel never put there: the machine fails with a reason; nothing outside is touched.

Each entry of the way to a page (root, middle table, leaf) gets a frame that guest memory does not have, one
that is free, or one of the wrong kind; then every function that walks is called.
"""

import ctypes

import numpy as np
import pytest

from emu.cpu_worker.mmu import fault
from emu.kernel.failures import FAIL_PAGE_TABLE, explain
from emu.kernel.task.records import create_task
from emu.kernel.vm import address_space, frames, usercopy
from emu.kernel.vm.frames import ONE_REFERENCE
from emu.kernel.vm.pagetable import ACCESSED, DIRTY, PPN_SHIFT, RWX, U, V
from emu.limits import MAX_FRAMES, MIB, PAGE_SIZE
from emu.shm.exits import ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE
from emu.testing.bare import bare_window
from tests.kernel import wrappers as hot

VA = 0x5000
ME = 0
FAR = {"far": MAX_FRAMES + 5, "farthest": (1 << 44) - 1}
WILD = [*FAR, "beyond", "free", "dying", "page", "table"]
WALKS = {
    "load": lambda s: s.fault(ACCESS_READ),
    "store": lambda s: s.fault(ACCESS_WRITE),
    "fetch": lambda s: s.fault(ACCESS_FETCH),
    "read": lambda s: usercopy.read_user(s.base, ME, s.task, VA, ctypes.addressof(s.word), 8),
    "write": lambda s: usercopy.write_user(s.base, ME, s.task, VA, usercopy.FILL, 8),
    "unmap": lambda s: hot.unmap_pages(s.base, ME, s.task, VA, PAGE_SIZE),
    "discard": lambda s: hot.discard_pages(s.base, ME, s.task, VA, PAGE_SIZE),
    "replace": lambda s: address_space.map_region(s.base, ME, s.task, VA, PAGE_SIZE, 3),
    "move": lambda s: hot.remap(s.base, ME, s.task, VA, PAGE_SIZE, PAGE_SIZE, 1, 1 << 30),
}
LEAF_ONLY_BY = {"move"}  # moves an entry without looking into its frame


class Space:
    def __init__(self, window):
        self.window, self.base, self.word = window, window.address, ctypes.c_int64()
        self.task = create_task(self.base, ME)
        window.machine["cpus"][ME]["tlb_task"] = self.task
        address_space.map_region(self.base, ME, self.task, VA, PAGE_SIZE, 7)
        usercopy.write_user(self.base, ME, self.task, VA, usercopy.FILL, 8)
        self.page = frames.allocate(self.base, ME)  # stands for a page of somebody else's
        self.dying = frames.allocate(self.base, ME)  # its last reference is gone; not yet on the free list
        window.machine["frames"]["word"][self.dying] -= ONE_REFERENCE

    def fault(self, access):
        return hot.call_fault(self.base, fault.address, ME, VA, access)

    def slot(self, level):
        """(table frame, index) of the entry for VA at a level."""
        table = int(self.window.machine["tasks"][self.task]["root"])
        for above in range(2, level, -1):
            entry = int(self.window.memory(table).view(np.int64)[VA >> (12 + 9 * above) & 511])
            table = entry >> PPN_SHIFT
        return table, VA >> (12 + 9 * level) & 511

    def put(self, level, kind):
        machine = self.window.machine
        root = int(machine["tasks"][self.task]["root"])
        nr_frames = int(machine["nr_frames"])
        stand_in = {"beyond": nr_frames, "free": nr_frames - 1, "page": self.page, "table": root, "dying": self.dying}
        frame = stand_in.get(kind, FAR.get(kind))
        table, index = self.slot(level)
        flags = V if level else V | U | RWX | ACCESSED | DIRTY
        self.window.memory(table).view(np.int64)[index] = (frame << PPN_SHIFT) | flags
        return frame


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("kind", WILD)
def test_a_wild_entry_is_refused_and_named(walk, kind):
    with bare_window(memory_bytes=4 * MIB) as window:
        for level in range(3):
            right = "table" if level else "page"
            if kind == right or (level == 0 and walk in LEAF_ONLY_BY):
                continue
            space = Space(window)
            frame = space.put(level, kind)
            before = window.memory(0, int(window.machine["fresh_frame"])).copy()
            assert WALKS[walk](space) <= 0 or walk in ("unmap", "replace", "discard", "move")
            machine = window.machine
            assert (machine["failed"], machine["failed_value"]) == (FAIL_PAGE_TABLE, frame), f"level {level}"
            assert "page table names frame" in explain(FAIL_PAGE_TABLE, frame)
            after = window.memory(0, len(before) // PAGE_SIZE)
            assert (after != before).sum() <= 8, "nothing but the entry"
            machine["failed"] = 0
            machine["cpus"][ME]["nr_gathered"] = 0


def test_the_space_of_a_task_that_is_gone_has_no_pages(window):
    task = create_task(window.address, ME)
    root = int(window.machine["tasks"][task]["root"])
    window.machine["tasks"][task]["root"] = -1
    word = ctypes.c_int64()
    assert usercopy.read_user(window.address, ME, task, VA, ctypes.addressof(word), 8) == 0
    assert address_space.covers(window.address, ME, task, VA) == 0
    assert window.machine["failed"] == 0
    window.machine["tasks"][task]["root"] = root
