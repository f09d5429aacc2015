"""Futexes: sleeping until another thread changes a word of guest memory.

Waiters are listed in hashed buckets by key: (task, guest address), or (-1,
physical address) for memory that several tasks share.  Invariant: under the bucket's
lock, a thread is in the bucket exactly when its sleep has not been claimed.  The
waiter compares the guest's word under that lock, and a waker takes the lock after
the guest changed the word, so no wake-up falls between the two (futex(2)).  Who has a real-time priority of its own
is woken first, the highest before others, and among equals who came first.
Locks: the task's mm_lock, then buckets; the words are reached through vm/usercopy.py.
"""

from ...abi.errno import EAGAIN, EFAULT, EINVAL, ENOSYS
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...shm.atomics import load_relaxed, load_seq_cst, store_relaxed
from ...shm.exits import ACCESS_READ
from ..critical import either, noncritical
from ..sched.waking import make_runnable
from ..thread.sleep_word import claim, hand_over, prepare_sleep, take
from ..thread.states import SLEEP_FUTEX, SLEEP_TIMED
from ..vm.faults import resolve
from ..vm.maplock import lock_mm, unlock_mm
from ..vm.usercopy import change_int32, load_int32, load_int32_in, put_int32
from .futex_key import bucket_of, key_in, key_of, lock_bucket, unlock_bucket
from .futex_vector import mark_vector, move_vectors, take_vector
from .heap import count_stale
from .inheritance import stop_waiting
from .timeout_ring import post_timeout

MATCH_ANY = 0xFFFFFFFF

# THREAD.futex_kind: a wait for a wake-up, for a PI futex (pi_futex.py), for being moved to one, and for it once moved.
FUTEX_PLAIN, FUTEX_PI, FUTEX_MOVABLE, FUTEX_MOVED = range(4)


@hot
def insert(m, b, i):
    """Put thread i into a locked bucket: behind those of its own real-time priority, before those of lower ones."""
    bucket = m.buckets[b]
    t = m.threads[i]
    before = bucket.tail
    while before >= 0 and m.threads[before].own_realtime < t.own_realtime:
        before = m.threads[before].wait_previous
    after = bucket.head if before < 0 else m.threads[before].wait_next
    t.wait_previous = before
    t.wait_next = after
    if before >= 0:
        m.threads[before].wait_next = i
    else:
        bucket.head = i
    if after >= 0:
        m.threads[after].wait_previous = i
    else:
        bucket.tail = i
    store_relaxed(t, "bucket", b)


@hot
def remove_waiter(m, i):
    """Take a thread out of its bucket, whose lock is held."""
    t = m.threads[i]
    bucket = m.buckets[t.bucket]
    if t.wait_previous >= 0:
        m.threads[t.wait_previous].wait_next = t.wait_next
    else:
        bucket.head = t.wait_next
    if t.wait_next >= 0:
        m.threads[t.wait_next].wait_previous = t.wait_previous
    else:
        bucket.tail = t.wait_previous
    store_relaxed(t, "bucket", -1)


@hot
def take_waiter(m, me, i, word):
    """Take a futex sleeper for a reason other than its futex, and unlist it."""
    never_inline()
    either(m, me)
    t = m.threads[i]
    while load_seq_cst(t, "sleep") == word:
        b = load_relaxed(t, "bucket")
        if b < 0:
            if load_relaxed(m, "failed") != 0:
                return False
            continue  # its waker, or the sleeper itself, is between two stores under the lock
        lock_bucket(m, me, b)
        won = t.bucket == b and take(t, word)
        if won:
            remove_waiter(m, i)
            if t.waits_for != 0:
                stop_waiting(m, me, i)
        unlock_bucket(m, me, b)
        if won:
            return True
    return False


@hot
def wait_on(m, me, i, va, expected, deadline_ns, bits, private):
    """FUTEX_WAIT: 0 when the thread now sleeps (it must block), else a negative error."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if va & 3 or bits == 0:
        return -EINVAL
    lock_mm(m, me, t.task)  # until the word has been compared, so that its frame stays this task's
    entry = resolve(m, me, t.task, va, ACCESS_READ)
    if entry <= 0:
        unlock_mm(m, me, t.task)
        return -EFAULT
    space, address = key_in(m, t.task, entry, va, private)
    b = bucket_of(space, address)
    lock_bucket(m, me, b)
    word = 0
    if load_int32_in(m, entry, va) == expected:
        t.futex_space = space
        t.futex_address = address
        t.futex_bits = bits
        t.futex_kind = FUTEX_PLAIN
        t.x[A0] = 0
        t.deadline_ns = deadline_ns
        insert(m, b, i)
        word = prepare_sleep(t, SLEEP_FUTEX | (SLEEP_TIMED if deadline_ns != 0 else 0))
    unlock_bucket(m, me, b)
    unlock_mm(m, me, t.task)
    if word == 0:
        return -EAGAIN
    if deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, word)
    return 0


@hot
def wake_on(m, me, task, va, count, bits, private):
    """FUTEX_WAKE: how many threads were woken, or a negative error: EINVAL where the word is a PI futex."""
    never_inline()
    if va & 3 or bits == 0:
        return -EINVAL
    error, space, address = key_of(m, me, task, va, private)
    return error if error < 0 else _wake(m, me, space, address, count, bits)


@hot
def _wake(m, me, space, address, count, bits):
    never_inline()
    b = bucket_of(space, address)
    woken = 0
    word = 0
    while woken < count:
        lock_bucket(m, me, b)
        i = m.buckets[b].head
        while i >= 0:
            t = m.threads[i]
            if t.futex_space == space and t.futex_address == address and t.futex_bits & bits:
                break
            i = t.wait_next
        if i >= 0 and m.threads[i].futex_kind != FUTEX_PLAIN:
            unlock_bucket(m, me, b)
            return -EINVAL
        if i >= 0:
            remove_waiter(m, i)
            word = load_relaxed(m.threads[i], "sleep")
            claim(m.threads[i], word)
        vector, sleep, position = mark_vector(m, me, b, space, address) if i < 0 else (-1, 0, 0)
        unlock_bucket(m, me, b)
        if i >= 0:
            count_stale(m, word)
            make_runnable(m, me, i)
        elif vector < 0:
            break
        elif take_vector(m, me, vector, sleep):
            count_stale(m, sleep)
            m.threads[vector].x[A0] = position
            hand_over(m.threads[vector])
            make_runnable(m, me, vector)
        woken += 1
    return woken


@hot
def requeue(m, me, task, va, target_va, wake_count, move_count, compare, expected, private):
    """FUTEX_REQUEUE and, with `compare`, FUTEX_CMP_REQUEUE: threads woken plus threads moved."""
    never_inline()
    noncritical(m, me)
    if va & 3 or target_va & 3 or wake_count < 0 or move_count < 0:
        return -EINVAL
    error, space, address = key_of(m, me, task, va, private)
    to_error, to_space, to_address = key_of(m, me, task, target_va, private)
    if error < 0 or to_error < 0:
        return -EFAULT
    if compare:
        error, value = load_int32(m, me, task, va)
        if error < 0 or value != expected:
            return error if error < 0 else -EAGAIN
    woken = _wake(m, me, space, address, wake_count, MATCH_ANY)
    if woken < 0:
        return woken
    b, to = bucket_of(space, address), bucket_of(to_space, to_address)
    moved = 0
    lock_mm(m, me, task)
    lock_bucket(m, me, min(b, to))
    if b != to:
        lock_bucket(m, me, max(b, to))
    if compare:  # once more, under the locks: see wait_on
        entry = resolve(m, me, task, va, ACCESS_READ)
        if entry <= 0 or load_int32_in(m, entry, va) != expected:
            move_count = 0
    same = space == to_space and address == to_address  # then waiters stay where they are, and count as moved
    i = m.buckets[b].head
    while i >= 0 and moved < move_count:
        t = m.threads[i]
        following = t.wait_next
        if t.futex_space == space and t.futex_address == address:
            if t.futex_kind != FUTEX_PLAIN:
                moved = -EINVAL - woken
                break
            if not same:
                remove_waiter(m, i)
                t.futex_space = to_space
                t.futex_address = to_address
                insert(m, to, i)
            moved += 1
        i = following
    if 0 <= moved < move_count and not same:
        moved += move_vectors(m, me, b, space, address, to, to_space, to_address, move_count - moved)
    if b != to:
        unlock_bucket(m, me, max(b, to))
    unlock_bucket(m, me, min(b, to))
    unlock_mm(m, me, task)
    return woken + moved


@hot
def _compares(old, comparison, argument):
    """FUTEX_WAKE_OP: whether the second word's old value satisfies the comparison."""
    if comparison == 0:
        return old == argument
    if comparison == 1:
        return old != argument
    if comparison == 2:
        return old < argument
    if comparison == 3:
        return old <= argument
    if comparison == 4:
        return old > argument
    return old >= argument


@hot
def wake_op(m, me, task, va, second_va, count, second_count, encoded, private):
    """FUTEX_WAKE_OP: change the second word atomically, wake on the first and, if the
    comparison held, on the second; threads woken or a negative error."""
    never_inline()
    if second_va & 3:
        return -EINVAL
    operation, comparison = (encoded >> 28) & 15, (encoded >> 24) & 15
    argument = (((encoded >> 12) & 0xFFF) ^ 0x800) - 0x800
    compared = ((encoded & 0xFFF) ^ 0x800) - 0x800
    if operation & 8:
        argument = 1 << (argument & 31)
        operation &= 7
    if operation > 4 or comparison > 5:
        return -ENOSYS
    error, old = change_int32(m, me, task, second_va, operation, argument)
    if error < 0:
        return error
    woken = wake_on(m, me, task, va, count, MATCH_ANY, private)
    if woken >= 0 and _compares(old, comparison, compared):
        woken += max(wake_on(m, me, task, second_va, second_count, MATCH_ANY, private), 0)
    return woken


@hot
def clear_and_wake(m, me, task, va):
    """At thread exit: the word becomes 0 and one waiter wakes (CLONE_CHILD_CLEARTID).

    Linux wakes as for shared memory; the key of private memory is the same either way,
    so this reaches those who wait for a thread's end with and without FUTEX_PRIVATE.
    """
    never_inline()
    if put_int32(m, me, task, va, 0) == 0:
        wake_on(m, me, task, va, 1, MATCH_ANY, 0)
