"""A PI futex that is handed over while its waiter gives up: it never belongs to who has left, nor to two.

One CPU owns and unlocks, the other waits; a third ends the wait as a time-out or a kill would.  What pi_futex.py says
is always true each looks at about itself: it owns the word when its call says so, and only then.
"""

from emu.abi.futex import TID_MASK
from emu.abi.registers import A0
from emu.hot import entry, hot
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import start_thread
from emu.kernel.sleep.endings import finish, interrupt_sleep
from emu.kernel.sleep.futex import remove_waiter
from emu.kernel.sleep.inheritance import stop_waiting
from emu.kernel.sleep.pi_futex import WAITS, lock_pi, unlock_pi
from emu.kernel.task.records import create_task
from emu.kernel.thread.handles import tid_of
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.sleep_word import sleep_word, take
from emu.kernel.vm.address_space import map_region
from emu.shm.atomics import load_relaxed, load_seq_cst
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.exits import ACCESS_WRITE
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield, load_s32
from emu.testing.crew import DONE, LINE, OWN, dawdle, get_word, meet, over, result, set_word, spin, violation
from tests.kernel.guest_words import user_address

THREADS = OWN  # a line for each CPU
VA = 0x10000


def prepare(window, crew_words, cpus):
    """A thread for each CPU, all of one task."""
    task = create_task(window.address, 0)
    assert map_region(window.address, 0, task, VA, 4096, 3) == 0
    for cpu in range(cpus):
        crew_words[THREADS + cpu * LINE] = create_thread(window.address, 0, task)


@hot
def _begin(m, me, workers):
    i = get_word(m, THREADS + me * LINE)
    store_mask(m.threads[i], "affinity", mask_of(me))
    start_thread(m, me, i)
    pick_next(m, me)
    host = user_address(m, me, m.threads[i].task, VA, ACCESS_WRITE)
    meet(m, workers)
    return i, host


@hot
def _lock(m, me, i, va):
    """Lock the word, asleep meanwhile if need be; what the call says."""
    answer = lock_pi(m, me, i, va, 0, 1, False)
    if answer != WAITS:
        return answer
    if block(m, me, i):
        spins = 0
        while pick_next(m, me) != i and not over(m):
            m.cpus[me].kicks = 0
            spins = spin(spins)
    return m.threads[i].x[A0]


@entry(4)
def user(address, me, workers, count):
    """Lock, look, unlock, again and again."""
    m = machine_at(address)
    i, host = _begin(m, me, workers)
    t = m.threads[i]
    done = 0
    while done < count and not over(m):
        answer = _lock(m, me, i, VA)
        if over(m):
            break
        mine = load_s32(host) & TID_MASK == tid_of(m, i)
        if mine != (answer == 0) or load_seq_cst(t, "bucket") != -1 or t.waits_for != 0:
            violation(m)
            break
        if answer == 0:
            dawdle(random_below(m, me, 8))
            if unlock_pi(m, me, i, VA, 1) != 0:
                violation(m)
        t.restart = 0
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)
    set_word(m, DONE, 1)
    return 0


@hot
def _take_badly(m, me, i):
    """Control: a waiter gives up without the lock of its bucket, under which the word is handed over."""
    word = sleep_word(m.threads[i])
    if word == 0 or load_relaxed(m.threads[i], "bucket") < 0:
        return
    for _ in range(random_below(m, me, 4)):
        host_yield()
    if take(m.threads[i], word):
        remove_waiter(m, i)
        stop_waiting(m, me, i)
        finish(m, me, i, -11)


@hot
def _give_up_in_rounds(m, me, workers, bad):
    meet(m, workers)
    while get_word(m, DONE) == 0 and not over(m):
        i = get_word(m, THREADS + random_below(m, me, workers - 1) * LINE)
        if bad:
            _take_badly(m, me, i)
        else:
            interrupt_sleep(m, me, i)
        m.cpus[me].kicks = 0
        host_yield()


@entry(4)
def interrupter(address, me, workers, count):
    _give_up_in_rounds(machine_at(address), me, workers, False)
    return 0


@entry(4)
def bad_interrupter(address, me, workers, count):
    _give_up_in_rounds(machine_at(address), me, workers, True)
    return 0
