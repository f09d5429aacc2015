"""One CPU that looks once more and goes to sleep, and one that has something for it at that moment.

In shared memory alone: whoever is owed a message is taken to have got it, so there are a hundred times as many
rounds as with ZeroMQ (parking.py), enough to see a processor carry out a store after a later load.  Nothing is
decided by time: the sender says when it is done, and a sleeper that nobody has woken by then is lost.

How often two cores meet in the few nanoseconds that matter depends on what else the host does.  So rounds of the
kernel's own code take turns with rounds of the same code without its fence, whose violations are counted apart: the
test goes on until it has seen SEEN of those, and so has looked well enough.
"""

from emu.cpu_worker.loop import PARK, _park
from emu.hot import entry, hot
from emu.kernel.ipi import AWAKE, MESSAGE_COMING, PARKED, cancel_park, mark_parked, send_ipi
from emu.kernel.sched.announcing import wake_idle
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.local_queue import available
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.runqueue import lock_queue, unlock_queue
from emu.kernel.sched.waking import make_runnable, start_thread
from emu.kernel.thread.records import allocate_thread
from emu.kernel.thread.sleep_word import claim, prepare_sleep, sleep_word
from emu.kernel.thread.states import SLEEP_EVENT, queue_of
from emu.limits import IPI_CALL
from emu.shm.atomics import compare_exchange, exchange, fetch_or, load_relaxed, load_seq_cst, store_relaxed
from emu.shm.cpumask import clear_cpu, has_cpu, mask_above, mask_minus, mask_of, set_cpu, store_mask
from emu.shm.layout import machine_at
from emu.testing.crew import (
    LINE,
    OWN,
    add_word,
    dawdle,
    get_word,
    meet,
    over,
    prepare_slow_stores,
    result,
    set_word,
    shown,
    slow_store,
    spin,
    violation,
)

ROUND, SENT, THREAD, CONSUMED, SHOWN = (OWN + k * LINE for k in range(5))
SEEN = 200
TARGET = 0
REAL, UNFENCED, ONE_LOOK, LOOKED_BEFORE, IN_TURN, LOOKS_IN_TURN = range(6)  # the last two: REAL, and a control


@hot
def this_round(how, number):
    """Which code a round is about."""
    if how < IN_TURN:
        return how
    if number % 2 == 0:
        return REAL
    return UNFENCED if how == IN_TURN else LOOKED_BEFORE


@hot
def lost(m, how, now):
    """A round has gone wrong; a control's round only counts."""
    if how < IN_TURN or now == REAL:
        violation(m)
    else:
        shown(m, SHOWN, SEEN)


# --- parking against an interrupt -----------------------------------------------------------------


@hot
def _park_unfenced(m, me):
    """Control: `parked` is set by a plain store."""
    store_relaxed(m.cpus[me], "parked", PARKED)
    return PARK if load_seq_cst(m.cpus[me], "pending") == 0 or not cancel_park(m, me) else 0


@hot
def _park_after_one_look(m, me):
    """Control: interrupts are looked for before `parked` is set, and not after."""
    if load_seq_cst(m.cpus[me], "pending") != 0:
        return 0
    mark_parked(m, me)
    return PARK


@hot
def _send_after_a_look(m, me):
    """Control: whether the target is parked is looked at before its bit is set."""
    t = m.cpus[TARGET]
    parked = load_seq_cst(t, "parked")
    fetch_or(t, "pending", IPI_CALL)
    if parked == PARKED:
        compare_exchange(t, "parked", PARKED, MESSAGE_COMING)


@entry(5)
def parker(address, me, workers, count, how):
    m = machine_at(address)
    c = m.cpus[me]
    prepare_slow_stores(m)
    meet(m, workers)
    done = 0
    consumed = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 8))
        now = this_round(how, done)
        slow_store(m, done)
        if now == UNFENCED:
            doing = _park_unfenced(m, me)
        elif now == ONE_LOOK:
            doing = _park_after_one_look(m, me)
        else:
            doing = _park(m, me)
        spins = 0
        while doing == PARK and not over(m):  # until the message comes
            sent = get_word(m, SENT) == done
            if load_seq_cst(c, "parked") == MESSAGE_COMING:
                consumed += 1
                break
            if sent:
                lost(m, how, now)
                break
            spins = spin(spins)
        while get_word(m, SENT) != done and not over(m):
            spins = spin(spins)
        exchange(c, "parked", AWAKE)
        exchange(c, "pending", 0)
    set_word(m, CONSUMED, consumed)
    return 0


@entry(5)
def sender(address, me, workers, count, how):
    m = machine_at(address)
    t = m.cpus[TARGET]
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        while get_word(m, ROUND) < done and not over(m):
            load_relaxed(t, "parked")  # has the line, so that the target's store takes its time
        dawdle(random_below(m, me, 8))
        if this_round(how, done) == LOOKED_BEFORE:
            _send_after_a_look(m, me)
        else:
            send_ipi(m, me, TARGET, IPI_CALL)
        m.cpus[me].kicks = 0
        set_word(m, SENT, done)
    return 0


# --- the idle mask against a thread that becomes runnable ------------------------------------------


@hot
def _announce_unfenced(m, me, i, number):
    """Control: `make_runnable` and `announce` without the fence between."""
    queue = queue_of(m.threads[i])
    lock_queue(m, me, queue)
    slow_store(m, number)  # as slow_queue.py
    m.queues[queue].nr_runnable = 1
    unlock_queue(m, me, queue)
    if has_cpu(m, "idle", queue):
        wake_idle(m, me, mask_of(queue))


@entry(5)
def idler(address, me, workers, count, how):
    """Sets its bit, looks once, and sleeps; it has one thread, which the other wakes."""
    m = machine_at(address)
    c = m.cpus[me]
    i = allocate_thread(m, me, 0)
    store_mask(m.threads[i], "affinity", mask_of(me))
    start_thread(m, me, i)
    pick_next(m, me)
    set_word(m, THREAD, i)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        now = this_round(how, done)
        if now == REAL:
            prepare_sleep(m.threads[i], SLEEP_EVENT)
            block(m, me, i)
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 60))  # the waker has a lock to take first
        set_cpu(m, "idle", me)  # as _idle
        asleep = available(m, me) == 0
        spins = 0
        while asleep and not over(m):
            sent = get_word(m, SENT) == done
            if load_seq_cst(c, "pending") != 0:
                break
            if sent:
                lost(m, how, now)
                break
            spins = spin(spins)
        clear_cpu(m, "idle", me)
        while get_word(m, SENT) != done and not over(m):
            spins = spin(spins)
        exchange(c, "pending", 0)
        if now == REAL:
            while pick_next(m, me) != i and not over(m):
                spins = spin(spins)
        else:
            m.queues[me].nr_runnable = 0
    return 0


@entry(5)
def waker(address, me, workers, count, how):
    m = machine_at(address)
    prepare_slow_stores(m)
    meet(m, workers)
    i = get_word(m, THREAD)
    t = m.threads[i]
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        while get_word(m, ROUND) < done and not over(m):
            has_cpu(m, "idle", 0)  # has the line, as the idle CPU has its queue's
        dawdle(random_below(m, me, 8))
        if this_round(how, done) == REAL:
            claim(t, sleep_word(t))
            make_runnable(m, me, i)
        else:
            _announce_unfenced(m, me, i, done)
        m.cpus[me].kicks = 0
        set_word(m, SENT, done)
    return 0


# --- two senders to one CPU -------------------------------------------------------------------------

SLEEPER = 2  # a CPU that is played by nobody


@hot
def _send_by_store(m, me):
    """Control: who has seen the CPU parked stores that a message comes, whoever has done so meanwhile."""
    t = m.cpus[SLEEPER]
    fetch_or(t, "pending", IPI_CALL)
    if load_seq_cst(t, "parked") == PARKED:
        exchange(t, "parked", MESSAGE_COMING)
        m.cpus[me].kicked[0] = SLEEPER
        m.cpus[me].kicks = 1


@entry(5)
def send_together(address, me, workers, count, how):
    """In each round all workers interrupt the parked CPU, and one of them owes it a message."""
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        now = this_round(how, done)
        if me == 0:
            set_word(m, SENT, 0)
            exchange(m.cpus[SLEEPER], "parked", PARKED)
        if not meet(m, workers):
            break
        if now == REAL:
            send_ipi(m, me, SLEEPER, IPI_CALL)
        else:
            _send_by_store(m, me)
        if m.cpus[me].kicks != 0:
            add_word(m, SENT, 1)
        m.cpus[me].kicks = 0
        if not meet(m, workers):
            break
        if me == 0 and get_word(m, SENT) != 1:
            lost(m, how, now)
        done += 1
        result(m, me, done)
    return 0


# --- two wakers that each have a thread for an idle CPU ---------------------------------------------


@hot
def played_by_nobody():
    """CPUs 2 to 5."""
    return mask_minus(mask_above(1), mask_above(5))


@hot
def _wake_badly(m, me):
    """Control: the first idle CPU's bit is looked at, and then cleared."""
    for cpu in range(2, 6):
        if has_cpu(m, "idle", cpu):
            clear_cpu(m, "idle", cpu)
            return


@entry(5)
def wake_one_each(address, me, workers, count, bad):
    """In each round every worker wakes one CPU, and all are different ones."""
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        if me == 0:
            store_mask(m, "idle", played_by_nobody())
        if not meet(m, workers):
            break
        if bad:
            _wake_badly(m, me)
        else:
            wake_idle(m, me, played_by_nobody())
        m.cpus[me].kicks = 0
        if not meet(m, workers):
            break
        left = 0
        for cpu in range(2, 6):
            left += 1 if has_cpu(m, "idle", cpu) else 0
        if left != 4 - workers:
            violation(m)
        if not meet(m, workers):
            break
        done += 1
        result(m, me, done)
    return 0
