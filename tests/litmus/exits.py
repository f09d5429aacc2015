"""Schedulers retire round after round; who is last raises the signal."""

from emu.hot import entry, hot
from emu.kernel.ipi import send_ipi
from emu.kernel.sched.hotplug import retire
from emu.limits import IPI_STOP, SUPERVISOR
from emu.shm.atomics import exchange, load_relaxed, store_relaxed
from emu.shm.cpumask import any_cpu, clear_cpu, mask_above, mask_all, mask_minus, store_mask
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, dawdle, get_word, meet, result, set_word, violation

SIGNALS = OWN  # a line for each worker: signals it has sent so far


@hot
def _begin(m, me, workers):
    if me == 0:
        store_mask(m, "active", mask_minus(mask_all(), mask_above(workers - 1)))
        store_relaxed(m, "nr_active", workers)
        store_relaxed(m, "draining", 1)
        exchange(m.cpus[SUPERVISOR], "pending", 0)
    return meet(m, workers)


@hot
def _end(m, me, workers, done):
    """After everybody retired: exactly one signal a round, and nobody active."""
    c = m.cpus[me]
    set_word(m, SIGNALS + me * LINE, c.ipis_bit + c.ipis_message)
    if not meet(m, workers):
        return False
    if me == 0:
        sent = 0
        for k in range(workers):
            sent += get_word(m, SIGNALS + k * LINE)
        if sent != done or any_cpu(m, "active") or load_relaxed(m, "nr_active") != 0:
            violation(m)
        if load_relaxed(m.cpus[SUPERVISOR], "pending") != IPI_STOP:
            violation(m)
    return meet(m, workers)


@entry(4)
def retire_in_rounds(address, me, workers, count):
    m = machine_at(address)
    done = 0
    while done < count and _begin(m, me, workers):
        retire(m, me)
        done += 1
        result(m, me, done)
        if not _end(m, me, workers, done):
            break
    return 0


@entry(4)
def retire_badly(address, me, workers, count):
    """Control: those that are left are counted by a load and a store."""
    m = machine_at(address)
    done = 0
    while done < count and _begin(m, me, workers):
        clear_cpu(m, "active", me)
        left = load_relaxed(m, "nr_active")
        dawdle(1)
        store_relaxed(m, "nr_active", left - 1)
        if left == 1:
            send_ipi(m, me, SUPERVISOR, IPI_STOP)
        done += 1
        result(m, me, done)
        if not _end(m, me, workers, done):
            break
    return 0
