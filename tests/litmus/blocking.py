"""A thread about to sleep in a system call, and an actor that has an event for it at that moment.

The CPU executes `_system_call` of its main loop, with a system call of this file that only declares a sleep.  The
poster has come too early to find the sleep, or comes while it is declared, or after.
"""

from emu.cpu_worker.loop import _system_call
from emu.hot import callback, entry, hot
from emu.kernel.actions import BLOCK
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import make_runnable, start_thread
from emu.kernel.task.records import create_task, end_task
from emu.kernel.task.siginfo import SI_USER, discard, siginfo
from emu.kernel.task.signals import signal_thread
from emu.kernel.task.suspend import suspend_async
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.references import KILLED
from emu.kernel.thread.sleep_word import claim, prepare_sleep, sleep_word
from emu.kernel.thread.states import RUNNING, SLEEP_EVENT, state_of
from emu.shm.atomics import exchange, fetch_and, store_relaxed
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.layout import machine_at
from emu.shm.memory import address_of, call_3
from emu.testing.crew import (
    LINE,
    OWN,
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

THREAD, ROUND, POSTED, SHOWN = (OWN + k * LINE for k in range(4))
SEEN = 100  # of the control's violations; then the test has looked well enough (waking.py)
SIGNAL, SUSPEND, KILL = range(3)
SIGUSR1 = 10


@callback(3)
def fall_asleep(address, me, i):
    """The system call."""
    prepare_sleep(machine_at(address).threads[i], SLEEP_EVENT)
    return BLOCK


@callback(3)
def fall_asleep_in_turn(address, me, i):
    """Every second sleep is a control's: declared by a plain store, which the processor may do after later loads."""
    m = machine_at(address)
    t = m.threads[i]
    slow_store(m, t.sleep_sequence)
    if t.sleep_sequence % 2 == 0:
        prepare_sleep(t, SLEEP_EVENT)
    else:
        t.sleep_sequence += 1
        store_relaxed(t, "sleep", (t.sleep_sequence << 8) | SLEEP_EVENT)
    return BLOCK


@hot
def _call_badly(m, me, i):
    """Control: `_system_call` that does not look for events once the sleep is declared."""
    if call_3(m.cpus[me].linux_call, address_of(m), me, i) == BLOCK:
        block(m, me, i)


@hot
def _forget(m, me, i):
    """The event is over: as if it had been taken."""
    t = m.threads[i]
    discard(m, me, t.task, t, -1)
    store_relaxed(t, "suspend", 0)
    exchange(m.tasks[t.task], "exiting", 0)
    fetch_and(m.tasks[t.task], "references", ~KILLED)
    t.restart = 0


@hot
def _is_awake(m, me, i):
    """Whether the thread runs again; what this CPU was told meanwhile does not matter."""
    return state_of(m.threads[i]) == RUNNING or pick_next(m, me) == i


@hot
def _sleep_in_rounds(m, me, workers, count, bad, in_turn):
    i = get_word(m, THREAD)
    t = m.threads[i]
    store_mask(t, "affinity", mask_of(me))
    start_thread(m, me, i)
    pick_next(m, me)
    prepare_slow_stores(m)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 12))
        if bad:
            _call_badly(m, me, i)
        else:
            _system_call(m, me, i)
        spins = 0
        while not _is_awake(m, me, i) and not over(m):
            posted = get_word(m, POSTED) == done
            word = sleep_word(t)
            if posted and word != 0:  # the poster is done with it, and it sleeps on
                if in_turn and t.sleep_sequence % 2 == 0:
                    shown(m, SHOWN, SEEN)
                else:
                    violation(m)
                if claim(t, word):
                    make_runnable(m, me, i)
            spins = spin(spins)
        spins = 0
        while get_word(m, POSTED) != done and not over(m):
            spins = spin(spins)
        _forget(m, me, i)
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0


@entry(5)
def _sleeper(address, me, workers, count, in_turn):
    _sleep_in_rounds(machine_at(address), me, workers, count, False, in_turn != 0)
    return 0


@entry(5)
def _bad_sleeper(address, me, workers, count, in_turn):
    _sleep_in_rounds(machine_at(address), me, workers, count, True, False)
    return 0


SLEEPERS = {
    "sleeper": (_sleeper, fall_asleep), "bad": (_bad_sleeper, fall_asleep),
    "in turn": (_sleeper, fall_asleep_in_turn),
}  # fmt: skip


def run_sleeper(window, me, workers, kind, count):
    """In a process: the CPU's system call is one of this file."""
    sleeps, call = SLEEPERS[kind]
    window.machine["cpus"][me]["linux_call"] = call.address
    sleeps(window.address, me, workers, count, int(kind == "in turn"))


def sleeper(window, me, workers, directory, count, what):
    run_sleeper(window, me, workers, "sleeper", count)


def bad_sleeper(window, me, workers, directory, count, what):
    run_sleeper(window, me, workers, "bad", count)


def sleeper_in_turn(window, me, workers, directory, count, what):
    run_sleeper(window, me, workers, "in turn", count)


@entry(5)
def poster(address, me, workers, count, what):
    m = machine_at(address)
    meet(m, workers)
    i = get_word(m, THREAD)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        while get_word(m, ROUND) < done and not over(m):
            sleep_word(m.threads[i])  # has the line, so that the sleeper's store takes its time
        dawdle(random_below(m, me, 12))
        if what == SIGNAL:
            siginfo(m, me, SIGUSR1, SI_USER, 0, 0)
            signal_thread(m, me, i, SIGUSR1)
        elif what == SUSPEND:
            suspend_async(m, me, i)
        else:
            end_task(m, me, m.threads[i].task, 0, 0)
        m.cpus[me].kicks = 0
        set_word(m, POSTED, done)
    return 0


def make_thread(window):
    """A thread of a task of its own, for CPU 0; its index. And here is compiled what the processes run."""
    for each in (fall_asleep, fall_asleep_in_turn, _sleeper, _bad_sleeper):
        each.compile()
    task = create_task(window.address, 0)
    return create_thread(window.address, 0, task)
