"""Kernel memory (cz-10): pages, memcaches, grants; half-done changes that a killed CPU leaves; foreign frees."""

import ctypes
import random

import numpy as np
import pytest

from emu.kernel.failures import FAIL_FOREIGN_FREE
from emu.kernel.vm import frames, kernel_pages, slabs
from emu.kernel.vm.kernel_pages import (
    BORROWED,
    GRANT,
    GRANTED,
    PAGE,
    POOLED,
    RECLAIM,
    SLAB,
)
from emu.kernel.vm.slabs import HEADER_BYTES, OBJECT_BYTES
from emu.limits import PAGE_SIZE, STATIC_KERNEL_PAGES
from emu.shm.tags import TAG_PIPE, TAG_SIGINFO, alive
from emu.testing.checks import check_frames, check_slabs
from emu.testing.memory_checks import number_of
from tests.kernel import wrappers

pytestmark = pytest.mark.system("cz-10")
TASK, OTHER = 3, 4


def take(window, size_bytes, tag=TAG_PIPE):
    return wrappers.kmalloc(window.address, 0, size_bytes, tag)


def free(window, address):
    wrappers.kfree(window.address, 1, address)


def pages_by_origin(window):
    words = window.machine["kernel_pages"]["word"]
    origins = PAGE.get(words[words != 0], "origin").tolist()
    return {origin: origins.count(origin) for origin in set(origins)}


# --- objects ----------------------------------------------------------------------------------------------------------


def test_objects_of_all_sizes_against_a_model(window, seed):
    """No two overlap, the lists agree with the masks after each step, and nothing is left at the end."""
    chance, held = random.Random(seed), {}
    for step in range(1500):
        if chance.random() < 0.55 - len(held) / 1000:
            size_bytes = chance.choice([1, 8, 64, 65, 200, 500, 1000, 1008, 2000, 2016, 4000, 4032])
            address = take(window, size_bytes, chance.choice([TAG_PIPE, TAG_SIGINFO]))
            assert address and all(address + size_bytes <= at or at + size <= address for at, size in held.items())
            held[address] = size_bytes
        elif held:
            address = chance.choice(list(held))
            del held[address]
            free(window, address)
        if step % 100 == 0:
            assert sum(check_slabs(window).values()) == len(held)
    for address in held:
        free(window, address)
    assert check_slabs(window) == {} and alive(window.machine) == {}
    check_frames(window)


def test_what_no_slab_holds_is_refused(window):
    for size_bytes in (0, -1, -(1 << 63), OBJECT_BYTES[-1] + 1, (1 << 63) - 1):
        assert take(window, size_bytes) == 0
    assert window.machine["failed"] == 0 and check_slabs(window) == {}


def test_objects_of_two_tags_share_no_slab_and_each_is_counted_under_its_own(window):
    first, second = take(window, 64, TAG_PIPE), take(window, 64, TAG_SIGINFO)
    assert number_of(window, first) != number_of(window, second)
    assert alive(window.machine) == {"pipe": (1, 64), "queued signal": (1, 64)}


def test_when_memory_is_used_up_there_is_none_and_freed_objects_are_given_out_again(window):
    held = []
    while address := take(window, OBJECT_BYTES[-1]):
        held.append(address)
    assert len(held) == STATIC_KERNEL_PAGES + int(window.machine["nr_frames"])
    assert take(window, 64) == 0 and wrappers.allocate_page(window.address, 0) == 0
    free(window, held.pop())
    assert take(window, OBJECT_BYTES[-1])
    assert wrappers.kmem_control(window.address, 0, TASK, GRANT, 1) == -12
    check_frames(window)


# --- what was not given out so is not taken back ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    ["a whole page", "inside an object", "the header", "freed before", "a guest's frame", "no memory at all", "null"],
)
def test_kfree_takes_nothing_that_kmalloc_has_not_given(window, wrong):
    taken, page = take(window, 100), wrappers.allocate_page(window.address, 0)
    in_page = (ctypes.c_long * 2).from_address(page)  # it looks like a slab all of whose objects are given out
    in_page[:] = slabs.SLAB_WORD.pack(family=slabs.FAMILY_KMALLOC, cache=0), -1
    freed = take(window, 100)
    free(window, freed)
    frame = window.memory(frames.allocate(window.address, 0)).ctypes.data
    addresses = {
        "a whole page": page + HEADER_BYTES, "inside an object": taken + 16, "the header": taken - HEADER_BYTES,
        "freed before": freed, "a guest's frame": frame + HEADER_BYTES, "no memory at all": window.address - 8,
        "null": 0,
    }  # fmt: skip
    free(window, addresses[wrong])
    assert window.machine["failed"] == FAIL_FOREIGN_FREE and window.machine["failed_value"] == addresses[wrong]
    assert sum(check_slabs(window).values()) == 1


def test_a_page_is_not_taken_back_from_kmalloc_nor_twice(window):
    taken, page = take(window, OBJECT_BYTES[-1]), wrappers.allocate_page(window.address, 0)
    wrappers.free_page(window.address, 0, page)
    assert window.machine["failed"] == 0
    for wrong in (page, taken, taken - HEADER_BYTES):
        window.machine["failed"] = 0
        wrappers.free_page(window.address, 0, wrong)
        assert window.machine["failed"] == FAIL_FOREIGN_FREE
    check_slabs(window)


# --- the pool ---------------------------------------------------------------------------------------------------------


def test_static_pages_are_used_first_and_never_given_to_guests(window):
    held = [wrappers.allocate_page(window.address, 0) for _ in range(STATIC_KERNEL_PAGES + 3)]
    assert pages_by_origin(window) == {kernel_pages.STATIC: STATIC_KERNEL_PAGES, BORROWED: 3}
    for page in held:
        wrappers.free_page(window.address, 0, page)
    assert wrappers.kmem_control(window.address, 0, TASK, RECLAIM, 1000) == 0
    assert pages_by_origin(window) == {kernel_pages.STATIC: STATIC_KERNEL_PAGES}
    assert window.machine["nr_free_frames"] == window.machine["nr_frames"]
    check_frames(window)


def test_a_cache_that_grows_while_the_pool_is_nearly_empty_gets_pages_of_its_own(window):
    """The allocator is entered again by its own caches: whole pages and slabs in turn, down to the last page."""
    assert wrappers.kmem_control(window.address, 0, TASK, GRANT, 4) == 4
    seen, address = set(), 1
    for step in range(40):
        address = wrappers.allocate_page(window.address, 0) if step % 2 else take(window, 2000 + step % 3)
        n = number_of(window, address)
        assert step % 2 == 0 or n not in seen
        seen.add(n)
        check_slabs(window)
    assert pages_by_origin(window)[GRANTED] == 4


def test_a_grant_is_what_the_kernel_uses_next_and_reclaim_gives_back_what_it_does_not_use(window):
    for _ in range(STATIC_KERNEL_PAGES):
        wrappers.allocate_page(window.address, 0)
    before = int(window.machine["nr_free_frames"])
    assert wrappers.kmem_control(window.address, 0, TASK, GRANT, 5) == 5
    assert window.machine["nr_free_frames"] == before - 5
    page, object_ = wrappers.allocate_page(window.address, 0), take(window, 64)
    assert window.machine["nr_free_frames"] == before - 5, "the pool comes before guest memory"
    assert wrappers.kmem_control(window.address, 0, OTHER, RECLAIM, 5) == 0, "it has granted nothing"
    assert wrappers.kmem_control(window.address, 0, TASK, RECLAIM, 5) == 3
    wrappers.free_page(window.address, 0, page)
    free(window, object_)
    check_slabs(window)
    assert wrappers.kmem_control(window.address, 0, TASK, RECLAIM, 5) == 2
    assert window.machine["nr_free_frames"] == before
    check_frames(window)


def test_more_than_there_is_grants_nothing(window):
    nr_frames = int(window.machine["nr_frames"])
    for _ in range(nr_frames // 1024 - 1):
        assert wrappers.kmem_control(window.address, 0, TASK, GRANT, 1024) == 1024
    frame = frames.allocate(window.address, 0)
    before = int(window.machine["nr_free_frames"])
    assert wrappers.kmem_control(window.address, 0, TASK, GRANT, 1024) == -12
    assert window.machine["nr_free_frames"] == before
    frames.drop(window.address, 0, frame)
    for operation, pages in ((GRANT, -1), (GRANT, 1025), (RECLAIM, 1 << 62), (2, 1), (-1, 1)):
        assert wrappers.kmem_control(window.address, 0, TASK, operation, pages) == -22
    check_slabs(window)


def test_what_a_task_granted_goes_back_when_it_ends_also_what_the_kernel_still_uses(window):
    for _ in range(STATIC_KERNEL_PAGES):
        wrappers.allocate_page(window.address, 0)
    before = int(window.machine["nr_free_frames"])
    wrappers.kmem_control(window.address, 0, TASK, GRANT, 4)
    first, second = wrappers.allocate_page(window.address, 0), wrappers.allocate_page(window.address, 0)
    wrappers.give_grant_back(window.address, 0, TASK)
    assert window.machine["nr_free_frames"] == before - 2 and window.machine["kernel_pages_owed"] == 2
    assert wrappers.kmem_control(window.address, 0, OTHER, GRANT, 1) == 1, "another task takes over a part of the debt"
    check_slabs(window)
    wrappers.free_page(window.address, 0, first)
    wrappers.free_page(window.address, 0, second)
    check_slabs(window)
    assert wrappers.kmem_control(window.address, 0, OTHER, RECLAIM, 9) == 1
    assert window.machine["nr_free_frames"] == before
    check_frames(window)


# --- recovery ---------------------------------------------------------------------------------------------------------


def half_done(window, what):
    """What a CPU leaves that is killed after the store before this one."""
    machine = window.machine
    if what == "a frame taken, not claimed":
        n = STATIC_KERNEL_PAGES + frames.allocate(window.address, 0)
        machine["frames"]["word"][n - STATIC_KERNEL_PAGES] = 1 << 8 | kernel_pages.TAG_KERNEL_PAGE << 4
    elif what == "a page out of the pool, not claimed":
        machine["free_granted_page"] = machine["kernel_pages"][int(machine["free_granted_page"]) - 1]["next"]
    elif what == "a slab claimed, not listed":
        n = STATIC_KERNEL_PAGES + frames.allocate(window.address, 0)
        machine["frames"]["word"][n - STATIC_KERNEL_PAGES] = 1 << 8 | kernel_pages.TAG_KERNEL_PAGE << 4
        window.memory(n - STATIC_KERNEL_PAGES).view(np.int64)[:2] = slabs.SLAB_WORD.pack(family=0x4B4D, cache=9), 0
        machine["kernel_pages"][n]["word"] = PAGE.pack(state=SLAB, origin=BORROWED)
    elif what == "the last object taken, the slab still listed":
        cache = int(np.flatnonzero(machine["memcaches"])[0])
        n = number_of(window, int(machine["memcaches"][cache]))
        machine["static_kernel_pages"][n * PAGE_SIZE // 8 + 1] = slabs.all_used.function(cache)
    elif what == "the last object freed, the slab still in use":
        n = number_of(window, int(machine["memcaches"][np.flatnonzero(machine["memcaches"])[0]]))
        machine["static_kernel_pages"][n * PAGE_SIZE // 8 + 1] = 0
    elif what == "a page granted, not counted":
        machine["tasks"][TASK]["granted"] -= 1
    elif what == "a slab half unlinked":
        machine["memcaches"][np.flatnonzero(machine["memcaches"])[0]] = 0
    else:
        machine["kernel_pages"][int(machine["free_granted_page"]) - 1]["word"] = PAGE.pack(state=POOLED, origin=GRANTED)
        machine["free_granted_page"] = 0


@pytest.mark.parametrize(
    "what",
    ["a frame taken, not claimed", "a page out of the pool, not claimed", "a slab claimed, not listed",
     "the last object taken, the slab still listed", "the last object freed, the slab still in use",
     "a page granted, not counted", "a slab half unlinked", "a page pooled, not listed"],
)  # fmt: skip
def test_recovery_finishes_what_a_killed_cpu_began(window, what):
    wrappers.kmem_control(window.address, 0, TASK, GRANT, 3)
    held = [take(window, 64), take(window, 500, TAG_SIGINFO)]
    half_done(window, what)
    window.machine["kmem_lock"] = 2
    with pytest.raises(AssertionError):
        check_slabs(window)
    wrappers.recover_kernel_memory(window.address, 0)
    check_slabs(window)
    check_frames(window)
    if "last object" not in what:
        for address in held:
            free(window, address)
        assert check_slabs(window) == {}
    assert window.machine["failed"] == 0


def test_nobody_gets_the_lock_between_the_dead_holder_and_who_recovers(window):
    window.machine["kmem_lock"] = 2
    assert wrappers.take_kmem_lock_over(window.address, 0) == 1, "the lock word names who recovers"
    window.machine["kmem_lock"] = 2
    wrappers.recover_kernel_memory(window.address, 0)
    assert window.machine["kmem_lock"] == 0 and take(window, 64)
