"""Sleeping on several words of guest memory at once (futex_waitv).

A thread has one place in one bucket, so a waiter on several words has a record in the bucket of each (VECTOR), chained
from THREAD.first_vector.  They name one sleep, and whoever ends that takes all of them out of their buckets:

    waiter: a record for each word, inserted after         waker, under the bucket's lock:
            comparing, under the bucket's lock                     THREAD.vector_woken = its position + 1 (full fence)
            prepare_sleep (full fence)                             take the record out
            vector_woken is set: try to take the own       then try to take the sleep that the record names; who
            sleep, and end the call at once                gets it frees the records and wakes the thread

Invariant: records are freed by their thread before its sleep is declared, later only by whoever has taken that sleep.
A record names the sleep before that begins (its sequence is the thread's next), so a waker that comes early or late
takes nothing.  If it comes early, the waiter finds the mark, since each side writes, then looks at the other's word.
The mark is set before `bucket` says that the record is out, so it is never set in a later call.

A wake-up, and a requeue, reaches those who wait for one word before those who wait for several.  A requeue may move a
record to another bucket at any time, so whoever frees it looks again until the bucket that it has locked is the
record's.  Locks: the task's mm_lock, buckets, vectors_lock.
"""

from ...abi.errno import EAGAIN, EFAULT, EINVAL, ENOMEM
from ...hot import hot, never_inline
from ...limits import MAX_VECTORS
from ...shm import lockrank
from ...shm.atomics import exchange, load_acquire, load_seq_cst, store_relaxed, store_release
from ...shm.exits import ACCESS_READ
from ...shm.spinlock import acquire, field_address, release
from ..critical import critical, either, noncritical
from ..thread.sleep_word import pack_sleep, prepare_sleep, take
from ..thread.states import SLEEP_TIMED, SLEEP_VECTOR
from ..vm.faults import resolve
from ..vm.maplock import lock_mm, unlock_mm
from ..vm.usercopy import load_int32_in
from .futex_key import bucket_of, key_in, lock_bucket, unlock_bucket

WAITS = -1


@hot
def _lock_vectors(m, me):
    acquire(m, me, field_address(m, "vectors_lock"), lockrank.VECTORS)


@hot
def _unlock_vectors(m, me):
    release(m, me, field_address(m, "vectors_lock"))


@hot
def _allocate(m, me):
    """A record that nobody has, or -1."""
    _lock_vectors(m, me)
    r = m.free_vector - 1
    if r >= 0:
        m.free_vector = m.vectors[r].next
    elif m.fresh_vector < MAX_VECTORS:
        r = m.fresh_vector
        m.fresh_vector += 1
    _unlock_vectors(m, me)
    return r


@hot
def _free(m, me, r):
    _lock_vectors(m, me)
    m.vectors[r].next = m.free_vector
    m.free_vector = r + 1
    _unlock_vectors(m, me)


@hot
def _append(m, b, r):
    v, bucket = m.vectors[r], m.buckets[b]
    v.next = 0
    v.previous = bucket.last_vector
    if bucket.last_vector != 0:
        m.vectors[bucket.last_vector - 1].next = r + 1
    else:
        bucket.first_vector = r + 1
    bucket.last_vector = r + 1
    store_relaxed(v, "bucket", b)


@hot
def _unlink(m, b, r):
    v, bucket = m.vectors[r], m.buckets[b]
    if v.previous != 0:
        m.vectors[v.previous - 1].next = v.next
    else:
        bucket.first_vector = v.next
    if v.next != 0:
        m.vectors[v.next - 1].previous = v.previous
    else:
        bucket.last_vector = v.previous


@hot
def _take_out(m, b, r):
    _unlink(m, b, r)
    store_release(m.vectors[r], "bucket", -1)  # after vector_woken; pairs with load_acquire in free_vectors


@hot
def begin_vector(m, i, timed):
    """Thread i, which runs, is about to wait for several words: the word of the sleep that it will have."""
    t = m.threads[i]
    t.first_vector = 0
    store_relaxed(t, "vector_woken", 0)
    return pack_sleep(SLEEP_VECTOR | (SLEEP_TIMED if timed else 0), t.sleep_sequence + 1)


@hot
def add_word(m, me, i, sleep, position, va, expected, private):
    """One more word for thread i to wait for: 0, -EAGAIN: it has another value, -EFAULT, -EINVAL, -ENOMEM."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if va & 3:
        return -EINVAL
    r = _allocate(m, me)
    if r < 0:
        return -ENOMEM
    v = m.vectors[r]
    v.thread = i
    v.sleep = sleep
    v.position = position
    error = -EFAULT
    lock_mm(m, me, t.task)
    entry = resolve(m, me, t.task, va, ACCESS_READ)
    if entry > 0:
        error = -EAGAIN
        v.space, v.address = key_in(m, t.task, entry, va, private)
        b = bucket_of(v.space, v.address)
        lock_bucket(m, me, b)
        if load_int32_in(m, entry, va) == expected:
            error = 0
            v.next_of_thread = t.first_vector
            t.first_vector = r + 1
            _append(m, b, r)
        unlock_bucket(m, me, b)
    unlock_mm(m, me, t.task)
    if error < 0:
        _free(m, me, r)
    return error


@hot
def free_vectors(m, me, i):
    """Give back the records of a thread whose sleep has not begun, or was taken by the caller."""
    never_inline()
    either(m, me)
    t = m.threads[i]
    r = t.first_vector - 1
    t.first_vector = 0
    while r >= 0:
        v = m.vectors[r]
        following = v.next_of_thread - 1
        b = load_acquire(v, "bucket")
        while b >= 0:
            lock_bucket(m, me, b)
            if v.bucket == b:  # it has not been moved meanwhile
                _take_out(m, b, r)
            unlock_bucket(m, me, b)
            b = load_acquire(v, "bucket")
        _free(m, me, r)
        r = following


@hot
def sleep_on_vector(m, me, i, deadline_ns):
    """All words are added: WAITS, and the caller blocks, or the position of one that was woken meanwhile."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    t.deadline_ns = deadline_ns
    word = prepare_sleep(t, SLEEP_VECTOR | (SLEEP_TIMED if deadline_ns != 0 else 0))
    woken = load_seq_cst(t, "vector_woken")  # pairs with the exchange in mark_vector
    if woken != 0 and take(t, word):
        free_vectors(m, me, i)
        store_relaxed(t, "sleep", 0)  # it is awake, and nobody else may end that sleep any more
        return woken - 1
    return WAITS


@hot
def mark_vector(m, me, b, space, address):
    """Take out of a locked bucket the first that waits for this key: (thread, the sleep to end, position), or -1s."""
    critical(m, me)
    r = m.buckets[b].first_vector - 1
    while r >= 0:
        v = m.vectors[r]
        if v.space == space and v.address == address:
            i, sleep, position = v.thread, v.sleep, v.position
            exchange(m.threads[i], "vector_woken", position + 1)  # pairs with load_seq_cst in sleep_on_vector
            _take_out(m, b, r)
            return i, sleep, position
        r = v.next - 1
    return -1, 0, 0


@hot
def move_vectors(m, me, b, space, address, to, to_space, to_address, most):
    """Let up to so many that wait for one key wait for another one; how many. Both buckets, b and to, are locked."""
    never_inline()
    critical(m, me)
    moved = 0
    r = m.buckets[b].first_vector - 1
    while r >= 0 and moved < most:
        v = m.vectors[r]
        following = v.next - 1
        if v.space == space and v.address == address:
            _unlink(m, b, r)
            v.space = to_space
            v.address = to_address
            _append(m, to, r)
            moved += 1
        r = following
    return moved


@hot
def take_vector(m, me, i, word):
    """Take the sleep `word` of a thread that waits for several words; False if another did. No result is given."""
    never_inline()
    either(m, me)
    if not take(m.threads[i], word):
        return False
    free_vectors(m, me, i)
    return True
