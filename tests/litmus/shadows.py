"""Tasks that copy one another's memory, store to it and leave, all at once, on pages that they share until then.

Each worker has a task.  That of worker 0 is the original: its pages hold numbers that only grow.  The others copy its
address space, over and over.  What such a copy shows of a page must stay what it was at the first look, until its own
task stores there; then it is what was stored.  So a store of the original that reaches a copy, a page that a
merge loses or hides, and a frame that is given away too early are all seen.
"""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.vm.address_space import create_space, destroy_space, map_pages
from emu.kernel.vm.areas import first_above, insert_area, new_area
from emu.kernel.vm.faults import resolve
from emu.kernel.vm.forking import copy_space
from emu.kernel.vm.frames import copy_frame, drop_frame
from emu.kernel.vm.maplock import lock_map, lock_mm, unlock_map, unlock_mm
from emu.kernel.vm.objects import hold_object
from emu.kernel.vm.pagetable import R, W, frame_in, lookup, put_entry, with_frame
from emu.kernel.vm.usercopy import get_word, put_word
from emu.limits import GIB, PAGE_SIZE
from emu.shm.exits import ACCESS_WRITE
from emu.shm.layout import frame_address, machine_at
from emu.shm.memory import host_yield, store_64
from emu.testing.crew import dawdle, meet, over, result, violation

PAGES = 12
BASE = GIB - 4 * PAGE_SIZE
OWN_MARK = 1 << 40


@hot
def _va(page):
    return BASE + page * PAGE_SIZE


@hot
def _word(m, me, task, page):
    error, value = get_word(m, me, task, _va(page))
    if error < 0:
        violation(m)
    return value


@hot
def _copy_without_marks(m, me, parent, child):
    """Control: copy_space, but the parent goes on storing to what it has."""
    p, c = m.tasks[parent], m.tasks[child]
    lock_map(m, me, parent)
    lock_mm(m, me, parent)
    a = first_above(m, p, 0)
    while a >= 0:
        copy = new_area(m, me, child)
        area, twin = m.areas[a], m.areas[copy]
        twin.start = area.start
        twin.end = area.end
        twin.first = area.first
        twin.flags = area.flags
        if area.object != 0:
            hold_object(m, me, area.object - 1)
        twin.object = area.object
        insert_area(m, c, copy)
        a = first_above(m, p, area.end)
    unlock_mm(m, me, parent)
    unlock_map(m, me, parent)
    return 0


@hot
def _be_copied(m, me, steps):
    """Worker 0: its numbers grow."""
    done = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        page = random_below(m, me, PAGES)
        put_word(m, me, 0, _va(page), _word(m, me, 0, page) + 1)
        dawdle(random_below(m, me, 8))


@hot
def _look(m, me, page):
    """Twice at one page of a copy, which nobody else may change; then a store of its own."""
    seen = _word(m, me, me, page)
    for _ in range(random_below(m, me, 3)):
        host_yield()
    if _word(m, me, me, page) != seen:
        violation(m)
    if random_below(m, me, 2) == 0:
        put_word(m, me, me, _va(page), OWN_MARK + me)
        dawdle(random_below(m, me, 8))
        if _word(m, me, me, page) != OWN_MARK + me:
            violation(m)


@hot
def _copy_and_look(m, me, workers, steps, marks):
    """The others: copies of the original's memory, or of a copy."""
    done = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        error = copy_space(m, me, 0, me) if marks else _copy_without_marks(m, me, 0, me)
        if error < 0:
            violation(m)
        for _ in range(4):
            _look(m, me, random_below(m, me, PAGES))
        destroy_space(m, me, me)
        if create_space(m, me, me) < 0:
            violation(m)


@entry(5)
def copies(address, me, workers, steps, marks):
    """`marks` 0: the control."""
    m = machine_at(address)
    if me == 0:
        map_pages(m, me, 0, _va(0), PAGES * PAGE_SIZE, R | W, -1, 0)
        for page in range(0, PAGES, 2):  # the others nobody has touched yet when they are copied first
            put_word(m, me, 0, _va(page), 1)
    meet(m, workers)
    if me == 0:
        _be_copied(m, me, steps)
    else:
        _copy_and_look(m, me, workers, steps, marks != 0)
    return 0


# --- two CPUs of one task on one page that it has to copy first -------------------------------------------------------


@hot
def _store_in_steps(m, me, va, value):
    """Control: the copy is made, and put in place, with the lock given back between."""
    lock_mm(m, me, 0)
    word = resolve(m, me, 0, va, ACCESS_WRITE)
    old = frame_in(word)
    unlock_mm(m, me, 0)
    if word <= 0:
        return
    copy = copy_frame(m, me, old)
    dawdle(20)
    store_64(frame_address(m, copy) + (va & (PAGE_SIZE - 1)), value)
    lock_mm(m, me, 0)
    word = lookup(m, m.tasks[0].root, va)
    old = frame_in(word)
    put_entry(m, me, m.tasks[0].root, va, with_frame(word, copy))
    unlock_mm(m, me, 0)
    drop_frame(m, me, old)


@hot
def _store(m, me, steps, workers, in_steps):
    """Each worker's own word of every page grows by one; nobody else stores there, so none may be lost."""
    done = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        if me == workers - 1:  # this one makes the pages copies of one another's again
            if copy_space(m, me, 0, 1) < 0:
                violation(m)
            destroy_space(m, me, 1)
            if create_space(m, me, 1) < 0:
                violation(m)
            continue
        va = _va(random_below(m, me, 2)) + 8 * (me + 1)
        error, value = get_word(m, me, 0, va)
        if error < 0:
            violation(m)
        if in_steps:
            _store_in_steps(m, me, va, value + 1)
        else:
            put_word(m, me, 0, va, value + 1)
        error, found = get_word(m, me, 0, va)
        if error < 0 or found != value + 1:
            violation(m)


@entry(5)
def stores(address, me, workers, steps, in_steps):
    """`in_steps` 1: the control."""
    m = machine_at(address)
    if me == 0:
        map_pages(m, me, 0, _va(0), PAGES * PAGE_SIZE, R | W, -1, 0)
    meet(m, workers)
    _store(m, me, steps, workers, in_steps != 0)
    return 0
