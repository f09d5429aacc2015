"""An owner that is released in each round, and another CPU that wakes it (kernel/upcalls/releasing.py)."""

from emu.hot import entry, hot
from emu.kernel.groups.records import (
    KSE_OWNER,
    WANTED_QUANTUM,
    WANTED_WAKEUP,
    join_group,
    lock_groups,
    new_group,
    new_upcall,
    unlock_groups,
)
from emu.kernel.sched.core import block
from emu.kernel.thread.sleep_word import reason_of, sleep_word
from emu.kernel.thread.states import RESTART_WOKEN, SLEEP_RELEASED
from emu.kernel.upcalls.boundary import at_boundary
from emu.kernel.upcalls.releasing import _find, _wake, release_owner, wake_owner
from emu.shm.atomics import exchange, fetch_or, load_seq_cst, store_relaxed
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, STOP, dawdle, get_word, over, result, set_word, spin, violation
from tests.litmus.mutexes import TASK, THREADS, _await_running, _begin

ROUND, OUT, TAKEN = (OWN + (40 + k) * LINE for k in range(3))
MAILBOX = 1 << 20


@hot
def _own_an_upcall(m, me, i):
    """Thread i, which runs here, owns the upcall of a group of its own."""
    t = m.threads[i]
    g = new_group(m, me, t.task)
    u = new_upcall(m, me, g, i)
    m.upcalls[u].mailbox = MAILBOX
    join_group(m, t, g, u, KSE_OWNER)
    return u


@entry(4)
def owner(address, me, workers, count):
    m = machine_at(address)
    i = _begin(m, me, workers)
    u = _own_an_upcall(m, me, i)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        set_word(m, ROUND, done)
        while release_owner(m, me, i, 0):
            block(m, me, i)
            if not _await_running(m, me, i):
                return 0
            m.threads[i].restart = 0
        exchange(m.upcalls[u], "wanted", 0)  # as the upcall does
        set_word(m, OUT, done)
    set_word(m, STOP, 1)
    return 0


@hot
def _wake_late(m, me):
    """Control: the owner is looked for, and then it is said that it is wanted."""
    lock_groups(m, me)
    u = _find(m, get_word(m, TASK), MAILBOX)
    if u >= 0:
        _wake(m, me, m.groups[m.upcalls[u].group].released, u)
        dawdle(20)
        fetch_or(m.upcalls[u], "wanted", WANTED_WAKEUP)
    unlock_groups(m, me)


@entry(4)
def waker(address, me, workers, late):
    """Each round the owner is woken once, before it sleeps or afterwards."""
    m = machine_at(address)
    _begin(m, me, workers)
    other = m.threads[get_word(m, THREADS)]
    done = 0
    while not over(m):
        done += 1
        spins = 0
        while get_word(m, ROUND) < done and not over(m):
            spins = spin(spins)
        if late != 0:
            _wake_late(m, me)
        else:
            wake_owner(m, me, get_word(m, TASK), MAILBOX)
        spins = 0
        while get_word(m, OUT) < done and not over(m):
            word = sleep_word(other)
            if word != 0 and reason_of(word) == SLEEP_RELEASED and other.restart == RESTART_WOKEN:
                if load_seq_cst(m.upcalls[0], "wanted") != 0 and sleep_word(other) == word:
                    violation(m)  # it sleeps, and has a reason not to
            spins = spin(spins)
        result(m, me, done)
    return 0


@hot
def _forget_quantum_plainly(m, u):
    """Control: what was read before is stored without the quantum, over what has come since."""
    wanted = load_seq_cst(m.upcalls[u], "wanted")
    dawdle(4)
    store_relaxed(m.upcalls[u], "wanted", wanted & WANTED_WAKEUP)


@entry(5)
def ticked_owner(address, me, workers, count, plainly):
    """The quantum of an owner that runs is over all the time, and is no matter, since the library runs."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    u = _own_an_upcall(m, me, i)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        set_word(m, ROUND, done)
        while load_seq_cst(m.upcalls[u], "wanted") & WANTED_WAKEUP == 0 and not over(m):
            fetch_or(m.upcalls[u], "wanted", WANTED_QUANTUM)
            if plainly != 0:
                _forget_quantum_plainly(m, u)
            else:
                at_boundary(m, me, i)
        set_word(m, TAKEN, done)
        exchange(m.upcalls[u], "wanted", 0)  # a full fence: who finds it 0 finds the word above
        set_word(m, OUT, done)
    set_word(m, STOP, 1)
    return 0


@entry(3)
def waker_of_one_that_runs(address, me, workers):
    """Each round the owner is woken once; its wish stays until the owner has seen it."""
    m = machine_at(address)
    _begin(m, me, workers)
    done = 0
    while not over(m):
        done += 1
        spins = 0
        while get_word(m, ROUND) < done and not over(m):
            spins = spin(spins)
        wake_owner(m, me, get_word(m, TASK), MAILBOX)
        while get_word(m, OUT) < done and not over(m):
            wanted = load_seq_cst(m.upcalls[0], "wanted")
            if wanted & WANTED_WAKEUP == 0 and get_word(m, TAKEN) < done:
                violation(m)
        result(m, me, done)
    return 0
