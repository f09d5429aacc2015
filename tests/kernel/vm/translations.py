"""A played CPU's TLB: filled, given to another task, emptied, by the kernel's own functions."""

from emu.hot import entry
from emu.kernel.vm import shootdown, tlb
from emu.kernel.vm.lending import lend_space
from emu.shm.layout import machine_at


@entry(5)
def fill(address, me, part, va, value):
    """Put a translation in: 0 of loads, 1 of stores, 2 of fetches."""
    c = machine_at(address).cpus[me]
    slot = ((va >> 12) % (tlb.PART // 2 + 1)) * 2
    if part == 0:
        tlb.fill_read(c, slot, va, value)
    elif part == 1:
        tlb.fill_write(c, slot, va, value)
    else:
        tlb.fill_fetch(c, slot, va, value)
    return 0


@entry(3)
def use_space(address, me, task):
    tlb.use_space(machine_at(address), me, task)
    return 0


@entry(2)
def leave_space(address, me):
    tlb.leave_space(machine_at(address), me)
    return 0


@entry(2)
def flush(address, me):
    tlb.flush_tlb(machine_at(address), me)
    return 0


@entry(2)
def forget_kept(address, task):
    tlb.forget_kept(machine_at(address), task)
    return 0


@entry(3)
def shoot_down_task(address, me, task):
    shootdown.shoot_down_task(machine_at(address), me, task)
    return 0


@entry(4)
def lend(address, me, parent, child):
    lend_space(machine_at(address), me, parent, child)
    return 0
