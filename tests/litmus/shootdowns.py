"""CPUs that use translations, and take the pages under each other's feet away.

Page k is a word that holds a frame, changed under task 0's mm_lock; a translation of it
in a CPU's read TLB is the pair {k + 1, frame}.  A frame in use begins with MARK + k; who
takes it away writes POISON there as soon as the shoot-down is over.
"""

from emu.hot import entry, hot
from emu.kernel.ipi import send_ipi
from emu.kernel.sched.randomness import random_below
from emu.kernel.vm.frames import allocate_frame, drop_frame
from emu.kernel.vm.maplock import lock_mm, unlock_mm
from emu.kernel.vm.shootdown import activate_tlb, answer_shootdowns, deactivate_tlb, shoot_down
from emu.kernel.vm.tlb import fill_read, flush_tlb
from emu.limits import IPI_TLB
from emu.shm.atomics import exchange, fetch_add, load_relaxed
from emu.shm.cpumask import mask_above, mask_all, mask_minus
from emu.shm.layout import frame_address, machine_at
from emu.shm.memory import load_64, store_64
from emu.shm.tags import TAG_PAGE
from emu.testing.crew import LINE, OWN, add_word, dawdle, get_word, meet, over, result, set_word, violation

PAGES = 4
PAGE = OWN  # a word for each page: its frame
TAKEN = OWN + LINE
MARK, POISON = 1000, 666


@hot
def _new_frame(m, me, k):
    frame = allocate_frame(m, me, TAG_PAGE)
    store_64(frame_address(m, frame), MARK + k)
    return frame


@hot
def _translate(m, me, k):
    """The frame of a page, from the TLB or through the page table."""
    c = m.cpus[me]
    if c.read_tlb[2 * k] == k + 1:
        return c.read_tlb[2 * k + 1]
    lock_mm(m, me, 0)
    frame = get_word(m, PAGE + k)
    unlock_mm(m, me, 0)
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
def _exchange_page(m, me, k):
    """Put a fresh frame under a page; the old one."""
    new = _new_frame(m, me, k)
    lock_mm(m, me, 0)
    old = get_word(m, PAGE + k)
    set_word(m, PAGE + k, new)
    unlock_mm(m, me, 0)
    return old


@hot
def _free(m, me, frame):
    store_64(frame_address(m, frame), POISON)
    drop_frame(m, me, frame)
    add_word(m, TAKEN, 1)


@hot
def _shoot_without_waiting(m, me, mask):
    """Control: everybody is told, nobody is waited for."""
    flush_tlb(m, me)
    for cpu in range(m.nr_cpus):
        if cpu != me and (mask >> cpu) & 1:
            fetch_add(m.cpus[cpu], "tlb_request", 1)
            send_ipi(m, me, cpu, IPI_TLB)


@hot
def _run(m, me, workers, steps, bad):
    c = m.cpus[me]
    flush_tlb(m, me)
    if me == 0:
        for k in range(PAGES):
            set_word(m, PAGE + k, _new_frame(m, me, k))
    meet(m, workers)
    activate_tlb(m, me)
    done = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        if load_relaxed(c, "pending") != 0:
            exchange(c, "pending", 0)
            answer_shootdowns(m, me)
        _use(m, me)
        step = random_below(m, me, 64)
        if step == 0:
            old = _exchange_page(m, me, random_below(m, me, PAGES))
            if bad:
                _shoot_without_waiting(m, me, (1 << workers) - 1)
            else:
                shoot_down(m, me, mask_minus(mask_all(), mask_above(workers - 1)))
            _free(m, me, old)
        elif step == 1:
            deactivate_tlb(m, me)
            dawdle(random_below(m, me, 20))
            activate_tlb(m, me)
    deactivate_tlb(m, me)


@entry(4)
def use_and_take(address, me, workers, steps):
    _run(machine_at(address), me, workers, steps, False)
    return 0


@entry(4)
def use_and_take_badly(address, me, workers, steps):
    _run(machine_at(address), me, workers, steps, True)
    return 0
