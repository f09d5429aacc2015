"""PI futexes: locks in guest memory whose owner inherits the priority of those that wait (futex(2), FUTEX_LOCK_PI).

The word holds the owner's tid, 0 when it is free; WAITERS when somebody waits in the kernel, so that the owner unlocks
there; OWNER_DIED.  Guests lock and unlock a free word themselves, so every change here is a compare-exchange.

Always true, while a bucket's lock is free: a thread waits for a PI futex (FUTEX_PI, FUTEX_MOVED) exactly when it is in
the bucket and in the list of the owner (inheritance.py); all that wait for one word wait for one owner.  Unlocking
*hands over*: under the bucket's lock the word gets the tid of the waiter of the highest priority, that leaves the
bucket and is claimed, and the others wait for it from then on.  So a waiter that gives up (time-out, signal, kill) has
either left the bucket before, or owns the lock; nobody takes a lock that was handed to another.

An owner that leaves hands over all that is waited for, with OWNER_DIED (Linux: exit_pi_state_list).  It is closed to
new waiters first, so the list only shrinks; who comes meanwhile makes its call again, until the owner is gone.

Locks: the task's mm_lock, buckets, priority_lock.
"""

from ...abi.errno import EAGAIN, EDEADLK, EFAULT, EINVAL, EPERM, ERESTARTSYS, ESRCH
from ...abi.futex import OWNER_DIED, TID_MASK, WAITERS
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import hot, never_inline
from ...limits import KERNEL_TASK
from ...shm.atomics import load_relaxed
from ...shm.exits import ACCESS_WRITE
from ..critical import noncritical
from ..sched.waking import make_runnable
from ..thread.handles import thread_of_tid, tid_of
from ..thread.sleep_word import claim, prepare_sleep
from ..thread.states import SLEEP_FUTEX, SLEEP_TIMED
from ..vm.copy_on_write import ELSEWHERE, make_private
from ..vm.faults import resolve
from ..vm.maplock import lock_mm, unlock_mm
from ..vm.usercopy import exchange_int32_in, load_int32_in, lock_to_store
from .futex import FUTEX_MOVED, FUTEX_PI, MATCH_ANY, insert, remove_waiter
from .futex_key import bucket_of, key_in, lock_bucket, unlock_bucket
from .heap import count_stale
from .inheritance import first_heir, own_no_more, start_waiting, stop_waiting, wait_for_another
from .timeout_ring import post_timeout

WAITS = 1  # the caller blocks
ATTEMPTS = 64  # to change a word that others keep changing


@hot
def waits_here(t, space, address):
    """Whether a thread in a bucket waits for this key."""
    return t.futex_space == space and t.futex_address == address


@hot
def first_waiter(m, b, space, address):
    """The waiter of a key that is next: of the highest priority that it has now, the longest waiting; -1: nobody."""
    best = -1
    i = m.buckets[b].head
    while i >= 0:
        t = m.threads[i]
        if waits_here(t, space, address) and (best < 0 or t.realtime > m.threads[best].realtime):
            best = i
        i = t.wait_next
    return best


@hot
def _has_owner(t):
    return t.futex_kind == FUTEX_PI or t.futex_kind == FUTEX_MOVED


# --- locking --------------------------------------------------------------------------------------


@hot
def _owner_of(m, tid, waiter):
    """(0, who owns a word with this tid), or an error and -1; `waiter` waits for the word already, or is -1."""
    if waiter >= 0:
        owner = m.threads[waiter].waits_for - 1
        return (0, owner) if tid_of(m, owner) == tid else (-EINVAL, -1)
    owner = thread_of_tid(m, tid)
    if owner < 0:
        return -ESRCH, -1
    if m.threads[owner].task == KERNEL_TASK:
        return -EPERM, -1
    return 0, owner


@hot
def try_lock_word(m, i, b, space, address, entry, va, keeps_waiters):
    """Lock a word for thread i where nobody owns it: (0, -1), (WAITS, who owns it) or (an error, -1).

    Where somebody owns it, the word says from then on that there are waiters.  mm_lock and the bucket's lock are held.
    """
    never_inline()
    waiter = first_waiter(m, b, space, address)
    if waiter >= 0 and not _has_owner(m.threads[waiter]):
        return -EINVAL, -1
    mine = tid_of(m, i)
    for _ in range(ATTEMPTS):
        value = load_int32_in(m, entry, va)
        tid = value & TID_MASK
        if tid == mine:
            return -EDEADLK, -1
        if tid == 0:
            if waiter >= 0:  # its owner died, and is about to hand it over
                return -EAGAIN if value & OWNER_DIED else -EINVAL, -1
            locked = (value & OWNER_DIED) | mine | (WAITERS if keeps_waiters else 0)
            if exchange_int32_in(m, entry, va, value, int32(locked)) != 0:
                return 0, -1
        elif value & WAITERS or exchange_int32_in(m, entry, va, value, int32(value | WAITERS)) != 0:
            error, owner = _owner_of(m, tid, waiter)
            if error == -ESRCH and load_int32_in(m, entry, va) & TID_MASK != tid:
                continue  # it has let go, or died, since the word was read
            return WAITS if error == 0 else error, owner
    return -EAGAIN, -1


@hot
def lock_pi(m, me, i, va, deadline_ns, private, only_try):
    """FUTEX_LOCK_PI: 0, WAITS, an error, or -ERESTARTSYS: its owner is just leaving, so the call has to begin anew.

    With `only_try` FUTEX_TRYLOCK_PI: -EAGAIN where another owns it.
    """
    never_inline()
    noncritical(m, me)
    if va & 3:
        return -EINVAL
    result, word = _lock_once(m, me, i, va, deadline_ns, private, only_try)
    if result == WAITS and deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, word)
    return -ERESTARTSYS if result == -EAGAIN and not only_try else result


@hot
def _lock_once(m, me, i, va, deadline_ns, private, only_try):
    """(0, WAITS or an error, the sleep's word); -EAGAIN: try again."""
    never_inline()
    t = m.threads[i]
    task = t.task
    entry = lock_to_store(m, me, task, va)
    if entry <= 0:
        unlock_mm(m, me, task)
        return -EFAULT, 0
    space, address = key_in(m, task, entry, va, private)
    b = bucket_of(space, address)
    lock_bucket(m, me, b)
    result, owner = try_lock_word(m, i, b, space, address, entry, va, False)
    word = 0
    if result == WAITS and only_try:
        result = -EAGAIN
    elif result == WAITS:
        tid = load_int32_in(m, entry, va) & TID_MASK
        result = start_waiting(m, me, i, owner, tid)
        if result == 0:
            result = WAITS
            t.futex_va = va
            t.deadline_ns = deadline_ns
            list_waiter(m, i, b, space, address, FUTEX_PI)
            word = prepare_sleep(t, SLEEP_FUTEX | (SLEEP_TIMED if deadline_ns != 0 else 0))
    unlock_bucket(m, me, b)
    unlock_mm(m, me, task)
    return result, word


@hot
def list_waiter(m, i, b, space, address, kind):
    """Put a thread that is about to sleep, or sleeps, into the bucket of a key."""
    t = m.threads[i]
    t.futex_space = space
    t.futex_address = address
    t.futex_bits = MATCH_ANY
    t.futex_kind = kind
    t.x[A0] = 0
    insert(m, b, i)


# --- handing over ---------------------------------------------------------------------------------


@hot
def _give(m, me, b, space, address, heir):
    """The word has the heir's tid: claim its sleep, whose word is returned, and let the others wait for it. Locked."""
    never_inline()
    remove_waiter(m, heir)
    stop_waiting(m, me, heir)
    i = m.buckets[b].head
    while i >= 0:
        t = m.threads[i]
        if waits_here(t, space, address) and t.waits_for != 0:
            wait_for_another(m, me, i, heir)
        i = t.wait_next
    return claim_waiter(m, heir)


@hot
def claim_waiter(m, i):
    """Claim the sleep of a thread that was just taken out of its bucket, so nobody else can; its word."""
    word = load_relaxed(m.threads[i], "sleep")
    claim(m.threads[i], word)
    return word


@hot
def wake_heir(m, me, i, word):
    """Let a thread run whose sleep `word` was claimed. No lock is held."""
    noncritical(m, me)
    count_stale(m, word)
    make_runnable(m, me, i)


@hot
def unlock_pi(m, me, i, va, private):
    """FUTEX_UNLOCK_PI: 0, -EPERM: another owns it, -EINVAL: others wait there for something else, -EAGAIN, -EFAULT."""
    never_inline()
    noncritical(m, me)
    task = m.threads[i].task
    if va & 3:
        return -EINVAL
    entry = lock_to_store(m, me, task, va)
    if entry <= 0:
        unlock_mm(m, me, task)
        return -EFAULT
    space, address = key_in(m, task, entry, va, private)
    b = bucket_of(space, address)
    lock_bucket(m, me, b)
    word = 0
    result = 0
    value = load_int32_in(m, entry, va)
    heir = first_waiter(m, b, space, address)
    if value & TID_MASK != tid_of(m, i):
        result = -EPERM
    elif heir >= 0 and m.threads[heir].waits_for != i + 1:
        result = -EINVAL
    elif exchange_int32_in(m, entry, va, value, int32(WAITERS | tid_of(m, heir)) if heir >= 0 else 0) == 0:
        result = -EAGAIN  # the guest changes what it owns meanwhile: it may try again, as in Linux
    elif heir >= 0:
        word = _give(m, me, b, space, address, heir)
    unlock_bucket(m, me, b)
    unlock_mm(m, me, task)
    if word != 0:
        wake_heir(m, me, heir, word)
    return result


@hot
def release_pi(m, me, i):
    """Thread i leaves its memory: whoever waits for it gets what it owns, or -EFAULT where the word is gone."""
    never_inline()
    noncritical(m, me)
    own_no_more(m, me, i)
    while True:
        heir, task, va = first_heir(m, me, i)
        if heir < 0 or load_relaxed(m, "failed") != 0:
            return
        heir, word = _release_one(m, me, i, heir, task, va)
        if word == ELSEWHERE:
            make_private(m, me, task, va)
        elif word != 0:
            wake_heir(m, me, heir, word)


@hot
def _release_one(m, me, i, waiter, task, va):
    """Hand over the word for which `waiter` waits: (who is woken, its sleep's word); 0 or ELSEWHERE: look again."""
    never_inline()
    w = m.threads[waiter]
    word = 0
    lock_mm(m, me, task)
    entry = resolve(m, me, task, va, ACCESS_WRITE)  # before the bucket's lock: it may take an object's
    b = load_relaxed(w, "bucket")
    if b < 0:
        unlock_mm(m, me, task)
        return waiter, word
    lock_bucket(m, me, b)
    # It is the same waiter still, so its task is alive: it cannot leave the bucket now.
    if w.bucket == b and _has_owner(w) and w.waits_for == i + 1 and w.task == task and w.futex_va == va:
        space, address = w.futex_space, w.futex_address
        if entry == ELSEWHERE:
            word = ELSEWHERE
        elif entry <= 0:
            remove_waiter(m, waiter)
            stop_waiting(m, me, waiter)
            w.x[A0] = -EFAULT  # before the claim, after which it may run
            word = claim_waiter(m, waiter)
        else:
            first = first_waiter(m, b, space, address)
            waiter = first if m.threads[first].waits_for == i + 1 else waiter
            while True:
                value = load_int32_in(m, entry, va)
                handed = int32(WAITERS | OWNER_DIED | tid_of(m, waiter))
                if exchange_int32_in(m, entry, va, value, handed) != 0 or load_relaxed(m, "failed") != 0:
                    break
            word = _give(m, me, b, space, address, waiter)
    unlock_bucket(m, me, b)
    unlock_mm(m, me, task)
    return waiter, word
