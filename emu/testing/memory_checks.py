"""Kernel memory of a machine at rest: the pool and the memcaches' lists, against the words of pages and slabs."""

import numpy as np

from ..kernel.vm.kernel_pages import GRANTED, PAGE, POOLED, SLAB, STATIC
from ..kernel.vm.slabs import FAMILY_KMALLOC, HEADER_BYTES, OBJECT_BYTES, SLAB_WORD
from ..limits import OBJECT_CLASSES, PAGE_SIZE, STATIC_KERNEL_PAGES


def check_slabs(window):
    """AssertionError names the first index that is wrong. Returns {(tag, bytes): objects given out}."""
    machine = window.machine
    assert machine["kmem_lock"] == 0, "kernel memory is locked"
    pages, objects, with_room = _pages(machine), {}, {}
    _check_pool(machine, pages)
    for n, (state, _) in pages.items():
        if state != SLAB:
            continue
        word, used, *_ = header(window, n)
        cache = SLAB_WORD.get(word, "cache")
        assert SLAB_WORD.get(word, "family") == FAMILY_KMALLOC, f"kernel page {n} is a slab of no family"
        size_bytes = OBJECT_BYTES[cache % OBJECT_CLASSES]
        everything = (1 << (PAGE_SIZE - HEADER_BYTES) // size_bytes) - 1
        assert used & everything == used != 0, f"slab {n}: mask {used:#x} of objects of {size_bytes} bytes"
        key = cache // OBJECT_CLASSES, size_bytes
        objects[key] = objects.get(key, 0) + used.bit_count()
        if used != everything:
            with_room.setdefault(cache, set()).add(n)
    for cache, first in enumerate(machine["memcaches"].tolist()):
        listed = _slabs(window, first)
        assert listed == with_room.get(cache, set()), f"memcache {cache} lists {listed}, not {with_room.get(cache)}"
    return objects


def _pages(machine):
    """{number: (state, origin)} of the kernel's pages."""
    words = machine["kernel_pages"]["word"][: STATIC_KERNEL_PAGES + int(machine["nr_frames"])]
    return {
        int(n): (PAGE.get(int(words[n]), "state"), PAGE.get(int(words[n]), "origin")) for n in np.flatnonzero(words)
    }


def _check_pool(machine, pages):
    for origin, first in ((STATIC, "free_static_page"), (GRANTED, "free_granted_page")):
        listed, n = set(), int(machine[first]) - 1
        while n >= 0:
            assert n not in listed, f"{first} is a circle"
            listed.add(n)
            n = int(machine["kernel_pages"][n]["next"]) - 1
        pooled = {n for n, page in pages.items() if page == (POOLED, origin)}
        if origin == STATIC:
            unused = {n for n in listed if n not in pages}  # listed by recovery, never used
            assert all(n < machine["fresh_static_page"] for n in listed)
            listed -= unused
        assert listed == pooled, f"{first} lists {listed}, not {pooled}"
    granted = sum(origin == GRANTED for _, origin in pages.values())
    owed, asked = int(machine["kernel_pages_owed"]), int(machine["tasks"]["granted"].sum())
    assert granted == owed + asked, f"{granted} pages are granted, {asked} by tasks, {owed} owed"
    assert not owed or not machine["free_granted_page"], f"{owed} pages are owed and some are free"


def header(window, n):
    """(word, used, next, previous) of the slab in kernel page n."""
    if n < STATIC_KERNEL_PAGES:
        words = window.machine["static_kernel_pages"][n * PAGE_SIZE // 8 :]
    else:
        words = window.memory(n - STATIC_KERNEL_PAGES).view(np.int64)
    word, used, following, previous = (int(each) for each in words[:4])
    return word, used & (1 << 64) - 1, following, previous


def _slabs(window, first):
    """The pages of a memcache's list; its backward links are checked."""
    found, address, before = set(), first, 0
    while address:
        n = number_of(window, address)
        assert n not in found, "the list of a memcache is a circle"
        found.add(n)
        _, _, following, previous = header(window, n)
        assert previous == before, f"slab {n} is linked backwards to {previous:#x}, not {before:#x}"
        before, address = address, following
    return found


def number_of(window, address):
    """The number of the kernel page at an address."""
    static = window.machine["static_kernel_pages"].ctypes.data
    if static <= address < static + STATIC_KERNEL_PAGES * PAGE_SIZE:
        return (address - static) // PAGE_SIZE
    return STATIC_KERNEL_PAGES + (address - window.memory(0).ctypes.data) // PAGE_SIZE


def frames_of_kernel_memory(machine):
    """{frame: 1} of the kernel's pages that are guest frames."""
    return {n - STATIC_KERNEL_PAGES: 1 for n in _pages(machine) if n >= STATIC_KERNEL_PAGES}
