"""A thread that comes to its safe point again and again, one that suspends it, and one that lets it go on."""

from emu.hot import entry, hot
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import start_thread
from emu.kernel.task.suspend import NOBODY, is_suspended, resume_async, stop_here, suspend_async, tell_suspender
from emu.kernel.thread.sleep_word import claim, prepare_sleep, reason_of, sleep_word
from emu.kernel.thread.states import BLOCKED, RUNNING, SLEEP_SUSPEND, SUSPEND_ASKED, SUSPENDED, state_of, where_state
from emu.shm.atomics import compare_exchange, exchange, load_relaxed, load_seq_cst, pause
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, STOP, dawdle, get_word, meet, over, result, set_word, spin, violation

THREAD, STOPPED = OWN, OWN + LINE
GOOD, SUSPENDED_FIRST, TELLS_WHOEVER_IS_THERE = range(3)


@hot
def _stop_badly(m, me, i):
    """Control: SUSPENDED before the sleep is declared, so a resumer, for whom it waits here, finds no sleep to end."""
    t = m.threads[i]
    if compare_exchange(t, "suspend", SUSPEND_ASKED, SUSPENDED):
        spins = 0
        while load_seq_cst(t, "suspend") == SUSPENDED and not over(m):
            spins = spin(spins)
        prepare_sleep(t, SLEEP_SUSPEND)
        block(m, me, i)


@hot
def _tell_whoever_is_there(m, me, i):
    """Control: who asks after the thread was resumed is told at this stop, of which the thread was woken already.

    It is held up until somebody has asked, so it happens in each round that begins with nobody.
    """
    t = m.threads[i]
    nobody = load_seq_cst(t, "suspender") == NOBODY
    prepare_sleep(t, SLEEP_SUSPEND)
    compare_exchange(t, "suspend", SUSPEND_ASKED, SUSPENDED)
    spins = 0
    while nobody and load_seq_cst(t, "suspender") == NOBODY and not over(m):
        spins = spin(spins)
    block(m, me, i)
    tell_suspender(m, me, i, 0, NOBODY)


@hot
def _run(m, me, workers, count, how):
    """The CPU: its thread is always between two safe points."""
    i = get_word(m, THREAD)
    store_mask(m.threads[i], "affinity", mask_of(me))
    start_thread(m, me, i)
    pick_next(m, me)
    meet(m, workers)
    stops = 0
    while stops < count and not over(m):
        dawdle(random_below(m, me, 4))
        if load_relaxed(m.threads[i], "suspend") == 0:
            continue
        stops += 1
        result(m, me, stops)
        if how == SUSPENDED_FIRST:
            _stop_badly(m, me, i)
        elif how == TELLS_WHOEVER_IS_THERE:
            _tell_whoever_is_there(m, me, i)
        else:
            stop_here(m, me, i)
        set_word(m, STOPPED, m.threads[i].sleep_sequence)  # it has told whom it had to tell
        spins = 0
        while state_of(m.threads[i]) != RUNNING and pick_next(m, me) != i and not over(m):
            spins = spin(spins)
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0
    set_word(m, STOP, 1)


@entry(5)
def stopper(address, me, workers, count, waits):
    _run(machine_at(address), me, workers, count, GOOD)
    return 0


@entry(5)
def stopper_suspended_first(address, me, workers, count, waits):
    _run(machine_at(address), me, workers, count, SUSPENDED_FIRST)
    return 0


@entry(5)
def stopper_that_tells_whoever_is_there(address, me, workers, count, waits):
    _run(machine_at(address), me, workers, count, TELLS_WHOEVER_IS_THERE)
    return 0


@hot
def _look_for_loss(m, t):
    """A thread that was resumed and sleeps as suspended is lost."""
    word = sleep_word(t)
    if word != 0 and reason_of(word) == SLEEP_SUSPEND and load_seq_cst(t, "suspend") == 0:
        dawdle(200)
        if sleep_word(t) == word and state_of(t) == BLOCKED:  # else it has claimed its sleep itself
            violation(m)
            claim(t, word)


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
        spins = 0
        while (state_of(t) != RUNNING or sleep_word(t) != 0) and not over(m):
            _look_for_loss(m, t)
            spins = spin(spins)
        rounds += 1
        result(m, me, rounds)
        m.cpus[me].kicks = 0
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


@entry(5)
def impatient(address, me, workers, count, waits):
    """Suspends, resumes as soon as the thread is marked, often before it sleeps, and suspends again and waits.

    Nobody else resumes, so once it is told the thread is suspended.
    """
    m = machine_at(address)
    i = get_word(m, THREAD)
    t = m.threads[i]
    meet(m, workers)
    rounds = 0
    while not over(m):
        suspend_async(m, me, i)
        while load_seq_cst(t, "suspend") != SUSPENDED and not over(m):
            pause()
        resume_async(m, me, i)
        exchange(m.cpus[me], "pending", 0)
        exchange(t, "suspender", me + 1)
        suspend_async(m, me, i)
        _await_the_next_stop(m, me, t)
        resume_async(m, me, i)
        spins = 0
        while where_state(load_seq_cst(t, "where")) != RUNNING and not over(m):
            spins = spin(spins)
        m.cpus[me].kicks = 0
        rounds += 1
        result(m, me, rounds)
    return 0


@hot
def _await_the_next_stop(m, me, t):
    spins = 0
    while not over(m):
        stopped = get_word(m, STOPPED)
        suspended = is_suspended(m, t)
        told = exchange(m.cpus[me], "pending", 0) != 0
        if told and not is_suspended(m, t):
            violation(m)  # too early
        elif not told and suspended and stopped == t.sleep_sequence:
            violation(m)  # it has stopped, and told nobody
        if told:
            break
        spins = spin(spins)
