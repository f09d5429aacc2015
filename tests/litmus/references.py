"""Actors that retain, hold, release, unhold and kill one task at random: it is reaped once, and never while in use."""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.thread.references import (
    HOLDS,
    KILLED,
    ONE_RETAIN,
    begin_references,
    hold_task,
    kill_references,
    release_task,
    retain_task,
    unhold_task,
)
from emu.shm.atomics import load_relaxed, load_seq_cst, store_relaxed
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, add_word, dawdle, get_word, meet, over, result, set_word, violation

USERS = OWN  # how many actors are between a successful retain or hold and its end
KILLERS = OWN + LINE  # kills that counted, this round
REAPED = OWN + 2 * LINE  # requests in the server's ring when the round began


@hot
def _reaped(m):
    return load_seq_cst(m, "server_head") - get_word(m, REAPED)


@hot
def _use(m, me, is_hold):
    """What is done between: the task's records must not be given to the garbage thread meanwhile."""
    add_word(m, USERS, 1)
    dawdle(random_below(m, me, 8))
    if _reaped(m) != 0:
        violation(m)
    add_word(m, USERS, -1)
    if is_hold:
        unhold_task(m, me, 0)
    else:
        release_task(m, me, 0)


@hot
def _round(m, me, steps):
    for _ in range(steps):
        what = random_below(m, me, 16)
        if what < 7:
            killed_before = load_seq_cst(m.tasks[0], "references") & KILLED
            if hold_task(m, 0):
                if killed_before:
                    violation(m)  # a killed task was held
                _use(m, me, True)
        elif what < 15:
            before = load_seq_cst(m.tasks[0], "references")
            if retain_task(m, 0):
                if before & KILLED and before & HOLDS == 0:
                    violation(m)  # a killed task that nobody holds was retained
                _use(m, me, False)
        elif kill_references(m, me, 0):
            add_word(m, KILLERS, 1)


@hot
def _end_round(m, me, workers):
    """The maker gives up its reference while another kills the task, where nobody has yet: either may come first."""
    dawdle(random_below(m, me, 8))
    if me == 0:
        if _reaped(m) != 0:
            violation(m)  # while the maker's own reference was still there
        release_task(m, me, 0)
    elif me == workers - 1 and get_word(m, KILLERS) == 0 and kill_references(m, me, 0):
        add_word(m, KILLERS, 1)


@entry(4)
def use_and_kill(address, me, workers, count):
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        if me == 0:
            set_word(m, KILLERS, 0)
            set_word(m, REAPED, load_relaxed(m, "server_head"))
            begin_references(m, 0)
        if not meet(m, workers):
            break
        _round(m, me, done % 21)
        if not meet(m, workers):
            break
        _end_round(m, me, workers)
        if not meet(m, workers):
            break
        if me == 0 and (_reaped(m) != 1 or get_word(m, KILLERS) != 1):
            violation(m)
        done += 1
        result(m, me, done)
    m.cpus[me].kicks = 0
    return 0


@hot
def _release_badly(m, me):
    """Control: the count falls by a load and a store."""
    word = load_relaxed(m.tasks[0], "references")
    dawdle(1)
    store_relaxed(m.tasks[0], "references", word - ONE_RETAIN)


@entry(4)
def release_badly(address, me, workers, count):
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        if me == 0:
            begin_references(m, 0)
        if not meet(m, workers):
            break
        for _ in range(20):
            if retain_task(m, 0):
                _release_badly(m, me)
        if not meet(m, workers):
            break
        if me == 0 and load_relaxed(m.tasks[0], "references") != ONE_RETAIN:
            violation(m)
        done += 1
        result(m, me, done)
        if not meet(m, workers):
            break
    return 0
