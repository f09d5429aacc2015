"""One that pauses the machine again and again, and CPUs that come back from cold code and enter guests meanwhile.

A guest's instructions are a count that grows. While the machine is paused, no count may.
"""

from emu.hot import entry, hot
from emu.kernel.ipi import AWAKE, mark_parked, send_ipi
from emu.kernel.pausing import PAUSE_ASKED, all_stand, let_all_go, pause_here, stop_all
from emu.kernel.sched.randomness import random_below
from emu.kernel.vm.shootdown import activate_tlb, deactivate_tlb
from emu.limits import IPI_RESCHEDULE, SUPERVISOR
from emu.shm.atomics import exchange, load_relaxed, load_seq_cst, pause, store_relaxed, store_release
from emu.shm.layout import machine_at
from emu.testing.crew import (
    LINE,
    OWN,
    STOP,
    add_word,
    dawdle,
    get_word,
    meet,
    over,
    prepare_slow_stores,
    result,
    set_word,
    slow_store,
    spin,
    violation,
)

EXECUTED = OWN  # a line for each CPU
SLEEPS = OWN + 64 * LINE  # whether the CPU has parked for good
PAUSER = 0


@hot
def _executed(m, workers):
    count = 0
    for cpu in range(1, workers):
        count += get_word(m, EXECUTED + cpu * LINE)
    return count


@entry(4)
def pauser(address, me, workers, rounds):
    return _pauser(machine_at(address), me, workers, rounds, False)


@entry(4)
def bad_pauser(address, me, workers, rounds):
    """Control: it does not wait until the CPUs stand."""
    return _pauser(machine_at(address), me, workers, rounds, True)


@hot
def _pauser(m, me, workers, rounds, bad):
    prepare_slow_stores(m)
    meet(m, workers)
    for done in range(1, rounds + 1):
        dawdle(random_below(m, me, 500))
        before = _executed(m, workers)
        slow_store(m, done)  # so that only a fence has `paused` stored before tlb_active is read
        stop_all(m, me, PAUSE_ASKED)
        spins = 0
        while not bad and not all_stand(m) and not over(m):
            spins = spin(spins)
        stands = _executed(m, workers)
        dawdle(random_below(m, me, 2000))
        if not over(m) and _executed(m, workers) != stands:
            violation(m)
        let_all_go(m, me, PAUSE_ASKED)
        m.cpus[me].kicks = 0
        if stands != before:
            result(m, me, done)
        spins = 0
        while _executed(m, workers) == stands and not over(m):
            spins = spin(spins)
        if over(m):
            return 0
    set_word(m, STOP, 1)
    return 0


@entry(4)
def cpu(address, me, workers, rounds):
    return _cpu(machine_at(address), me, workers, False)


@entry(4)
def bad_cpu(address, me, workers, rounds):
    """Control: no fence between "this CPU may be in a guest" and its look at `paused`."""
    return _cpu(machine_at(address), me, workers, True)


@hot
def _cpu(m, me, workers, bad):
    """The main loop as far as it matters here (cpu_worker/loop.py)."""
    c = m.cpus[me]
    if bad:
        prepare_slow_stores(m)
    meet(m, workers)
    number = 0
    while not over(m):
        if bad:
            slow_store(m, number)
            store_relaxed(c, "tlb_active", 1)
        else:
            activate_tlb(m, me)
        stays = True
        while stays and not over(m):
            if load_relaxed(c, "pending") != 0:
                exchange(c, "pending", 0)
            if load_relaxed(m, "paused") != 0:
                break
            for _ in range(1 + random_below(m, me, 50)):
                add_word(m, EXECUTED + me * LINE, 1)
            number += 1
            stays = random_below(m, me, 3) != 0  # now and then there is nothing to run
        deactivate_tlb(m, me)
        spins = 0
        while load_seq_cst(m, "paused") != 0 and not over(m):
            spins = spin(spins)
        result(m, me, number)
    return 0


@entry(4)
def sleeper(address, me, workers, rounds):
    """One that pauses and sleeps until it is told that the only CPU stands: it looks after each interrupt only."""
    m = machine_at(address)
    supervisor, cpu = m.cpus[SUPERVISOR], m.cpus[1]
    meet(m, workers)
    for done in range(1, rounds + 1):
        dawdle(random_below(m, me, 500))
        exchange(supervisor, "pending", 0)
        stop_all(m, me, PAUSE_ASKED)
        while not all_stand(m) and not over(m):
            asleep = True
            while asleep and not over(m):
                is_parked = load_seq_cst(cpu, "parked") != AWAKE  # before the next look
                asleep = load_seq_cst(supervisor, "pending") == 0
                if asleep and is_parked:  # it says nothing any more
                    violation(m)
            exchange(supervisor, "pending", 0)
        while get_word(m, SLEEPS) == 0 and not over(m):
            pause()
        if not over(m) and m.cpus[me].kicks == 0 and load_seq_cst(cpu, "pending") != 0:
            violation(m)  # an interrupt without a message, which it has not found either
        let_all_go(m, me, PAUSE_ASKED)
        m.cpus[me].kicks = 0
        while load_seq_cst(cpu, "parked") != AWAKE and not over(m):
            pause()
        result(m, me, done)
        if over(m):
            return 0
    set_word(m, STOP, 1)
    return 0


@entry(4)
def parker(address, me, workers, rounds):
    return _parker(machine_at(address), me, workers, False)


@entry(4)
def bad_parker(address, me, workers, rounds):
    """Control: it tells that it stands, and stands after that."""
    return _parker(machine_at(address), me, workers, True)


@hot
def _parker(m, me, workers, bad):
    """A CPU that does nothing but stand when the machine is paused, and sleep."""
    c = m.cpus[me]
    activate_tlb(m, me)
    meet(m, workers)
    number = 0
    while not over(m):
        exchange(c, "pending", 0)
        if load_relaxed(m, "paused") == 0:
            continue
        number += 1
        result(m, me, number)
        if bad:
            send_ipi(m, me, SUPERVISOR, IPI_RESCHEDULE)
            deactivate_tlb(m, me)
            mark_parked(m, me)
        elif not pause_here(m, me):
            activate_tlb(m, me)
            continue
        set_word(m, SLEEPS, 1)
        while load_seq_cst(m, "paused") != 0 and not over(m):
            pause()
        c.kicks = 0
        set_word(m, SLEEPS, 0)
        activate_tlb(m, me)
        store_release(c, "parked", AWAKE)
    return 0
