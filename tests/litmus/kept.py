"""CPUs that turn from one address space to another and back, while pages of one are taken away (kernel/vm/tlb.py).

Page k of the first task is a word that holds a frame, changed under the task's mm_lock; its translation is the pair
{k + 1, frame} in a CPU's read TLB, put there by the kernel's own fills, and kept and put back by use_space.  A frame in
use begins with MARK + k; who takes it away writes POISON there as soon as the shoot-down is over.  The second task has
no pages: while it runs, the CPU is not asked to carry out the shoot-downs of the first.
"""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.task.records import create_task
from emu.kernel.vm.frames import allocate_frame, drop_frame
from emu.kernel.vm.maplock import lock_mm, unlock_mm
from emu.kernel.vm.shootdown import activate_tlb, answer_shootdowns, deactivate_tlb, shoot_down, shoot_down_task
from emu.kernel.vm.tlb import fill_read, leave_space, use_space
from emu.shm.atomics import exchange, load_relaxed
from emu.shm.cpumask import load_mask
from emu.shm.layout import frame_address, machine_at
from emu.shm.memory import load_64, store_64
from emu.shm.tags import TAG_PAGE
from emu.testing.crew import LINE, OWN, add_word, dawdle, get_word, meet, over, result, set_word, violation

PAGES = 4
PAGE = OWN  # a word for each page: its frame
TAKEN, FIRST, SECOND, KEPT = (OWN + k * LINE for k in range(1, 5))  # FIRST, SECOND: the tasks
MARK, POISON = 1000, 666
GOOD, WITHOUT_GENERATIONS = range(2)


@hot
def _new_frame(m, me, k):
    frame = allocate_frame(m, me, TAG_PAGE)
    store_64(frame_address(m, frame), MARK + k)
    return frame


@hot
def _translate(m, me, k):
    c = m.cpus[me]
    if c.read_tlb[2 * k] == k + 1:
        return c.read_tlb[2 * k + 1]
    lock_mm(m, me, c.tlb_task)
    frame = get_word(m, PAGE + k)
    unlock_mm(m, me, c.tlb_task)
    fill_read(c, 2 * k, k + 1, frame)
    return frame


@hot
def _use(m, me):
    """A basic block of a guest: some loads, no look at interrupts in between."""
    k = random_below(m, me, PAGES)
    at = frame_address(m, _translate(m, me, k))
    for _ in range(6):
        if load_64(at) != MARK + k:
            violation(m)
        dawdle(1)


@hot
def _take(m, me, task, how):
    """Put a fresh frame under a page; the old one is another's as soon as no CPU can use it."""
    k = random_below(m, me, PAGES)
    new = _new_frame(m, me, k)
    lock_mm(m, me, task)
    old = get_word(m, PAGE + k)
    set_word(m, PAGE + k, new)
    unlock_mm(m, me, task)
    if how == WITHOUT_GENERATIONS:
        shoot_down(m, me, load_mask(m.tasks[task], "cpus"))
    else:
        shoot_down_task(m, me, task)
    store_64(frame_address(m, old), POISON)
    drop_frame(m, me, old)
    add_word(m, TAKEN, 1)


@hot
def _turn_to(m, me, task):
    use_space(m, me, task)
    if m.cpus[me].nr_filled > 0:
        add_word(m, KEPT, 1)


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
    _turn_to(m, me, first)
    done = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        if load_relaxed(c, "pending") != 0:
            exchange(c, "pending", 0)
            answer_shootdowns(m, me)
        step = random_below(m, me, 32)
        if step == 0:
            _take(m, me, first, how)
        elif step < 8:
            _turn_to(m, me, second if c.tlb_task == first else first)
        elif c.tlb_task == first:
            _use(m, me)
    leave_space(m, me)
    deactivate_tlb(m, me)
    return 0


def make_tasks(window, words):
    words[FIRST], words[SECOND] = create_task(window.address, 0), create_task(window.address, 0)
