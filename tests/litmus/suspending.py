"""A thread that comes to its safe point again and again, one that suspends it, and one that lets it go on."""

from emu.hot import entry, hot
from emu.kernel.randomness import random_below
from emu.kernel.sched import block, pick_next, start_thread
from emu.kernel.states import BLOCKED, RUNNING, SLEEP_SUSPEND, SUSPEND_ASKED, SUSPENDED, state_of
from emu.kernel.suspend import is_suspended, resume_async, stop_here, suspend_async
from emu.kernel.wait import claim, prepare_sleep, reason_of, sleep_word
from emu.shm.atomics import compare_exchange, exchange, load_relaxed, load_seq_cst
from emu.shm.layout import machine_at
from tests.litmus.crew import LINE, OWN, STOP, dawdle, get_word, meet, over, result, set_word, spin, violation

THREAD, STOPPED = OWN, OWN + LINE


@hot
def _stop_badly(m, me, i):
    """Control: SUSPENDED before the sleep is declared, so that a resumer finds no sleep to end."""
    t = m.threads[i]
    if compare_exchange(t, "suspend", SUSPEND_ASKED, SUSPENDED):
        dawdle(random_below(m, me, 40))
        prepare_sleep(t, SLEEP_SUSPEND)
        block(m, me, i)


@hot
def _run(m, me, workers, count, bad):
    """The CPU: its thread is always between two safe points."""
    i = get_word(m, THREAD)
    m.threads[i].affinity = 1 << me
    start_thread(m, me, i)
    pick_next(m, me)
    meet(m, workers)
    stops = 0
    while stops < count and not over(m):
        dawdle(random_below(m, me, 4))
        if load_relaxed(m.threads[i], "suspend") == 0:
            continue
        stops += 1
        if bad:
            _stop_badly(m, me, i)
        else:
            stop_here(m, me, i)
        set_word(m, STOPPED, m.threads[i].sleep_sequence)  # it has told whom it had to tell
        spins = 0
        while state_of(m.threads[i]) != RUNNING and pick_next(m, me) != i and not over(m):
            spins = spin(spins)
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0
    set_word(m, STOP, 1)
    result(m, me, stops)


@entry(5)
def stopper(address, me, workers, count, waits):
    _run(machine_at(address), me, workers, count, False)
    return 0


@entry(5)
def bad_stopper(address, me, workers, count, waits):
    _run(machine_at(address), me, workers, count, True)
    return 0


@entry(5)
def suspender(address, me, workers, count, waits):
    """Suspends, waits to be told or does not, resumes. Who was let go on and still sleeps as suspended is lost."""
    m = machine_at(address)
    i = get_word(m, THREAD)
    t = m.threads[i]
    meet(m, workers)
    rounds = 0
    while not over(m):
        exchange(m.cpus[me], "pending", 0)
        if waits:
            exchange(t, "suspender", me + 1)
        suspend_async(m, me, i)
        spins = 0
        if waits:
            while not _is_told(m, me, t) and not over(m):
                spins = spin(spins)
        else:
            dawdle(random_below(m, me, 12))
        resume_async(m, me, i)
        word = sleep_word(t)
        if word != 0 and reason_of(word) == SLEEP_SUSPEND and load_seq_cst(t, "suspend") == 0:
            dawdle(200)
            if sleep_word(t) == word and state_of(t) == BLOCKED:  # else it has claimed its sleep itself
                violation(m)
                claim(t, word)
        spins = 0
        while state_of(t) != RUNNING and not over(m):
            spins = spin(spins)
        rounds += 1
        m.cpus[me].kicks = 0
    result(m, me, rounds)
    return 0


@hot
def _is_told(m, me, t):
    """Looks when it is interrupted, and not again where that was too early. Lost: all is done and nobody interrupts."""
    stopped = get_word(m, STOPPED)
    suspended = is_suspended(m, t)
    if exchange(m.cpus[me], "pending", 0) != 0:
        return is_suspended(m, t)
    if suspended and stopped == t.sleep_sequence:
        violation(m)
    return False
