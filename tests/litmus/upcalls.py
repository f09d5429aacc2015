"""User threads that block, are woken and go on, on upcalls that several CPUs carry (kernel/upcalls/).

Each worker is a CPU with its run queue.  What a thread library does in user space, its threads do here in hot code:
take the completed contexts, choose a user thread that is ready, let it run, block.  A word for each user thread says
where it is; a context that is handed out twice finds another word there than it should.
"""

from emu.hot import entry, hot
from emu.kernel.groups.mailbox import COMPLETED, CURRENT, NEXT, store_context, tell_upcall
from emu.kernel.groups.offers import read_offer
from emu.kernel.groups.records import KSE_INSIDE, KSE_MEMBER, KSE_OWNER, KSE_RISING, join_group
from emu.kernel.sched.core import block, pick_next, switch
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import make_runnable, start_thread
from emu.kernel.sleep.waitqueue import join_locked, lock_waiters, unlock_waiters
from emu.kernel.task.exiting import exit_thread
from emu.kernel.thread.records import join_task
from emu.kernel.thread.sleep_word import claim, prepare_sleep, reason_of, sleep_word
from emu.kernel.thread.spares import take_spare
from emu.kernel.thread.states import RESTART_WOKEN, SLEEP_RELEASED, SLEEP_TIME
from emu.kernel.upcalls.boundary import GOES_ON, at_boundary, begin_rising, wake_released
from emu.kernel.upcalls.releasing import _has_reason, release_owner
from emu.kernel.vm.usercopy import get_word as get_user_word
from emu.kernel.vm.usercopy import put_word
from emu.shm.atomics import exchange, fetch_add, load_seq_cst, store_relaxed, store_release
from emu.shm.layout import machine_at
from emu.shm.memory import compare_exchange_64, host_yield
from emu.testing.churn import look_idle
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
    violation,
    word_at,
)
from tests.kernel.upcalls.played import USER_THREADS

MOST = 12  # user threads
DELIVERED, BLOCKED_ONCE, UPCALLS_MADE, SLEPT, USED = (OWN + (20 + k) * LINE for k in range(5))
ENDOWED = OWN + 19 * LINE
STATES = OWN + 25 * LINE  # a line for each user thread
READY, RUNS, INSIDE = range(3)
SOUND, PLAIN_EXPORT, PLAIN_FETCH, OWNER_FIRST, HASTY_RELEASE, PLAIN_GIFT = range(6)


@hot
def _user_thread(k):
    return USER_THREADS + 1024 * k


@hot
def _move(m, k, old, new):
    """User thread k is where it was expected, and somewhere else from now on."""
    if not compare_exchange_64(word_at(m, STATES + k * LINE), old, new):
        violation(m)


@hot
def _mailbox(m, t):
    return m.upcalls[t.upcall - 1].mailbox


# --- what controls do instead -----------------------------------------------------------------------------------------


@hot
def _export_plainly(m, me, i):
    """Control: the list's head is read and then stored, with nothing that sees what another CPU has put there."""
    t = m.threads[i]
    g = m.groups[t.kse_group - 1]
    head = load_seq_cst(g, "completed")
    store_context(m, me, t, t.user_thread, head, 0, 0)
    store_relaxed(g, "completed", t.user_thread)
    wake_released(m, me, g)
    exit_thread(m, me, i, 0)


@hot
def _rise_plainly(m, me, i):
    """Control: the list is fetched by a load and a store."""
    t = m.threads[i]
    g = m.groups[t.kse_group - 1]
    head = load_seq_cst(g, "completed")
    tell_upcall(m, me, t, _mailbox(m, t), head)
    store_relaxed(g, "completed", 0)
    t.kse &= ~KSE_RISING
    fetch_add(g, "rising", -1)


@hot
def _hand_over_early(m, me, i, current):
    """Control: the new owner is named before its record says what it is."""
    t = m.threads[i]
    n = take_spare(m, me, i)
    u = t.upcall - 1
    store_relaxed(m.upcalls[u], "owner", n + 1)
    dawdle(20)
    join_task(m, me, n)
    join_group(m, m.threads[n], t.kse_group - 1, u, KSE_OWNER | KSE_RISING)
    t.user_thread = current
    t.upcall = 0
    t.kse = KSE_MEMBER | KSE_INSIDE
    fetch_add(m.groups[t.kse_group - 1], "inside", 1)
    start_thread(m, me, n)


@hot
def _give_plainly(m, me, i, current):
    """Control: the word of a thread that was woken inside is read, and then overwritten."""
    t = m.threads[i]
    n = load_seq_cst(m.groups[t.kse_group - 1], "woken") - 1
    if n < 0 or read_offer(m.threads[n]) >= 0:
        return
    dawdle(random_below(m, me, 400))
    u = t.upcall - 1
    store_release(m.threads[n], "offer", u + 1)
    store_release(m.upcalls[u], "owner", n + 1)
    fetch_add(m.groups[t.kse_group - 1], "rising", 1)
    t.user_thread = current
    t.upcall = 0
    t.kse = KSE_MEMBER | KSE_INSIDE


@hot
def _release_hastily(m, me, i):
    """Control: an owner that looks for reasons before it takes the lock under which it is woken."""
    t = m.threads[i]
    g = m.groups[t.kse_group - 1]
    if _has_reason(m, t, g):
        return False
    dawdle(random_below(m, me, 400))
    lock_waiters(m, me, g.released)
    t.restart = RESTART_WOKEN
    join_locked(m, me, i, g.released, SLEEP_RELEASED)
    unlock_waiters(m, me, g.released)
    return True


# --- a CPU ------------------------------------------------------------------------------------------------------------


@hot
def _take_completed(m, me, t):
    """Take what an upcall has brought: each user thread was inside, and is ready."""
    box = _mailbox(m, t)
    error, va = get_user_word(m, me, t.task, box + COMPLETED)
    put_word(m, me, t.task, box + COMPLETED, 0)
    taken = 0
    while va != 0 and taken <= MOST:
        k = (va - USER_THREADS) // 1024
        error, va = get_user_word(m, me, t.task, va + NEXT)  # first: another CPU may let it run at once
        _move(m, k, INSIDE, READY)
        taken += 1
    if taken > MOST or error < 0:
        violation(m)
    add_word(m, DELIVERED, taken)


@hot
def _choose(m, me):
    """A ready user thread, which runs from here on; -1: none."""
    count = get_word(m, USED)
    first = random_below(m, me, count)
    for n in range(count):
        k = (first + n) % count
        if compare_exchange_64(word_at(m, STATES + k * LINE), READY, RUNS):
            return k
    return -1


@hot
def _release(m, me, i, variant):
    """The library has nothing to do."""
    sleeps = _release_hastily(m, me, i) if variant == HASTY_RELEASE else release_owner(m, me, i, 0)
    if sleeps:
        add_word(m, SLEPT, 1)
        block(m, me, i)
    else:
        begin_rising(m, i)


@hot
def _run_user_thread(m, me, i, k, variant):
    """User thread k, which runs on thread i, blocks at once, or comes back from a call that has not blocked."""
    t = m.threads[i]
    at = _mailbox(m, t) + CURRENT
    put_word(m, me, t.task, at, _user_thread(k))
    _move(m, k, RUNS, INSIDE)
    if random_below(m, me, 8) == 0:
        if at_boundary(m, me, i) != GOES_ON:
            return  # it is about to become one, and waits for a CPU
        error, current = get_user_word(m, me, t.task, at)
        if current == 0 or error < 0:  # it has become an upcall
            _take_completed(m, me, t)
            return
    add_word(m, BLOCKED_ONCE, 1)
    prepare_sleep(t, SLEEP_TIME)
    if variant == OWNER_FIRST:
        _hand_over_early(m, me, i, _user_thread(k))
    elif variant == PLAIN_GIFT:
        _give_plainly(m, me, i, _user_thread(k))
    block(m, me, i)


@hot
def _user_space(m, me, i, variant):
    """Thread i is in user space as the library, or as a user thread whose sleep ended before it had begun."""
    t = m.threads[i]
    if t.restart == RESTART_WOKEN:  # inside kse_release
        t.restart = 0
        _release(m, me, i, variant)
        return
    error, current = get_user_word(m, me, t.task, _mailbox(m, t) + CURRENT)
    if current != 0 and error == 0:
        k = (current - USER_THREADS) // 1024
        _move(m, k, INSIDE, RUNS)
        _run_user_thread(m, me, i, k, variant)
        return
    k = _choose(m, me)
    if k < 0:
        _release(m, me, i, variant)
    else:
        _run_user_thread(m, me, i, k, variant)


@hot
def _step(m, me, i, variant):
    t = m.threads[i]
    if t.kse & KSE_INSIDE:
        if random_below(m, me, 8) == 0:  # its call has to wait for something else
            prepare_sleep(t, SLEEP_TIME)
            block(m, me, i)
        elif variant == PLAIN_EXPORT:
            _export_plainly(m, me, i)
        elif at_boundary(m, me, i) == GOES_ON:
            add_word(m, ENDOWED, 1)
            _enter(m, me, t)
    elif t.kse & KSE_RISING:
        if variant == PLAIN_FETCH:
            _rise_plainly(m, me, i)
        elif at_boundary(m, me, i) != GOES_ON:
            return
        _enter(m, me, t)
    else:
        _user_space(m, me, i, variant)


@hot
def _enter(m, me, t):
    """Thread t has made an upcall."""
    if t.kse != KSE_MEMBER | KSE_OWNER:
        violation(m)
    add_word(m, UPCALLS_MADE, 1)
    _take_completed(m, me, t)


@hot
def _wake_one(m, me):
    """End the sleep of a random thread that is inside, if it sleeps."""
    i = random_below(m, me, m.fresh_thread)
    word = sleep_word(m.threads[i])
    if word != 0 and reason_of(word) == SLEEP_TIME and claim(m.threads[i], word):
        make_runnable(m, me, i)


@hot
def _released(m):
    """A number that names the sleeps of all owners, 0 unless all of them are released and asleep."""
    name = 0
    for u in range(m.fresh_upcall):
        word = sleep_word(m.threads[load_seq_cst(m.upcalls[u], "owner") - 1])
        if reason_of(word) != SLEEP_RELEASED:
            return 0
        name = name * 1_000_003 + word
    return name


@hot
def _look_for_what_is_lost(m):
    """While all owners sleep: a context that waits, whose exporter has looked for an owner to wake (a wake-up is lost).

    Or a user thread that is inside, and no thread for it (a context is lost).
    """
    g = m.groups[0]
    asleep = _released(m)
    if asleep == 0:
        return
    head = load_seq_cst(g, "completed")
    inside = 0
    for k in range(MOST):
        inside += 1 if get_word(m, STATES + k * LINE) == INSIDE else 0
    threads = load_seq_cst(g, "nr_threads") - load_seq_cst(g, "nr_spares") - m.fresh_upcall
    has_left = load_seq_cst(g, "inside") == 0  # after the look at the list: who put that there
    is_lost = head == 0 and inside > threads and load_seq_cst(g, "completed") == 0
    if has_left and (head != 0 or is_lost) and _released(m) == asleep:
        violation(m)


@entry(6)
def carry(address, me, workers, steps, variant, user_threads):
    """A CPU that runs whatever threads it gets. `user_threads`: how many there are; with few, upcalls are idle."""
    m = machine_at(address)
    set_word(m, USED, user_threads)
    c = m.cpus[me]
    meet(m, workers)
    done = 0
    while done < steps and not over(m):
        _wake_one(m, me)
        i = c.current
        if i < 0:
            i = pick_next(m, me)
        if i >= 0:
            _step(m, me, i, variant)
            if c.current >= 0 and random_below(m, me, 8) == 0:
                switch(m, me, c.current, False)
            done += 1
            result(m, me, done)
        else:
            _look_for_what_is_lost(m)
            look_idle(m, me)
        exchange(c, "pending", 0)
        c.kicks = 0
    set_word(m, STOP, 1)
    return 0


@hot
def _knows(t, u):
    """Whether a thread has upcall u. One that has left its context, or exited, sees no gift any more."""
    given = load_seq_cst(t, "offer") == u + 1
    if given and load_seq_cst(t, "kse") & (KSE_INSIDE | KSE_OWNER) != 0:
        return True
    return load_seq_cst(t, "upcall") == u + 1  # in this order: offers.py, 5


@entry(3)
def watch_owners(address, me, workers):
    """Whoever is named as an upcall's owner knows that it is."""
    m = machine_at(address)
    meet(m, workers)
    looks = 0
    while not over(m):
        for u in range(m.fresh_upcall):
            owner = load_seq_cst(m.upcalls[u], "owner") - 1
            if owner < 0:
                violation(m)
                return 0
            t = m.threads[owner]
            sleeps = load_seq_cst(t, "sleep_sequence")
            knows = _knows(t, u)
            same = load_seq_cst(m.upcalls[u], "owner") == owner + 1
            knows = _knows(t, u) or knows
            same = same and load_seq_cst(t, "sleep_sequence") == sleeps  # so it has not given the upcall away meanwhile
            if same and not knows:
                violation(m)
            looks += 1
        if looks % 64 == 0:
            result(m, me, looks)
            host_yield()
    return get_word(m, STOP)
