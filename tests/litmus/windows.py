"""CPUs that use pages of a task through their windows, turn to another task and back, while pages are taken away.

Page k of the first task is a word that holds a frame, changed under the task's mm_lock.  A CPU that lacks it in its
window maps it, as a host fault would.  A frame in use begins with MARK + k; who takes it away writes POISON there as
soon as the shoot-down is over.  While the second task runs, the CPU is not asked to carry out the shoot-downs of the
first, sometimes for so long that more changes are written down than are kept.
"""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.vm.frames import allocate_frame, drop_frame
from emu.kernel.vm.maplock import lock_mm, unlock_mm
from emu.kernel.vm.shootdown import activate_tlb, answer_shootdowns, deactivate_tlb, shoot_down, shoot_down_task
from emu.kernel.vm.tlb import leave_space, use_space
from emu.kernel.vm.windows import follow_changes, note_change, open_page
from emu.limits import CHANGES, PAGE_SHIFT, PAGE_SIZE, SPACE_FIRST, SPACE_STRIDE, SPACES, USER_TOP
from emu.shm.atomics import exchange, load_relaxed, load_seq_cst
from emu.shm.cpumask import load_mask, set_cpu
from emu.shm.layout import frame_address, machine_at
from emu.shm.memory import _host_call, host_munmap, load_64, store_64
from emu.shm.tags import TAG_PAGE
from emu.testing.crew import (
    LINE,
    OWN,
    RESERVED_FRAMES,
    add_word,
    dawdle,
    get_word,
    meet,
    over,
    result,
    set_word,
    violation,
    word_at,
)

PAGES = 8
PAGE = OWN  # a word for each page: its frame
TAKEN, FIRST, SECOND, FOUND, LATE = (OWN + k * LINE for k in range(1, 6))  # FIRST, SECOND: the tasks; figures
SEEN = OWN + 8 * LINE  # a line for each worker
MARK, POISON = 1000, 666
GOOD, NOTED_LATE, OVERWRITTEN = range(3)

_mincore = _host_call("mincore", 3, "0 where this process has memory: address, size, where to put what is known of it.")


@hot
def _new_frame(m, me, k):
    frame = allocate_frame(m, me, TAG_PAGE)
    store_64(frame_address(m, frame), MARK + k)
    return frame


@hot
def _use(m, me):
    """A basic block of translated code: some loads, no look at interrupts in between."""
    c = m.cpus[me]
    k = random_below(m, me, PAGES)
    at = c.space + (k << PAGE_SHIFT)
    if _mincore(at, PAGE_SIZE, word_at(m, SEEN + me * LINE)) == 0:
        add_word(m, FOUND, 1)
    else:
        lock_mm(m, me, c.tlb_task)
        frame = get_word(m, PAGE + k)
        unlock_mm(m, me, c.tlb_task)
        if not open_page(m, me, k << PAGE_SHIFT, frame, 1, True):
            return
    for _ in range(6):
        if load_64(at) != MARK + k:
            violation(m)
        dawdle(1)


@hot
def _take(m, me, task, how):
    """Put a fresh frame under a page; the old one is another's as soon as no CPU can use it."""
    k = random_below(m, me, PAGES)
    new = _new_frame(m, me, k)
    mask = load_mask(m.tasks[task], "cpus")
    lock_mm(m, me, task)
    old = get_word(m, PAGE + k)
    set_word(m, PAGE + k, new)
    if how == NOTED_LATE:  # control: who comes back meanwhile is not asked, and finds nothing written down
        mask = load_mask(m.tasks[task], "cpus")
        dawdle(random_below(m, me, 400))
    note_change(m.tasks[task], k << PAGE_SHIFT, (k + 1) << PAGE_SHIFT)
    unlock_mm(m, me, task)
    if how == NOTED_LATE:
        shoot_down(m, me, mask)
    else:
        shoot_down_task(m, me, task)
    store_64(frame_address(m, old), POISON)
    drop_frame(m, me, old)
    add_word(m, TAKEN, 1)


@hot
def _follow_badly(m, me, task):
    """Control: what was written down is believed, though it may have been overwritten."""
    c, t = m.cpus[me], m.tasks[task]
    k = task % SPACES
    set_cpu(t, "cpus", me)
    now = load_seq_cst(t, "nr_changes")
    for n in range(c.space_seen[k] + 1, now + 1):
        at = 2 * (n % CHANGES)
        start, end = t.changes[at], t.changes[at + 1]
        if 0 <= start < end <= USER_TOP:
            host_munmap(SPACE_FIRST + k * SPACE_STRIDE + start, end - start)
    c.space_seen[k] = now


@hot
def _turn(m, me, first, second, how):
    c = m.cpus[me]
    if c.tlb_task == second:
        behind = load_seq_cst(m.tasks[first], "nr_changes") - c.space_seen[first % SPACES]
        if behind > CHANGES:
            add_word(m, LATE, 1)
        if how == OVERWRITTEN:
            _follow_badly(m, me, first)
        use_space(m, me, first)
    else:
        use_space(m, me, second)


@entry(5)
def turn_and_take(address, me, workers, steps, how):
    m = machine_at(address)
    c = m.cpus[me]
    first, second = get_word(m, FIRST), get_word(m, SECOND)
    if me == 0:
        for k in range(PAGES):
            set_word(m, PAGE + k, _new_frame(m, me, k))
    meet(m, workers)
    activate_tlb(m, me)
    use_space(m, me, first)
    done = stays = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        if load_relaxed(c, "pending") != 0:
            exchange(c, "pending", 0)
            answer_shootdowns(m, me)
        if stays > 0:  # away for long
            stays -= 1
            dawdle(10)
            continue
        step = random_below(m, me, 32)
        if step == 0:
            _take(m, me, first, how)
        elif step < 6:
            _turn(m, me, first, second, how)
            if c.tlb_task == second and random_below(m, me, 16) == 0:
                stays = random_below(m, me, 4000)
        elif c.tlb_task == first:
            _use(m, me)
    leave_space(m, me)
    deactivate_tlb(m, me)
    return 0


# --- what is written down while a CPU follows ---------------------------------------------------------------------

NOTED = 16  # pages
LAST = OWN + 16 * LINE  # a word for each: its last change


@entry(4)
def noter(address, me, workers, count):
    """Write changes down, as many as are kept fast, then as many slowly, and so on."""
    m = machine_at(address)
    t = m.tasks[get_word(m, FIRST)]
    meet(m, workers)
    done = pace = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        if done % CHANGES == 0:
            pace = 1 + random_below(m, me, 400)
        k = random_below(m, me, NOTED)
        set_word(m, LAST + k, t.nr_changes + 1)
        note_change(t, k << PAGE_SHIFT, (k + 1) << PAGE_SHIFT)
        dawdle(random_below(m, me, pace + 1))
    return 0


@hot
def _is_mapped(m, me, k):
    at = m.cpus[me].space + (k << PAGE_SHIFT)
    return _mincore(at, PAGE_SIZE, word_at(m, SEEN + me * LINE)) == 0


@entry(4)
def follower(address, me, workers, count):
    """Map pages, follow, and look whether one is left that has changed; the result: how often some were left."""
    m = machine_at(address)
    c = m.cpus[me]
    use_space(m, me, get_word(m, FIRST))
    meet(m, workers)
    partly = 0
    while partly < count and not over(m):
        follow_changes(m, me)
        mapped_at = c.space_seen[c.tlb_task % SPACES]
        for k in range(NOTED):
            if not _is_mapped(m, me, k):
                open_page(m, me, k << PAGE_SHIFT, RESERVED_FRAMES + k, 1, True)
        follow_changes(m, me)
        seen, left = c.space_seen[c.tlb_task % SPACES], 0
        for k in range(NOTED):
            last = get_word(m, LAST + k)
            if _is_mapped(m, me, k):
                left += 1
                if mapped_at < last <= seen:
                    violation(m)
        partly += int(0 < left < NOTED)
        result(m, me, partly)
    leave_space(m, me)
    return 0


def follow_in_window(window, me, workers, directory, count):
    """`follower` in a process that has guest memory to map."""
    window.machine["cpus"][me]["ram_descriptor"] = window.descriptors[1] + 1
    follower(window.address, me, workers, count)


def use_windows(window, me, workers, directory, steps, how):
    """`turn_and_take` in a process that has guest memory to map."""
    window.machine["cpus"][me]["ram_descriptor"] = window.descriptors[1] + 1
    turn_and_take(window.address, me, workers, steps, how)
