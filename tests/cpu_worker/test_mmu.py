"""The miss handler: what it fills, what it refuses, and what may happen while it waits."""

import ctypes
import threading
from pathlib import Path

import pytest

from emu.abi.mman import MAP_FIXED, MAP_SHARED
from emu.cpu_worker.mmu import fault, show
from emu.hot import entry
from emu.isa.encode import assemble, encode
from emu.isa.interpreter.interpret import interpret
from emu.kernel.linux.memory import place_file
from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.kernel.vm import address_space, file_objects, frames, usercopy
from emu.kernel.vm.windows import follow_changes
from emu.limits import PAGE_SIZE, RAM_OFFSET, SERVER, SHOWN_PAGES, SPACE_FIRST, SPACE_STRIDE, SPACES, USER_TOP
from emu.shm.cpumask import to_words
from emu.shm.decoded import FRAME_CODE
from emu.shm.exits import (
    ACCESS_FETCH,
    ACCESS_READ,
    ACCESS_WRITE,
    CAUSE_AGAIN,
    CAUSE_FETCH_PAGE,
    CAUSE_LOAD_PAGE,
    CAUSE_NO_MEMORY,
    CAUSE_PAST_END,
    CAUSE_STORE_PAGE,
    EXIT_TRAP,
)
from emu.shm.layout import machine_at
from emu.testing.checks import check_frames
from tests.kernel import wrappers as hot

VA = 0x123000
SLOT = ((VA >> 12) & 255) * 2
R, W, X = 1, 2, 4
ME, OTHER = 0, 1


class Mmu:
    def __init__(self, window):
        self.base, self.machine = window.address, window.machine
        self.cpu = window.machine["cpus"][ME]
        for cpu in window.machine["cpus"][:2]:
            for tlb in ("read_tlb", "write_tlb", "fetch_tlb"):
                cpu[tlb][::2] = -1
        self.task = create_task(self.base, ME)
        self.cpu["tlb_task"] = self.task
        self.machine["tasks"][self.task]["cpus"] = to_words(1 << ME)
        self.cpu["tlb_active"] = 1

    def map(self, prot, va=VA):
        address_space.map_region(self.base, ME, self.task, va, PAGE_SIZE, prot)

    def fault(self, access, va=VA):
        return hot.call_fault(self.base, fault.address, ME, va, access)

    def frame(self):
        host = hot.user_address(self.base, ME, self.task, VA, ACCESS_READ)
        return (host - self.base - RAM_OFFSET) // PAGE_SIZE

    def cached(self, tlb):
        return int(self.cpu[tlb][SLOT]) == VA


@pytest.fixture
def mmu(window):
    fixture = Mmu(window)
    yield fixture
    fixture.machine["cpus"]["tlb_active"] = 0
    check_frames(window)
    reap_task(window.address, ME, fixture.task)
    check_frames(window)


def test_a_miss_fills_the_tlb_of_its_access(mmu):
    mmu.map(R | W)
    host = mmu.fault(ACCESS_READ, VA + 8)
    assert host == mmu.base + RAM_OFFSET + mmu.frame() * PAGE_SIZE + 8
    assert mmu.cached("read_tlb") and not mmu.cached("write_tlb") and not mmu.cached("fetch_tlb")
    assert VA + int(mmu.cpu["read_tlb"][SLOT + 1]) == host - 8
    assert mmu.fault(ACCESS_WRITE, VA + 8) == host and mmu.cached("write_tlb")
    assert mmu.cpu["page_faults"] == 1, "one frame was allocated"


@pytest.mark.parametrize(
    ("prot", "access", "cause"),
    [
        (0, ACCESS_READ, CAUSE_LOAD_PAGE),
        (R, ACCESS_WRITE, CAUSE_STORE_PAGE),
        (R | W, ACCESS_FETCH, CAUSE_FETCH_PAGE),
    ],
)
def test_what_is_not_allowed_is_a_page_fault_and_fills_nothing(mmu, prot, access, cause):
    mmu.map(prot)
    assert mmu.fault(access, VA + 4) == 0
    assert mmu.cpu["cause"] == cause and mmu.cpu["trap_value"] == VA + 4
    assert not any(mmu.cached(tlb) for tlb in ("read_tlb", "write_tlb", "fetch_tlb"))


def shown(mmu):
    """[(guest address, pages, rights)] of what is mapped in the CPU's window, as the host says."""
    space, found = int(mmu.cpu["space"]), []
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, *_ = line.split()
        start, end = (int(each, 16) for each in span.split("-"))
        if space <= start < space + USER_TOP:
            found.append((start - space, (end - start) // PAGE_SIZE, rights[:2]))
    return found


@pytest.fixture
def windowed(mmu, window):
    """The MMU of a CPU that has windows."""
    mmu.cpu["ram_descriptor"] = window.descriptors[1] + 1
    mmu.cpu["space"] = SPACE_FIRST + mmu.task % SPACES * SPACE_STRIDE
    mmu.show = lambda access, va=VA: hot.call_fault(mmu.base, show.address, ME, va, access)
    yield mmu
    unmap_window(mmu.base, ME)
    mmu.cpu["ram_descriptor"] = mmu.cpu["space"] = 0


@entry(2)
def unmap_window(address, me):
    m = machine_at(address)
    m.code_epoch += 1
    follow_changes(m, me)
    return 0


def test_a_page_is_shown_with_its_rights(windowed):
    windowed.map(R)
    assert windowed.show(ACCESS_WRITE) == 0 and shown(windowed) == []
    assert windowed.show(ACCESS_READ) == 1 and shown(windowed) == [(VA, 1, "r-")]
    windowed.map(R | W, VA + PAGE_SIZE)
    assert windowed.show(ACCESS_WRITE, VA + PAGE_SIZE) == 1
    assert shown(windowed) == [(VA, 1, "r-"), (VA + PAGE_SIZE, 1, "rw")]


def test_a_page_of_code_is_shown_for_loads_only(windowed):
    windowed.map(R | W | X)
    assert windowed.fault(ACCESS_WRITE) and windowed.fault(ACCESS_FETCH)
    assert windowed.show(ACCESS_WRITE) == 0
    assert windowed.show(ACCESS_READ) == 1 and shown(windowed) == [(VA, 1, "r-")]


def neighbours(mmu, first, count):
    """Store to pages whose frames are neighbours, too: such as were never used."""
    mmu.map(R | W, first - PAGE_SIZE)
    assert mmu.fault(
        ACCESS_WRITE, first - PAGE_SIZE
    )  # now the tables are there; the first pages bring the object's index along
    free, mmu.machine["free_frame"] = int(mmu.machine["free_frame"]), -1
    for n in range(count):
        mmu.map(R | W, first + n * PAGE_SIZE)
        assert mmu.fault(ACCESS_WRITE, first + n * PAGE_SIZE)
    mmu.machine["free_frame"] = free


def test_neighbours_with_neighbouring_frames_are_shown_together(windowed):
    first = 0x240000
    neighbours(windowed, first, SHOWN_PAGES + 4)
    assert windowed.show(ACCESS_READ, first + 2 * PAGE_SIZE) == 1
    assert shown(windowed) == [(first + 2 * PAGE_SIZE, SHOWN_PAGES - 2, "rw")]


def test_a_neighbour_with_other_rights_is_not_shown_with_it(windowed):
    first = 0x240000
    neighbours(windowed, first, 6)
    address_space.protect_region(windowed.base, ME, windowed.task, first + 4 * PAGE_SIZE, PAGE_SIZE, R)
    assert windowed.show(ACCESS_READ, first + 2 * PAGE_SIZE) == 1
    assert shown(windowed) == [(first + 2 * PAGE_SIZE, 2, "rw")]


def test_memory_used_up_is_a_cause_of_its_own(mmu):
    mmu.map(R)
    saved = mmu.machine["nr_frames"], mmu.machine["fresh_frame"]
    mmu.machine["nr_frames"] = mmu.machine["fresh_frame"]
    assert mmu.fault(ACCESS_READ) == 0 and mmu.cpu["cause"] == CAUSE_NO_MEMORY
    mmu.machine["nr_frames"], mmu.machine["fresh_frame"] = saved


def test_stores_to_a_frame_with_code_are_never_cached(mmu):
    mmu.map(R | W | X)
    assert mmu.fault(ACCESS_FETCH) and mmu.fault(ACCESS_WRITE)
    assert mmu.cached("fetch_tlb") and not mmu.cached("write_tlb")


def test_the_first_fetch_takes_writable_translations_away(mmu):
    mmu.map(R | W | X)
    mmu.fault(ACCESS_WRITE)
    assert mmu.cached("write_tlb")
    mmu.fault(ACCESS_FETCH)
    assert not mmu.cached("write_tlb") and mmu.cached("fetch_tlb")
    assert mmu.machine["frames"][mmu.frame()]["word"] & FRAME_CODE


def test_who_fetches_from_a_frame_that_another_cpu_is_making_code_shoots_its_writers_down_too(mmu):
    """The other one has marked it and waits; what is stored until all have answered makes nobody forget anything."""
    mmu.map(R | W | X)
    mmu.fault(ACCESS_WRITE)
    mmu.machine["frames"][mmu.frame()]["word"] |= FRAME_CODE
    mmu.machine["marking"] = 1
    epoch = int(mmu.machine["code_epoch"])
    assert mmu.cached("write_tlb") and mmu.cpu["tlb_request"] == 0
    fetching = threading.Thread(target=mmu.fault, args=(ACCESS_FETCH,))
    fetching.start()
    while mmu.cached("write_tlb") and fetching.is_alive():
        pass
    mmu.machine["marking"] = 0  # the other one is done
    fetching.join()
    assert mmu.cached("fetch_tlb") and mmu.machine["code_epoch"] > epoch and mmu.machine["marking"] == 0
    requests = int(mmu.machine["cpus"][OTHER]["tlb_request"])
    assert requests > 0
    mmu.cpu["fetch_tlb"][SLOT] = -1
    assert mmu.fault(ACCESS_FETCH)
    assert mmu.machine["cpus"][OTHER]["tlb_request"] == requests, "later fetches shoot nobody"


def test_a_page_that_is_unmapped_while_a_fetch_waits_is_not_cached(mmu):
    """The fetch has looked the page up and shoots writable translations down; it answers requests meanwhile."""
    mmu.map(R | W | X)
    mmu.fault(ACCESS_WRITE)  # so that the fetch has to shoot
    other = mmu.machine["cpus"][OTHER]
    other["tlb_active"] = 1
    fetching = threading.Thread(target=mmu.fault, args=(ACCESS_FETCH,))
    fetching.start()
    try:
        while not other["tlb_request"]:
            pass  # until the fetch waits for the other CPU
        hot.unmap_pages(mmu.base, SERVER, mmu.task, VA, PAGE_SIZE)
    finally:
        other["tlb_active"] = 0  # it has nothing in its TLB: the fetch need not wait any more
        fetching.join()
    assert not mmu.cached("fetch_tlb"), "the page is gone, its frame is free, its code would run"


def test_an_instruction_across_two_pages_begins_anew_when_the_first_was_unmapped_meanwhile(mmu):
    """Its second page has to be waited for; the first one's frame may be another task's when the wait is over."""
    mmu.map(R | W | X)
    mmu.map(R | W | X, VA + PAGE_SIZE)
    code = assemble(encode("addi", 5, 0, 1), encode("ecall"))
    source = (ctypes.c_char * len(code)).from_buffer_copy(code)
    va = VA + PAGE_SIZE - 2
    assert usercopy.write_user(mmu.base, ME, mmu.task, va, ctypes.addressof(source), len(code)) == len(code)
    mmu.fault(ACCESS_WRITE, VA + PAGE_SIZE)  # so that its first fetch has to shoot
    thread, other = mmu.machine["threads"][0], mmu.machine["cpus"][OTHER]
    thread["pc"], thread["x"][5] = va, 0
    mmu.cpu["fault"] = fault.address
    interpret.compile()
    run = ctypes.CFUNCTYPE(*(ctypes.c_int64,) * 5)(interpret.address)
    other["tlb_active"] = 1
    running = threading.Thread(target=run, args=(mmu.base, ME, 0, 1000))
    running.start()
    try:
        while not other["tlb_request"]:
            pass
        hot.unmap_pages(mmu.base, SERVER, mmu.task, VA, PAGE_SIZE)
    finally:
        other["tlb_active"] = 0
        running.join()
    assert (mmu.cpu["reason"], mmu.cpu["cause"]) == (EXIT_TRAP, CAUSE_AGAIN)
    assert (thread["pc"], thread["x"][5]) == (va, 0), "nothing was executed"
    assert run(mmu.base, ME, 0, 1000) == EXIT_TRAP and mmu.cpu["cause"] == CAUSE_FETCH_PAGE


def test_a_page_past_a_files_end_is_a_cause_of_its_own(mmu):
    file = file_objects.create_file(mmu.base, ME, 0)
    placed = place_file(mmu.base, ME, mmu.task, VA, PAGE_SIZE, R | W, MAP_SHARED | MAP_FIXED, file, 7)
    assert placed == VA
    for access in (ACCESS_READ, ACCESS_WRITE):
        assert mmu.fault(access, VA + 9) == 0
        assert (mmu.cpu["cause"], mmu.cpu["trap_value"]) == (CAUSE_PAST_END, VA + 9)
    assert mmu.fault(ACCESS_FETCH) == 0 and mmu.cpu["cause"] == CAUSE_FETCH_PAGE, "permissions come first"
    file_objects.set_limit(mmu.base, ME, file, 8)
    assert mmu.fault(ACCESS_READ) == 0 and mmu.cpu["cause"] == CAUSE_PAST_END, "the server has to read the page first"
    assert file_objects.find_file_page(mmu.base, ME, mmu.task, VA) == 1
    assert mmu.cpu["given_words"][:2].tolist() == [file, 7]
    assert file_objects.find_file_page(mmu.base, ME, mmu.task, VA + PAGE_SIZE) == 0
    frame = frames.allocate(mmu.base, ME)
    assert file_objects.put_file_page(mmu.base, ME, file, 7, frame) == 0
    assert mmu.fault(ACCESS_READ, VA) and mmu.frame() == frame
    assert file_objects.next_modified(mmu.base, ME, file, 0) == -1
    assert mmu.fault(ACCESS_WRITE, VA) and file_objects.next_modified(mmu.base, ME, file, 0) == 7
    file_objects.clean_file(mmu.base, ME, file, 0, 8)
    assert not mmu.cached("write_tlb") and file_objects.next_modified(mmu.base, ME, file, 0) == -1
    assert mmu.fault(ACCESS_WRITE, VA) and file_objects.next_modified(mmu.base, ME, file, 0) == 7
    file_objects.cut_file(mmu.base, ME, file, 7)
    assert mmu.fault(ACCESS_READ, VA) == 0 and mmu.cpu["cause"] == CAUSE_PAST_END
    hot.unmap_pages(mmu.base, SERVER, mmu.task, VA, PAGE_SIZE)
    file_objects.release_file(mmu.base, ME, file)
    frames.drop(mmu.base, ME, frame)
