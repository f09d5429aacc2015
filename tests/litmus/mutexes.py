"""Threads that pass a kernel mutex from hand to hand and sleep in a wait queue, while an actor interrupts and wakes.

Each CPU has one thread, all of one task.  What mutex.py and waitqueue.py say is always true is looked at under the lock
of each list, by an actor that does little else, and by each thread about itself when it wakes: it owns the mutex if its
call says 0, and does not if it says EINTR.
"""

from emu.abi.registers import A0
from emu.hot import entry, hot
from emu.kernel.native.calls import native_call
from emu.kernel.native.numbers import QUEUE_SLEEP
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import make_runnable, start_thread
from emu.kernel.sleep.endings import interrupt_sleep
from emu.kernel.sleep.mutex import WAITS, mutex_lock, mutex_trylock, mutex_unlock
from emu.kernel.sleep.waitqueue import claim_first, join_queue, lock_waiters, remove_waiter, unlock_waiters, wake_queue
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.sleep_word import claim, reason_of, sleep_word
from emu.kernel.thread.states import RUNNING, SLEEP_QUEUE, state_of
from emu.shm.atomics import exchange, load_relaxed, pause
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.layout import machine_at
from emu.shm.memory import address_of, host_yield
from emu.testing.crew import (
    LINE,
    OWN,
    STOP,
    add_word,
    dawdle,
    get_word,
    meet,
    over,
    result,
    set_word,
    shown,
    spin,
    violation,
)

TASK, INSIDE, WOKEN, WAKES, INTERRUPTED, NOTE, SHOWN, GOT = (OWN + k * LINE for k in range(8))
THREADS = OWN + 8 * LINE  # a line for each CPU
MUTEX, OTHER, QUEUE = 0, 5, 3  # two mutexes, a wait queue
EINTR = 4
SEEN = 100  # of a control's violations, after which the run ends
ENOUGH = 20_000  # sleeps interrupted and sleepers woken, after which the run ends
GOOD, LOCK_GIVEN_UP = range(2)


@hot
def _await_running(m, me, i):
    """What a CPU does that has nothing else to run; False when the run is over first."""
    t = m.threads[i]
    spins = 0
    while state_of(t) != RUNNING and pick_next(m, me) != i:
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0
        spins = spin(spins)
        if over(m):
            return False
    return True


@hot
def _lock(m, me, i, n):
    """0 or -EINTR, as the guest sees it; 1 when the run is over."""
    answer = mutex_lock(m, me, i, n)
    if answer == WAITS:
        block(m, me, i)
        if not _await_running(m, me, i):
            return 1
        answer = m.threads[i].x[A0]
    owner = load_relaxed(m.tasks[m.threads[i].task].mutexes[n], "owner")
    has = (m.threads[i].mutexes >> n) & 1
    if answer == 0 and (owner != i + 1 or has == 0) or answer != 0 and (owner == i + 1 or has != 0):
        violation(m)
    if answer != 0 and answer != -EINTR or load_relaxed(m.threads[i], "wait_queue") != 0:
        violation(m)
    if answer != 0:
        add_word(m, INTERRUPTED, 1)
    return answer


@hot
def _unlock_badly(m, me, i, n):
    """Control: the lock is given up between the choice of the heir and its claim, until the heir was interrupted."""
    q = m.tasks[m.threads[i].task].mutexes[n]
    lock_waiters(m, me, q)
    m.threads[i].mutexes &= ~(1 << n)
    heir = q.head - 1
    q.owner = heir + 1
    if heir >= 0:
        m.threads[heir].mutexes |= 1 << n
        word = sleep_word(m.threads[heir])
        unlock_waiters(m, me, q)
        spins = 0
        while word != 0 and sleep_word(m.threads[heir]) == word and not over(m):
            spins = spin(spins)
        lock_waiters(m, me, q)
        claim_first(m, me, q)
    unlock_waiters(m, me, q)
    if heir >= 0:
        make_runnable(m, me, heir)


@hot
def _unlock(m, me, i, n, how):
    if how == LOCK_GIVEN_UP:
        _unlock_badly(m, me, i, n)
    elif mutex_unlock(m, me, i, n) != 0:
        violation(m)


@hot
def _inside(m, me):
    """What the mutex guards."""
    if add_word(m, INSIDE, 1) != 0:
        violation(m)
    dawdle(random_below(m, me, 20))
    if add_word(m, INSIDE, -1) != 1:
        violation(m)


@hot
def _begin(m, me, workers):
    """This CPU runs its thread; its index."""
    i = get_word(m, THREADS + me * LINE)
    store_mask(m.threads[i], "affinity", mask_of(me))
    start_thread(m, me, i)
    pick_next(m, me)
    meet(m, workers)
    return i


@hot
def _use(m, me, workers, count, how):
    i = _begin(m, me, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        if random_below(m, me, 4) == 0 and _lock(m, me, i, OTHER) == 0:
            _unlock(m, me, i, OTHER, how)  # soon: its heir may be about to get the other one
        if _lock(m, me, i, MUTEX) == 0:
            _inside(m, me)
            _unlock(m, me, i, MUTEX, how)
        if random_below(m, me, 4) == 0 and not over(m):
            join_queue(m, me, i, m.tasks[m.threads[i].task].wait_queues[QUEUE])
            block(m, me, i)
            if not _await_running(m, me, i):
                break
            if load_relaxed(m.threads[i], "wait_queue") != 0:
                violation(m)  # it is awake, and in the list
            if m.threads[i].x[A0] == 0:
                add_word(m, WOKEN, 1)
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0


@entry(5)
def user(address, me, workers, count, how):
    _use(machine_at(address), me, workers, count, how)
    return 0


@hot
def _check(m, me, workers, q, owned):
    """What is always true of a list while its lock is free."""
    lock_waiters(m, me, q)
    previous = -1
    i = q.head - 1
    length = 0
    while i >= 0 and length <= workers:
        t = m.threads[i]
        word = sleep_word(t)
        if load_relaxed(t, "wait_queue") != address_of(q) or word == 0 or reason_of(word) != SLEEP_QUEUE:
            violation(m)
        if t.wait_previous != previous:
            violation(m)
        previous = i
        i = t.wait_next
        length += 1
    if length >= workers or q.tail != previous + 1:
        violation(m)
    if owned and q.head != 0 and q.owner == 0:
        violation(m)  # somebody waits, for nobody
    unlock_waiters(m, me, q)


@entry(5)
def meddler(address, me, workers, count, how):
    """Interrupts sleepers, wakes those in the queue, and looks at the lists."""
    m = machine_at(address)
    k = m.tasks[get_word(m, TASK)]
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        what = random_below(m, me, 8)
        if what < 3:
            interrupt_sleep(m, me, get_word(m, THREADS + random_below(m, me, workers - 1) * LINE))
        elif what < 6:
            add_word(m, WAKES, wake_queue(m, me, k.wait_queues[QUEUE], 1 + random_below(m, me, 2)))
        elif how == GOOD:
            _check(m, me, workers, k.mutexes[MUTEX], True)
            _check(m, me, workers, k.mutexes[OTHER], True)
            _check(m, me, workers, k.wait_queues[QUEUE], False)
        m.cpus[me].kicks = 0
        if done % 64 == 0:
            host_yield()  # one of the threads has the same core
            if how == GOOD and min(get_word(m, INTERRUPTED), get_word(m, WOKEN)) >= ENOUGH:
                set_word(m, STOP, 1)
    return 0


# --- a sleeper that leaves a note under a mutex ------------------------------------------------------------


@hot
def _is_control(number):
    return number % 2 == 0


@hot
def _queue_sleep(m, me, i, control):
    """The native call that sleeps in the queue and unlocks the mutex; the control does so in the other order."""
    t = m.threads[i]
    if control:
        mutex_unlock(m, me, i, OTHER)
        join_queue(m, me, i, m.tasks[t.task].wait_queues[QUEUE])
    else:
        t.x[A0], t.x[A0 + 1] = QUEUE, OTHER
        native_call(m, me, i, QUEUE_SLEEP)


@entry(4)
def sleeper(address, me, workers, count):
    m = machine_at(address)
    i = _begin(m, me, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        if _lock(m, me, i, OTHER) != 0:
            break
        set_word(m, NOTE, done)
        _queue_sleep(m, me, i, _is_control(done))
        block(m, me, i)
        if not _await_running(m, me, i):
            break
        m.cpus[me].kicks = 0
    return 0


@entry(4)
def waker(address, me, workers, count):
    """Who finds the note has the mutex, and so finds the sleeper in the queue."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    queue = m.tasks[get_word(m, TASK)].wait_queues[QUEUE]
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        spins = 0
        while (get_word(m, NOTE) != done or mutex_trylock(m, me, i, OTHER) != 0) and not over(m):
            spins = spin(spins)
        woken = wake_queue(m, me, queue, 1)
        if woken == 0 and not over(m):
            if not _is_control(done):
                violation(m)
            else:
                shown(m, SHOWN, SEEN)
        while woken == 0 and not over(m):
            woken = wake_queue(m, me, queue, 1)
        mutex_unlock(m, me, i, OTHER)
        m.cpus[me].kicks = 0
    return 0


# --- an heir that is on its way to sleep --------------------------------------------------------------------


@hot
def _hand_over_late(m, me, i):
    """Control: a mutex is handed over to the first waiter, whose sleep is claimed before all else."""
    q = m.tasks[m.threads[i].task].mutexes[OTHER]
    lock_waiters(m, me, q)
    heir = q.head - 1
    m.threads[i].mutexes &= ~(1 << OTHER)
    q.owner = 0
    claim(m.threads[heir], sleep_word(m.threads[heir]))
    remove_waiter(m, me, heir, q)
    q.owner = heir + 1
    m.threads[heir].mutexes |= 1 << OTHER
    unlock_waiters(m, me, q)
    make_runnable(m, me, heir)


@entry(4)
def giver(address, me, workers, count):
    """Hands the mutex over as soon as somebody waits."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    q = m.tasks[get_word(m, TASK)].mutexes[OTHER]
    done = 0
    while done < count and not over(m):
        done += 1
        if _lock(m, me, i, OTHER) != 0:
            break
        set_word(m, NOTE, done)
        spins = 0
        while load_relaxed(q, "head") == 0 and not over(m):
            spins = spin(spins)
        if not over(m):
            if _is_control(done):
                _hand_over_late(m, me, i)
            else:
                mutex_unlock(m, me, i, OTHER)
        while get_word(m, GOT) != done and not over(m):
            spins = spin(spins)
        exchange(m.cpus[me], "pending", 0)
        m.cpus[me].kicks = 0
    return 0


@entry(4)
def heir(address, me, workers, count):
    """Whose sleep is claimed owns the mutex and is in no list, also if it is still on its way to sleep."""
    m = machine_at(address)
    i = _begin(m, me, workers)
    t = m.threads[i]
    q = m.tasks[t.task].mutexes[OTHER]
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        spins = 0
        while get_word(m, NOTE) != done and not over(m):
            spins = spin(spins)
        if over(m) or mutex_lock(m, me, i, OTHER) != WAITS:
            break
        while sleep_word(t) != 0 and not over(m):
            pause()
        early = load_relaxed(q, "owner") != i + 1 or load_relaxed(t, "wait_queue") != 0
        if early and not over(m):
            if not _is_control(done):
                violation(m)
            else:
                shown(m, SHOWN, SEEN)
        block(m, me, i)
        if not _await_running(m, me, i):
            break
        mutex_unlock(m, me, i, OTHER)
        set_word(m, GOT, done)
        m.cpus[me].kicks = 0
    return 0


def make_threads(window, words, count):
    """A task with a thread for each CPU."""
    words[TASK] = create_task(window.address, 0)
    for cpu in range(count):
        words[THREADS + cpu * LINE] = create_thread(window.address, 0, int(words[TASK]))
