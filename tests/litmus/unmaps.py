"""Threads and tasks that map, touch, move, discard and unmap the same pages, all at once.

A page p holds 0 or SHARED_MARK + group in its first word and 0 or STORED + group in its second, where the group is p
modulo GROUPS: nobody stores anything else there.  A frame that somebody uses after it was given to a page of
another group shows the wrong group.  Some pages are one and the same frame (a file's page), mapped by
every task, and twice in one.  Pages move only to a place of the same group.
"""

from emu.cpu_worker.mmu import fault
from emu.hot import entry, hot
from emu.isa.interpreter.accesses import translate
from emu.kernel.sched.randomness import random_below
from emu.kernel.vm.address_space import (
    create_space,
    destroy_space,
    discard_pages,
    find_place,
    map_pages,
    place_pages,
    unmap_pages,
)
from emu.kernel.vm.faults import resolve
from emu.kernel.vm.frames import drop_frame
from emu.kernel.vm.maplock import lock_map, lock_mm, unlock_map, unlock_mm
from emu.kernel.vm.mapping import edit_pages, put_area
from emu.kernel.vm.moving import remap
from emu.kernel.vm.objects import drop_object, hold_object
from emu.kernel.vm.pagetable import EDIT_PROTECT, SHARED, R, W, frame_in, has_frame, lookup, put_entry
from emu.kernel.vm.shootdown import (
    activate_tlb,
    answer_shootdowns,
    deactivate_tlb,
    flush_tlb,
    shoot_down_task,
)
from emu.kernel.vm.usercopy import copy_user, put_word
from emu.limits import EDITED_ENTRIES, GATHERED_FRAMES, GIB, MIB, PAGE_SIZE, SERVER
from emu.shm.atomics import exchange, fetch_or, load_relaxed
from emu.shm.exits import ACCESS_READ, ACCESS_WRITE
from emu.shm.layout import frame_address, machine_at
from emu.shm.memory import compare_exchange_64, copy_bytes, host_yield, load_64, store_64
from emu.shm.spinlock import backoff, field_address
from emu.testing.crew import LINE, OWN, dawdle, get_word, meet, over, result, set_word, shown, violation, word_at

PAGES = 16  # HALF of them on each side of a border between two tables, and of two 1 GiB spans
HALF = PAGES // 2
GROUPS = 4
BASE = GIB - HALF * PAGE_SIZE
HINT = 2 * GIB  # where wide mappings would like to be; all others WIDE_EDGE pages above
MANY, WIDE = 600, 5000  # pages: more than are gathered at once, and more than are mapped at once
WIDE_EDGE = 4500  # is mapped in a wide mapping's second step
NARROW = 8  # pages of a mapping that is held up between its two steps; the second begins at the others' hint
TOUCHED = 600
assert MANY > GATHERED_FRAMES and WIDE > WIDE_EDGE > EDITED_ENTRIES
FILE = OWN  # a word for each group: the object of the file, which has one page
SHOWN = OWN + LINE  # stores of the control that came late
SEEN = 30  # of them; then the test has looked well enough
SHARED_MARK, STORED = 1000, 2000
PATIENCE = 600  # naps of a control's waiter, about a second


@hot
def _va(p):
    return BASE + p * PAGE_SIZE


@hot
def _join_task(m, me, task):
    """This CPU's TLB holds entries of this task from now on."""
    flush_tlb(m, me)
    m.cpus[me].tlb_task = task
    fetch_or(m.tasks[task], "cpus", 1 << me)


@hot
def _poll(m, me):
    """What a CPU does at the end of a basic block."""
    if load_relaxed(m.cpus[me], "pending") != 0:
        exchange(m.cpus[me], "pending", 0)
        answer_shootdowns(m, me)
    if load_relaxed(m, "failed") != 0:
        violation(m)


@hot
def _check(m, p, first, second):
    group = p % GROUPS
    if first != 0 and first != SHARED_MARK + group:
        violation(m)
    if second != 0 and second != STORED + group:
        violation(m)


@hot
def _touch(m, address, me):
    """A basic block of a guest that loads from a page or stores to it."""
    p = random_below(m, me, PAGES)
    host = translate(address, me, _va(p), ACCESS_READ)
    if host == 0:
        return
    for _ in range(4):
        _check(m, p, load_64(host), load_64(host + 8))
        dawdle(1)
    host = translate(address, me, _va(p), ACCESS_WRITE)
    if host != 0:
        store_64(host + 8, STORED + p % GROUPS)
        dawdle(2)
        _check(m, p, load_64(host), load_64(host + 8))


@hot
def _map_shared(m, me, task, p):
    """The file's page, as mmap of a file does it."""
    file = get_word(m, FILE + p % GROUPS)
    hold_object(m, me, file)
    if map_pages(m, me, task, _va(p), PAGE_SIZE, R | W | SHARED, file, 0) < 0:
        drop_object(m, me, file)


@hot
def _unmap_by_links(m, me, task, p, count):
    """Control: the frames taken out are a list through FRAME.link."""
    chain = -1
    lock_mm(m, me, task)
    for k in range(p, p + count):
        word = lookup(m, m.tasks[task].root, _va(k))
        if has_frame(word):
            m.frames[frame_in(word)].link = chain
            chain = frame_in(word)
            put_entry(m, me, m.tasks[task].root, _va(k), 0)
    unlock_mm(m, me, task)
    shoot_down_task(m, me, task)
    while chain >= 0 and not over(m):
        following = m.frames[chain].link
        drop_frame(m, me, chain)
        if load_relaxed(m, "failed") != 0:
            violation(m)
        chain = following


@hot
def _edit(m, me, task, alone, by_links):
    """One system call on a few pages."""
    step = random_below(m, me, 8)
    count = 1 + random_below(m, me, 4)
    p = random_below(m, me, PAGES - count)
    if step == 0:
        map_pages(m, me, task, _va(p), count * PAGE_SIZE, R | W, -1, 0)
    elif step <= 3:
        _map_shared(m, me, task, p)
    elif step == 4 and not by_links:
        discard_pages(m, me, task, _va(p), count * PAGE_SIZE)
    elif step == 5 and not by_links:
        half = random_below(m, me, 2)
        p = random_below(m, me, HALF - 1)
        length = (1 + random_below(m, me, 2)) * PAGE_SIZE
        remap(m, me, task, _va(p + half * HALF), length, length, 1, _va(p + (1 - half) * HALF))
    elif step == 6 and alone and random_below(m, me, 8) == 0:
        destroy_space(m, me, task)
        if create_space(m, me, task) < 0:
            violation(m)
    elif by_links:
        _unmap_by_links(m, me, task, p, count)
    else:
        unmap_pages(m, me, task, _va(p), count * PAGE_SIZE)


@hot
def _run(m, address, me, workers, steps, tasks, by_links):
    task = me % tasks
    _join_task(m, me, task)
    meet(m, workers)
    activate_tlb(m, me)
    done = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        _poll(m, me)
        _touch(m, address, me)
        if random_below(m, me, 8) == 0:
            _edit(m, me, task, tasks >= workers, by_links)
        if random_below(m, me, 64) == 0:
            deactivate_tlb(m, me)
            dawdle(random_below(m, me, 20))
            activate_tlb(m, me)
    deactivate_tlb(m, me)


@entry(6)
def edits(address, me, workers, steps, tasks, by_links):
    _run(machine_at(address), address, me, workers, steps, tasks, by_links != 0)
    return 0


def edit_and_touch(window, me, workers, directory, steps, tasks, by_links):
    """Entry of a process: a CPU of task me % tasks. `by_links` 1: the control."""
    window.machine["cpus"][me]["fault"] = fault.address
    edits(window.address, me, workers, steps, tasks, by_links)


# --- stores of an actor that answers no shoot-downs ------------------------------------------------------

KEPT, CLEAN = 0, 1  # pages: the server stores into one, nobody into the other
HALF_PAGE = PAGE_SIZE // 2  # what is stored at once: the kernel's store the first half, the control the second
SOURCE = OWN + 8 * LINE  # words that are all 1


@hot
def _store_later(m, me, task, va, host, count):
    """Control: write_user, but the guest's host address is used after mm_lock was released."""
    lock_mm(m, me, task)
    word = resolve(m, me, task, va, ACCESS_WRITE)
    unlock_mm(m, me, task)
    if word > 0:
        copy_bytes(frame_address(m, frame_in(word)) + (va & (PAGE_SIZE - 1)), host, count)


@entry(3)
def serve(address, me, workers):
    """The system server, which has no TLB: by turns the kernel's store into a guest's page and the control's."""
    m = machine_at(address)
    for k in range(HALF_PAGE // 8):
        set_word(m, SOURCE + k, 1)
    meet(m, workers)
    done = 0
    while not over(m):
        done += 1
        result(m, 0, done)
        copy_user(m, SERVER, 0, _va(KEPT), word_at(m, SOURCE), HALF_PAGE, ACCESS_WRITE)
        _store_later(m, SERVER, 0, _va(KEPT) + HALF_PAGE, word_at(m, SOURCE), HALF_PAGE)
    return 0


@hot
def _is_clean(host):
    """No word of some is set, wherever a copy that went on late was held up."""
    found = 0
    for k in range(0, HALF_PAGE // 8, 15):
        found |= load_64(host + k * 8)
    return found == 0


@hot
def _look(m, me):
    """At the page that nobody stores to: how often a store of the control came late into its frame."""
    lock_mm(m, me, 0)
    host = frame_address(m, frame_in(resolve(m, me, 0, _va(CLEAN), ACCESS_READ)))
    if not _is_clean(host):
        violation(m)
    late = 0 if _is_clean(host + HALF_PAGE) else 1
    unlock_mm(m, me, 0)
    return late


@entry(3)
def discard_and_look(address, me, workers):
    """Takes a page's frame away, which the next page that is touched gets."""
    m = machine_at(address)
    map_pages(m, me, 0, _va(KEPT), 2 * PAGE_SIZE, R | W, -1, 0)
    meet(m, workers)
    done = 0
    while not over(m):
        done += 1
        result(m, me, done)
        discard_pages(m, me, 0, _va(KEPT), PAGE_SIZE)
        late = _look(m, me)
        dawdle(random_below(m, me, 16))
        late += _look(m, me)
        if late != 0:
            shown(m, SHOWN, SEEN)
        discard_pages(m, me, 0, _va(CLEAN), PAGE_SIZE)
    return 0


# --- places ------------------------------------------------------------------------------------------------

MET = OWN + 2 * LINE  # mappings held up between their steps, beside somebody who wants a place there
MEETINGS = 100  # of these; then the test has looked well enough
WANTS = OWN + 4 * LINE  # a line for each worker: it is about to get a small place


@hot
def _somebody_wants(m, workers):
    found = 0
    for worker in range(workers):
        found |= get_word(m, WANTS + worker * LINE)
    return found != 0


@hot
def _place_in_steps(m, me, workers, task, pages):
    """What place_pages does for a wide range, held up between its steps, while mm_lock is free."""
    lock_map(m, me, task)
    start = find_place(m, me, task, HINT + (WIDE_EDGE - pages // 2) * PAGE_SIZE, pages * PAGE_SIZE)
    half = start + pages // 2 * PAGE_SIZE
    put_area(m, me, task, start, half, R | W, -1, 0)
    dawdle(random_below(m, me, 1000))
    if _somebody_wants(m, workers):
        shown(m, MET, MEETINGS)
    put_area(m, me, task, half, start + pages * PAGE_SIZE, R | W, -1, 0)
    unlock_map(m, me, task)
    return start


@hot
def _place(m, me, workers, length, locked):
    task = 0
    if locked and length == NARROW * PAGE_SIZE:
        return _place_in_steps(m, me, workers, task, NARROW)
    hint = HINT if length == WIDE * PAGE_SIZE else HINT + WIDE_EDGE * PAGE_SIZE
    if locked:
        return place_pages(m, me, task, hint, length, R | W, -1, 0)
    start = find_place(m, me, task, hint, length)  # control: found free, and mapped later
    for _ in range(random_below(m, me, 3)):
        host_yield()
    return start if start > 0 and put_area(m, me, task, start, start + length, R | W, -1, 0) == 0 else -1


@hot
def _own_places(m, me, workers, steps, locked):
    """No CPU uses its TLB here, so that none waits for another but at the locks."""
    _join_task(m, me, 0)
    meet(m, workers)
    done = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        _poll(m, me)
        size = random_below(m, me, 16)
        pages = WIDE if size == 0 else MANY if size == 1 else NARROW if size < 6 else 1 + random_below(m, me, 4)
        set_word(m, WANTS + me * LINE, 1 if pages < NARROW else 0)
        start = _place(m, me, workers, pages * PAGE_SIZE, locked)
        set_word(m, WANTS + me * LINE, 0)
        if start <= 0:
            violation(m)
            break
        for k in range(min(pages, TOUCHED)):
            put_word(m, me, 0, start + k * PAGE_SIZE, me + 1)
        for _ in range(random_below(m, me, 3)):
            host_yield()
        for k in range(min(pages, TOUCHED)):
            _check_owner(m, me, start + k * PAGE_SIZE)
        if unmap_pages(m, me, 0, start, pages * PAGE_SIZE) < 0:
            violation(m)


@hot
def _check_owner(m, me, va):
    lock_mm(m, me, 0)
    word = resolve(m, me, 0, va, ACCESS_READ)
    if word <= 0 or load_64(frame_address(m, frame_in(word))) != me + 1:
        violation(m)
    unlock_mm(m, me, 0)


@entry(5)
def own_places(address, me, workers, steps, locked):
    """`locked` 0: the control."""
    _own_places(machine_at(address), me, workers, steps, locked != 0)
    return 0


# --- waiting for map_lock ------------------------------------------------------------------------------------


@hot
def _lock_deaf(m, me):
    """Control: who waits for the lock answers nobody; False when that took too long."""
    spins = 0
    while compare_exchange_64(field_address(m.tasks[0], "map_lock"), 0, me + 1) == 0:
        spins = backoff(spins)
        if spins > PATIENCE:
            violation(m)
        if over(m):
            return False
    return True


@hot
def _protect(m, me, workers, steps, deaf):
    """mprotect, over and over: each one shoots down whoever waits for its lock."""
    _join_task(m, me, 0)
    meet(m, workers)
    activate_tlb(m, me)
    done = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        _poll(m, me)
        if deaf:
            if not _lock_deaf(m, me):
                break
        else:
            lock_map(m, me, 0)
        edit_pages(m, me, 0, BASE, BASE + MIB, EDIT_PROTECT, R)
        shoot_down_task(m, me, 0)
        unlock_map(m, me, 0)
    deactivate_tlb(m, me)


@entry(5)
def protect(address, me, workers, steps, deaf):
    """`deaf` 1: the control."""
    _protect(machine_at(address), me, workers, steps, deaf != 0)
    return 0
