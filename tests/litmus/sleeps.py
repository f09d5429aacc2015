"""One thread that sleeps again and again, and several CPUs that want to wake it."""

from emu.abi.errno import ERESTARTSYS
from emu.abi.registers import A0
from emu.hot import entry, hot
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.hooks import ENQUEUE_WAKE
from emu.kernel.sched.local_queue import place_on
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.runqueue import QUEUES_LOCK_FREE, lock_queue, unlock_queue
from emu.kernel.sched.waking import make_runnable, start_thread
from emu.kernel.sleep.endings import interrupt_sleep
from emu.kernel.thread.records import allocate_thread
from emu.kernel.thread.sleep_word import claim, claimed, is_claimed, prepare_sleep, sleep_word
from emu.kernel.thread.states import (
    BLOCKED,
    SLEEP_SERVER,
    SLEEP_TIME,
    SLEEP_TIMED,
    exchange_where,
    queue_of,
    set_where,
    state_of,
)
from emu.shm.atomics import compare_exchange, load_relaxed, load_seq_cst, store_relaxed
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.events import WAKE
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield, monotonic_ns
from emu.testing.crew import DONE, LINE, OWN, add_word, dawdle, get_word, meet, over, result, set_word, spin, violation

THREAD, CLAIMS, WINNER = OWN, OWN + LINE, OWN + 2 * LINE
LOST_NS = 300_000_000  # a control's wake-up that takes longer is lost


@hot
def become_the_sleeper(m, me):
    """This CPU runs a thread, which the others find in THREAD."""
    i = allocate_thread(m, me, 0)
    store_mask(m.threads[i], "affinity", mask_of(me))
    start_thread(m, me, i)
    set_word(m, THREAD, pick_next(m, me))
    return i


@hot
def wait_until_picked(m, me, i, bad=False):
    """After the thread left its CPU: until it runs again; False when the run is over first."""
    give_up_ns = monotonic_ns() + LOST_NS
    spins = 0
    while pick_next(m, me) != i:
        spins = spin(spins)
        if bad and monotonic_ns() > give_up_ns:
            violation(m)
        if over(m):
            return False
    return True


@hot
def _block_badly(m, me, i):
    """Control: `block` that does not look whether the sleep was claimed meanwhile."""
    if m.queue_kind == QUEUES_LOCK_FREE:
        m.cpus[me].current = -1
        exchange_where(m, m.threads[i], BLOCKED, me)
        return
    lock_queue(m, me, me)
    m.cpus[me].current = -1
    set_where(m, m.threads[i], BLOCKED, me)
    unlock_queue(m, me, me)


@hot
def _sleep_again_and_again(m, me, workers, count, bad, pauses):
    """On its way to sleep it lets time go by, `pauses` every other time."""
    i = become_the_sleeper(m, me)
    meet(m, workers)
    done = 0
    stayed = 0
    while done < count and not over(m):
        prepare_sleep(m.threads[i], SLEEP_TIME)
        dawdle(random_below(m, me, 8) + random_below(m, me, 2) * pauses)
        slept = True
        if bad:
            _block_badly(m, me, i)
        else:
            slept = block(m, me, i)
        if slept:
            if not wait_until_picked(m, me, i, bad):
                break
        else:
            stayed += 1
        done += 1
        result(m, me, done)
    set_word(m, DONE, 1)
    set_word(m, WINNER, stayed)


@entry(4)
def sleeper(address, me, workers, count):
    _sleep_again_and_again(machine_at(address), me, workers, count, False, 0)
    return 0


@entry(4)
def slow_sleeper(address, me, workers, count):
    _sleep_again_and_again(machine_at(address), me, workers, count, False, 100)
    return 0


@entry(4)
def bad_sleeper(address, me, workers, count):
    _sleep_again_and_again(machine_at(address), me, workers, count, True, 0)
    return 0


@entry(4)
def waker(address, me, workers, count):
    """Claims whatever sleep it sees; the winner makes the thread runnable."""
    m = machine_at(address)
    meet(m, workers)
    i = get_word(m, THREAD)
    t = m.threads[i]
    spins = 0
    while get_word(m, DONE) == 0 and not over(m):
        word = sleep_word(t)
        if word == 0:
            spins = spin(spins)
        else:
            spins = 0
            dawdle(random_below(m, me, 8))
            if claim(t, word):
                add_word(m, CLAIMS, 1)
                make_runnable(m, me, i)
    return 0


@entry(4)
def bad_waker(address, me, workers, count):
    """Control: claims by looking and then storing, so several may win."""
    m = machine_at(address)
    meet(m, workers)
    i = get_word(m, THREAD)
    t = m.threads[i]
    spins = 0
    while get_word(m, DONE) == 0 and not over(m):
        word = sleep_word(t)
        if word == 0:
            spins = spin(spins)
        else:
            spins = 0
            dawdle(random_below(m, me, 8))
            if load_seq_cst(t, "sleep") == word:
                dawdle(20)
                store_relaxed(t, "sleep", claimed(word))
                if add_word(m, CLAIMS, 1) >= t.sleep_sequence:
                    violation(m)
                make_runnable(m, me, i)
    return 0


@hot
def _wake_late(m, me, workers, hasty):
    """Wins with the claim that it saw before it was held up. `hasty`: with any that it finds afterwards."""
    meet(m, workers)
    i = get_word(m, THREAD)
    t = m.threads[i]
    spins = 0
    while get_word(m, DONE) == 0 and not over(m):
        word = sleep_word(t)
        if word != 0:
            claim(t, word)
        word = load_seq_cst(t, "sleep")
        if state_of(t) != BLOCKED or not (hasty or is_claimed(word)):
            spins = spin(spins)
            continue
        spins = 0
        dawdle(random_below(m, me, 200))
        for _ in range(random_below(m, me, 3)):
            host_yield()  # to another waker, where two share a core
        if hasty:
            word = load_seq_cst(t, "sleep")
        if is_claimed(word) and compare_exchange(t, "sleep", word, 0):
            if state_of(t) != BLOCKED or not place_on(m, me, i, queue_of(t), WAKE, ENQUEUE_WAKE):
                violation(m)


@entry(4)
def late_waker(address, me, workers, count):
    _wake_late(machine_at(address), me, workers, False)
    return 0


@entry(4)
def hasty_waker(address, me, workers, count):
    """Control: as if claims had no names."""
    _wake_late(machine_at(address), me, workers, True)
    return 0


# --- what the winner leaves in the thread ------------------------------------------------------


@entry(4)
def sleeper_with_result(address, me, workers, count):
    """Whoever finds itself awake must find its result: the interrupted sleep's -ERESTARTSYS."""
    m = machine_at(address)
    i = become_the_sleeper(m, me)
    t = m.threads[i]
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        t.sleep_remainder = 0
        t.x[A0] = 0
        prepare_sleep(t, SLEEP_TIME | SLEEP_TIMED)
        dawdle(random_below(m, me, 16))
        if block(m, me, i) and not wait_until_picked(m, me, i):
            break
        if load_a0(m, i) != -ERESTARTSYS:
            violation(m)
        done += 1
        result(m, me, done)
    set_word(m, DONE, 1)
    return 0


@hot
def load_a0(m, i):
    from_memory = load_relaxed(m.threads[i], "where")  # nothing is kept in a register across this
    return m.threads[i].x[A0] if from_memory != 0 else 0


@entry(4)
def interrupter(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    i = get_word(m, THREAD)
    spins = 0
    while get_word(m, DONE) == 0 and not over(m):
        spins = 0 if interrupt_sleep(m, me, i) else spin(spins)
    return 0


@entry(4)
def sleeper_between_two(address, me, workers, count):
    """Each round one waker and one interrupter; where the waker won, nothing may say "interrupted"."""
    m = machine_at(address)
    i = become_the_sleeper(m, me)
    t = m.threads[i]
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        t.restart = 0
        t.x[A0] = 7
        set_word(m, WINNER, 0)
        prepare_sleep(t, SLEEP_SERVER)
        if block(m, me, i) and not wait_until_picked(m, me, i):
            break
        if not meet(m, workers):
            break
        if get_word(m, WINNER) == 1 and (t.restart != 0 or load_a0(m, i) != 7):
            violation(m)
        done += 1
        result(m, me, done)
        if not meet(m, workers):
            break
    set_word(m, DONE, 1)
    set_word(m, THREAD, -1)
    return 0


@hot
def _await_sleep(m, i, done):
    """Until the thread falls asleep in this round."""
    spins = 0
    while load_seq_cst(m.threads[i], "sleep_sequence") <= done and not over(m):
        spins = spin(spins)
    for _ in range(100):
        if sleep_word(m.threads[i]) != 0:
            break


@entry(4)
def waker_in_rounds(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    i = get_word(m, THREAD)
    done = 0
    while done < count and not over(m):
        _await_sleep(m, i, done)
        dawdle(random_below(m, me, 3))
        word = sleep_word(m.threads[i])
        if word != 0 and claim(m.threads[i], word):
            set_word(m, WINNER, 1)
            make_runnable(m, me, i)
        done += 1
        if not meet(m, workers) or not meet(m, workers):
            break
    return 0


@entry(4)
def interrupter_in_rounds(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    i = get_word(m, THREAD)
    done = 0
    while done < count and not over(m):
        _await_sleep(m, i, done)
        dawdle(random_below(m, me, 3))
        while not interrupt_sleep(m, me, i):
            if get_word(m, WINNER) == 1 or over(m):
                break
        done += 1
        if not meet(m, workers) or not meet(m, workers):
            break
    return 0
