"""A thread that waits for two words at once, again and again, against who changes one of them and wakes.

`mover` moves its place at the other word to a third one and back while whoever wakes it takes it out.  On a host with
few cores it seldom runs while the waiter sleeps, so the rounds go on until it has moved enough.
"""

from emu.abi.registers import A0
from emu.hot import entry, hot
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import make_runnable, start_thread
from emu.kernel.sleep.futex import MATCH_ANY, requeue, wake_on
from emu.kernel.sleep.futex_key import bucket_of, key_of, lock_bucket, unlock_bucket
from emu.kernel.sleep.futex_vector import (
    _free,
    _take_out,
    add_word,
    begin_vector,
    free_vectors,
    mark_vector,
    sleep_on_vector,
    take_vector,
)
from emu.kernel.thread.sleep_word import hand_over, prepare_sleep, sleep_word, take
from emu.kernel.thread.states import SLEEP_VECTOR
from emu.shm.atomics import load_acquire
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.exits import ACCESS_WRITE
from emu.shm.layout import machine_at
from emu.shm.memory import load_s32, store_32
from emu.testing.crew import LINE, dawdle, get_word, meet, over, result, set_word, spin, violation
from tests.kernel.guest_words import user_address
from tests.litmus.futexes import OTHER, ROUND, THIRD, THREAD, VA, WOKEN

MOVED = WOKEN + LINE
LEAST_MOVED = 100
NO_MORE = -1  # in ROUND: the waiter has ended


@hot
def _address(done, only):
    """Which of the two words the waker changes in a round; `only`: always the same."""
    return VA if done & 1 or only else OTHER


@hot
def _wait(m, me, i, first, second, bad):
    """Sleep until a word has another value than given; whether the thread sleeps."""
    sleep = begin_vector(m, i, False)
    error = add_word(m, me, i, sleep, 0, VA, first, 1)
    if error == 0:
        error = add_word(m, me, i, sleep, 1, OTHER, second, 1)
    if error != 0:
        free_vectors(m, me, i)
        return False
    if bad:  # control: nobody looks whether a waker came before the sleep was declared
        dawdle(random_below(m, me, 8))
        prepare_sleep(m.threads[i], SLEEP_VECTOR)
        return True
    return sleep_on_vector(m, me, i, 0) < 0


@hot
def _wait_in_rounds(m, me, workers, count, only, bad):
    i = get_word(m, THREAD)
    t = m.threads[i]
    store_mask(t, "affinity", mask_of(me))
    start_thread(m, me, i)
    pick_next(m, me)
    va_host = user_address(m, me, t.task, VA, ACCESS_WRITE)
    other_host = user_address(m, me, t.task, OTHER, ACCESS_WRITE)
    store_32(va_host, 0)
    store_32(other_host, 0)
    meet(m, workers)
    done = 0
    while (done < count or only and get_word(m, MOVED) < LEAST_MOVED) and not over(m):
        first, second = load_s32(va_host), load_s32(other_host)
        set_word(m, ROUND, done + 1)
        dawdle(random_below(m, me, 8))
        if _wait(m, me, i, first, second, bad) and block(m, me, i):
            spins = 0
            while pick_next(m, me) != i and not over(m):
                woken = get_word(m, WOKEN)
                word = sleep_word(t)
                if woken == done + 1 and word != 0:  # a word has changed, the waker is done, and it sleeps
                    violation(m)
                spins = spin(spins)
            if not over(m) and t.x[A0] != (0 if _address(done, only) == VA else 1):
                violation(m)
        if not over(m) and t.first_vector != 0:
            violation(m)
        spins = 0
        while get_word(m, WOKEN) != done + 1 and not over(m):
            spins = spin(spins)
        done += 1
        result(m, me, done)
    word = sleep_word(t)
    if word != 0:  # the run was ended in the middle of a round
        take_vector(m, me, i, word)
    set_word(m, ROUND, NO_MORE)


@entry(4)
def waiter(address, me, workers, count):
    _wait_in_rounds(machine_at(address), me, workers, count, False, False)
    return 0


@entry(4)
def waiter_of_one(address, me, workers, count):
    _wait_in_rounds(machine_at(address), me, workers, count, True, False)
    return 0


@entry(4)
def bad_waiter(address, me, workers, count):
    _wait_in_rounds(machine_at(address), me, workers, count, False, True)
    return 0


@hot
def _free_looking_once(m, me, i):
    """Control: a record that has been moved before its bucket's lock is had would be freed while it is listed."""
    t = m.threads[i]
    r = t.first_vector - 1
    t.first_vector = 0
    while r >= 0:
        v = m.vectors[r]
        following = v.next_of_thread - 1
        b = load_acquire(v, "bucket")
        dawdle(random_below(m, me, 8))
        if b >= 0:
            lock_bucket(m, me, b)
            if v.bucket == b:
                _take_out(m, b, r)
            unlock_bucket(m, me, b)
        if load_acquire(v, "bucket") >= 0:
            violation(m)
        else:
            _free(m, me, r)
        r = following


@hot
def _wake_looking_once(m, me, task, va):
    _, space, address = key_of(m, me, task, va, 1)
    b = bucket_of(space, address)
    lock_bucket(m, me, b)
    i, sleep, position = mark_vector(m, me, b, space, address)
    unlock_bucket(m, me, b)
    if i >= 0 and take(m.threads[i], sleep):
        _free_looking_once(m, me, i)
        m.threads[i].x[A0] = position
        hand_over(m.threads[i])
        make_runnable(m, me, i)


@hot
def _next_round(m, done):
    """Wait until the waiter's next round begins; False when there is none."""
    while get_word(m, ROUND) != done + 1 and not over(m):
        if get_word(m, ROUND) == NO_MORE:
            return False
    return not over(m)


@hot
def _wake_in_rounds(m, me, workers, count, only, bad):
    meet(m, workers)
    task = m.threads[get_word(m, THREAD)].task
    done = 0
    while _next_round(m, done):
        host = user_address(m, me, task, _address(done, only), ACCESS_WRITE)
        dawdle(random_below(m, me, 16))
        store_32(host, load_s32(host) + 1)
        if bad:
            _wake_looking_once(m, me, task, _address(done, only))
        else:
            wake_on(m, me, task, _address(done, only), 1, MATCH_ANY, 1)
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)
        set_word(m, WOKEN, done)


@entry(4)
def waker(address, me, workers, count):
    _wake_in_rounds(machine_at(address), me, workers, count, False, False)
    return 0


@entry(4)
def waker_of_one(address, me, workers, count):
    _wake_in_rounds(machine_at(address), me, workers, count, True, False)
    return 0


@entry(4)
def bad_waker_of_one(address, me, workers, count):
    _wake_in_rounds(machine_at(address), me, workers, count, True, True)
    return 0


@entry(4)
def mover(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    task = m.threads[get_word(m, THREAD)].task
    moved = 0
    while get_word(m, ROUND) != NO_MORE and not over(m):
        moved += max(requeue(m, me, task, OTHER, THIRD, 0, 1, False, 0, 1), 0)
        result(m, me, moved)
        set_word(m, MOVED, moved)
        requeue(m, me, task, THIRD, OTHER, 0, 1, False, 0, 1)
    return 0
